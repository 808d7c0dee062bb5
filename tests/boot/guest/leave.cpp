// boot_leave: ends the virtual machine through QEMU's isa-debug-exit at port 0xf4. QEMU's exit status is then 33
// (value * 2 + 1), which neither a power-off nor a panic gives.
#include <sys/io.h>
#include <unistd.h>

int main() {
    ::sync();
    if (::ioperm(0xf4, 1, 1) != 0) return 1;
    ::outb(16, 0xf4);
    return 1;
}
