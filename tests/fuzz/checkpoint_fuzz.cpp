// Any bytes as the checkpoint of a database: the pipeline refuses what it has not written itself, and what lies below
// its checksum is read without a crash, too. Half of the inputs are a checkpoint of a small history with some of its
// bytes changed, since hardly any other bytes get far.
#include <cstdint>
#include <string>
#include <string_view>

#include "forest_check.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/tree/tracker.hpp"

using namespace lineage;

namespace {

constexpr audit::AssemblerLimits limits{.slack = 4, .window = 16, .remembered = 16};

/// Keeps the checkpoint it is given.
class Keep final : public fuzz::ForestCheck {
public:
    void set_checkpoint(std::uint64_t, std::string_view state) override { kept = state; }
    std::string kept;
};

void feed(ingest::Pipeline& pipeline) {
    constexpr const char* lines[] = {
        "type=SYSCALL msg=audit(1700000001.000:11): arch=c000003e syscall=56 success=yes exit=102 a0=1200011 a1=0 a2=0 "
        "a3=0 items=0 ppid=1 pid=100 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 "
        "comm=\"sh\" exe=\"/bin/sh\" key=\"lineage\"",
        "type=PROCTITLE msg=audit(1700000001.000:11): proctitle=\"sh\"",
        "type=SYSCALL msg=audit(1700000002.000:12): arch=c000003e syscall=59 success=yes exit=0 a0=0 a1=0 a2=0 a3=0 "
        "items=0 ppid=100 pid=102 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 "
        "comm=\"ls\" exe=\"/bin/ls\" key=\"lineage\"",
        "type=EXECVE msg=audit(1700000002.000:12): argc=1 a0=\"ls\"",
        "type=PROCTITLE msg=audit(1700000002.000:12): proctitle=\"ls\"",
        "type=SYSCALL msg=audit(1700000003.000:13): arch=c000003e syscall=231 a0=0 a1=0 a2=0 a3=0 items=0 ppid=100 "
        "pid=102 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm=\"ls\" "
        "exe=\"/bin/ls\" key=\"lineage\""};
    std::int64_t now_ns = 1'700'000'000'000'000'000;
    for (const std::string_view line : lines) {
        model::Frame frame;
        frame.source = model::Source::audit_line;
        frame.received_ns = now_ns += 1'000'000'000;
        frame.payload = line;
        pipeline.frame(frame);
    }
}

const std::string& good_checkpoint() {
    static const std::string kept = [] {
        Keep store;
        ingest::Pipeline pipeline(store, limits);
        feed(pipeline);
        CHECK(pipeline.commit_with_checkpoint(1).has_value());
        return store.kept;
    }();
    return kept;
}

/// Each three bytes of `changes`: where (16 bits), and the new byte there.
std::string changed(std::string bytes, std::string_view changes) {
    for (; changes.size() >= 3; changes.remove_prefix(3)) {
        const auto at = static_cast<std::size_t>(static_cast<unsigned char>(changes[0])) |
                        static_cast<std::size_t>(static_cast<unsigned char>(changes[1])) << 8;
        bytes[at % bytes.size()] = changes[2];
    }
    return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    if (input.empty()) return 0;
    const bool from_good = (input[0] & 1) != 0;
    input.remove_prefix(1);
    const auto saved = from_good ? changed(good_checkpoint(), input) : std::string(input);
    fuzz::ForestCheck store;
    ingest::Pipeline pipeline(store, limits);
    const bool taken = pipeline.restore({2, 1, saved}).has_value();
    CHECK(taken == (saved.empty() || saved == good_checkpoint()));

    base::Decoder in(saved);
    tree::Tracker tracker;
    (void)tracker.restore(in.get_bytes());
    audit::Assembler assembler([](model::Observation&&) {}, limits);
    assembler.restore(in);
    return 0;
}
