// Touching a mapped file, where a page may turn out not to be had: an I/O error, a file system that has become
// read-only, a file that somebody cut short. The kernel says so with SIGBUS (mmap(2)); here it becomes a return value.
//
// A SIGBUS outside of guarded() goes to whoever handled it before. Threads do not disturb each other. Costs about 5 ns.
#pragma once

#include <csetjmp>

namespace lineage::journal {

/// Where this thread goes on after a SIGBUS; nullptr: it is not within guarded().
inline thread_local std::jmp_buf* guard = nullptr;
/// Makes SIGBUS come to us, once a process; before the first guarded().
void install_guard();

/// False: not all of what `touch` does could be done. It must leave nothing that a destructor would have to undo.
template <class Touch>
bool guarded(const Touch& touch) {
    std::jmp_buf here;
    std::jmp_buf* const outer = guard;
    if (_setjmp(here) != 0) {  // _setjmp saves no signal mask; SA_NODEFER has left that as it was
        guard = outer;
        return false;
    }
    guard = &here;
    touch();
    guard = outer;
    return true;
}

}  // namespace lineage::journal
