# System calls of the 32-bit table from a 32-bit program: fork, in the child execve("/bin/true"), in the parent
# waitpid and exit_group(7).   as --32; ld -m elf_i386
.globl _start
.data
path: .asciz "/bin/true"
.align 4
argv: .long path, 0
.text
_start:
  movl $2, %eax         # fork
  int $0x80
  testl %eax, %eax
  jz child
  movl %eax, %ebx
  movl $7, %eax         # waitpid
  xorl %ecx, %ecx
  xorl %edx, %edx
  int $0x80
  movl $252, %eax       # exit_group
  movl $7, %ebx
  int $0x80
child:
  movl $11, %eax        # execve
  movl $path, %ebx
  movl $argv, %ecx
  xorl %edx, %edx
  int $0x80
  movl $1, %eax         # exit
  movl $1, %ebx
  int $0x80
