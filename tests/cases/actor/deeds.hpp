// One function a deed; each takes the words behind the deed's name and returns the exit status.
#pragma once

namespace actor {

int wait_for_the_end(int count, char** words);  ///< until a signal
int leaf(int count, char** words);              ///< TAG CODE: ends with CODE
int slow_vfork(int count, char** words);  ///< SECONDS: a vfork child that long, then it execs `actor leaf vforked 5`
int leader_leaves(int count,
                  char** words);  ///< exit(2) of the main thread; a thread forks 300 ms later, then ends all with 9
int thread_execs(int count, char** words);       ///< a thread execs `actor leaf by-thread 6`
int calls_of_32_bit(int count, char** words);    ///< fork, execve of /bin/true and exit(11) by int 0x80
int execveat_relative(int count, char** words);  ///< DIRECTORY NAME: execveat of it, argv "relative"
int no_arguments(int count, char** words);       ///< PATH: execs it with argc 0
int become(int count, char** words);             ///< UID [COMMAND...]: setresuid without exec, then COMMAND or the end
int own_user_namespace(int count,
                       char** words);     ///< unshare(CLONE_NEWUSER), root in it; forks a child that ends with 4
int eat_memory(int count, char** words);  ///< until the OOM killer comes
int storm(int count, char** words);       ///< WORKERS LIVES MILLISECONDS_MAX: see storm.cpp
int chatter(int count, char** words);     ///< SECONDS: getppid as fast as it goes

}  // namespace actor
