#include "file_watch.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace lineage::store {

FileWatch::FileWatch(const std::string& database) : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    const std::string names[] = {database, database + "-wal"};
    for (std::size_t i = 0; i < files_.size(); ++i) {
        files_[i].file.reset(::open(names[i].c_str(), O_PATH | O_CLOEXEC));
        files_[i].number = ::inotify_add_watch(inotify_.get(), names[i].c_str(), IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF);
    }
}

void FileWatch::read_events() {
    alignas(inotify_event) char buffer[4096];
    ssize_t size = 0;
    while ((size = ::read(inotify_.get(), buffer, sizeof buffer)) > 0) {
        for (const char* at = buffer; at < buffer + size;) {
            inotify_event event{};
            std::memcpy(&event, at, sizeof event);
            at += sizeof event + event.len;
            written_ |= (event.mask & IN_MODIFY) != 0;
            moved_ |= (event.mask & IN_MOVE_SELF) != 0;
            if ((event.mask & IN_ATTRIB) == 0) continue;
            for (const Watched& one :
                 files_) {  // a removed file that is open still has lost a link, which is an attribute
                struct stat status {};
                if (one.number == event.wd && ::fstat(one.file.get(), &status) == 0 && status.st_nlink == 0)
                    moved_ = true;
            }
        }
    }
}

FileWatch::Sight FileWatch::look() {
    read_events();
    if (moved_) return Sight::moved;
    return written_ ? Sight::written : Sight::untouched;
}

void FileWatch::forgive() {
    read_events();
    written_ = false;
}

}  // namespace lineage::store
