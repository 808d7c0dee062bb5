#include "lineage/model/process.hpp"

namespace lineage::model {

const char* name_of(How how) {
    switch (how) {
        case How::unknown:
            break;
        case How::fork:
            return "fork";
        case How::vfork:
            return "vfork";
        case How::clone:
            return "clone";
        case How::clone3:
            return "clone3";
        case How::boot:
            return "boot";
        case How::snapshot:
            return "snapshot";
        case How::kernel:
            return "kernel";
    }
    return "unknown";
}

const char* name_of(Witness witness) {
    switch (witness) {
        case Witness::audit:
            return "audit";
        case Witness::connector:
            return "connector";
        case Witness::procfs:
            return "procfs";
    }
    return "unknown";
}

const char* text_of(Inferred why) {
    switch (why) {
        case Inferred::no:
            break;
        case Inferred::parent_from_ppid:
            return "the fork was not seen; parent is the ppid of the first record";
        case Inferred::parent_unknown:
            return "no record names the parent; hung under the nearest known ancestor";
        case Inferred::named_only:
            return "known only because a record of another process names it";
        case Inferred::exit_of_thread:
            return "ended by exit(2), which may have ended one thread only";
        case Inferred::before_us:
            return "it was there before the recorder; parent is the ppid in /proc";
    }
    return nullptr;
}

}  // namespace lineage::model
