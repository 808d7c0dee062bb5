// Goal: the tracker's tree equals the truth, whatever the order and delay of what the witnesses said; and where
// something was dropped, every difference lies inside a gap that was reported.
// Method: for each seed a simulated kernel (world.hpp) yields frames and the truth; the frames go through the real
// pipeline into memory; the rows are compared. A failure prints the seed: `sim --seeds N..N --mode M` replays it.
#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <set>
#include <string>

#include "lineage/ingest/pipeline.hpp"
#include "memory_store.hpp"
#include "world.hpp"

namespace {

using namespace sim;

struct Problems {
    std::vector<std::string> list;
    void add(std::string text) { list.push_back(std::move(text)); }
};

/// What must hold whatever was lost.
void check_invariants(const MemoryStore& store, Problems& problems) {
    std::map<model::Pid, std::vector<const model::Process*>> by_pid;
    for (const auto& [id, process] : store.processes) {
        by_pid[process.pid].push_back(&process);
        if (process.ended && process.ended->time_ns + 30'000'000 < process.born.time_ns)
            problems.add(fmt::format("@{} pid {} ends before it begins", id, process.pid));
        std::set<model::Id> path;
        model::Id at = id;
        while (store.processes.at(at).pid != 0) {
            if (!path.insert(at).second) {
                problems.add(fmt::format("@{} pid {} is its own ancestor", id, process.pid));
                break;
            }
            const auto up = store.processes.at(at).parent;
            if (store.processes.count(up) == 0) {
                problems.add(fmt::format("@{} pid {} has no parent @{}", at, process.pid, up));
                break;
            }
            at = up;
        }
        if (process.image_owner != 0 && store.images.count({process.image_owner, process.image_seq}) == 0)
            problems.add(fmt::format("@{} pid {} runs image @{}.{} that is not there", id, process.pid,
                                     process.image_owner, process.image_seq));
    }
    for (auto& [pid, lives] : by_pid) {
        std::sort(lives.begin(), lives.end(), [](auto* a, auto* b) { return a->born.time_ns < b->born.time_ns; });
        for (std::size_t i = 1; i < lives.size(); ++i) {
            const auto& before = *lives[i - 1];
            if (!before.ended || before.ended->time_ns > lives[i]->born.time_ns + 15'000'000)
                problems.add(fmt::format("pid {} lives twice at once: @{} and @{}", pid, before.id, lives[i]->id));
        }
    }
}

bool in_gap(const MemoryStore& store, model::TimeNs from_ns, model::TimeNs to_ns) {
    constexpr model::TimeNs slack_ns = 100'000'000;
    for (const auto& gap : store.gaps)
        if (gap.from_ns - slack_ns <= to_ns && from_ns <= gap.to_ns + slack_ns) return true;
    return false;
}

struct Comparison {
    const World& world;
    const MemoryStore& store;
    const Options& options;
    std::map<std::pair<model::Pid, model::TimeNs>, std::vector<const model::Process*>> born;

    /// The stored life of a true one: the connector's birth time is exact, audit's is not.
    const model::Process* find(const TrueLife& life, std::string& wrong) const {
        std::vector<const model::Process*> found;
        for (auto at = born.lower_bound({life.pid, INT64_MIN}); at != born.end() && at->first.first == life.pid; ++at) {
            const auto distance = std::abs(at->first.second - life.born_ns);
            if (distance == 0 || life.pid <= 30 || (!options.connector && distance < 90'000'000))
                found.insert(found.end(), at->second.begin(), at->second.end());
        }
        if (found.size() == 1) return found.front();
        wrong = found.empty() ? "missing" : fmt::format("present {} times", found.size());
        return nullptr;
    }

    std::string difference(const TrueLife& life) const {
        std::string wrong;
        const model::Process* const process = find(life, wrong);
        if (process == nullptr) return wrong;
        if (life.pid == 0) return "";
        const auto& parent = store.processes.at(process->parent);
        const auto& true_parent = world.lives[static_cast<std::size_t>(life.parent)];
        if (parent.pid != true_parent.pid ||
            (!true_parent.in_snapshot &&
             std::abs(parent.born.time_ns - true_parent.born_ns) > (options.connector ? 0 : 90'000'000)))
            return fmt::format("parent is pid {}, should be {}", parent.pid, true_parent.pid);
        if (process->ended.has_value() != life.ended_ns.has_value())
            return life.ended_ns ? "end missing" : "ended, but lives";
        if (life.ended_ns && (process->ended->code != life.code || process->ended->signal != life.signal))
            return fmt::format("end is code {} signal {}, should be code {} signal {}",
                               process->ended->code.value_or(-1), process->ended->signal.value_or(-1),
                               life.code.value_or(-1), life.signal.value_or(-1));
        if (process->credentials.uid != life.uid)
            return fmt::format("uid is {}, should be {}", process->credentials.uid, life.uid);
        if (!options.audit) return "";
        if (process->credentials.auid != life.auid)
            return fmt::format("auid is {}, should be {}", process->credentials.auid, life.auid);
        if (process->credentials.ses != life.ses)
            return fmt::format("ses is {}, should be {}", process->credentials.ses, life.ses);
        if (process->ns_pid != life.ns_pid)
            return fmt::format("ns_pid is {}, should be {}", process->ns_pid.value_or(-1), life.ns_pid.value_or(-1));
        std::vector<const model::Image*> images;
        for (auto at = store.images.lower_bound({process->id, 0});
             at != store.images.end() && at->first.first == process->id; ++at)
            images.push_back(&at->second);
        if (process->pid == 2) return "";
        if (images.size() != life.images.size())
            return fmt::format("{} images, should be {}", images.size(), life.images.size());
        for (std::size_t i = 0; i < images.size(); ++i)
            if (images[i]->argv != life.images[i].argv || images[i]->exe != life.images[i].exe)
                return fmt::format("image {} is {}", i, images[i]->exe);
        return "";
    }
};

/// The frames that speak of a pid, to read after a failure: --pid N.
void print_frames(const World& world, model::Pid pid) {
    for (const auto& frame : world.frames) {
        std::string text;
        if (frame.source == model::Source::audit) {
            const bool names = frame.payload.find(fmt::format("pid={} ", pid)) != std::string::npos ||
                               frame.payload.find(fmt::format("exit={} ", pid)) != std::string::npos;
            if (names) text = frame.payload;
        } else if (frame.source == model::Source::connector) {
            std::uint32_t fields[12];
            std::memcpy(fields, frame.payload.data() + 20, sizeof fields);
            for (int i = 4; i < 8; ++i)
                if (fields[i] == static_cast<std::uint32_t>(pid))
                    text = fmt::format("connector {:x} at {}: {} {} {} {}", fields[0],
                                       fields[2] + (std::int64_t{fields[3]} << 32), fields[4], fields[5], fields[6],
                                       fields[7]);
        }
        if (!text.empty()) std::printf("%lld %s\n", static_cast<long long>(frame.received_ns), text.c_str());
    }
}

Problems run(const Options& options, int& wrong_in_gaps, int& total) {
    Problems problems;
    World world(options);
    MemoryStore store;
    lineage::ingest::Pipeline pipeline(store);
    std::mt19937_64 commits(options.seed);
    std::uint64_t position = 0;
    std::size_t taken = 0;
    const auto take_frames = [&] {
        for (; taken < world.frames.size(); ++taken) {
            const auto& frame = world.frames[taken];
            pipeline.frame({frame.source, frame.type, frame.received_ns, frame.payload});
            if (commits() % 50 == 0) (void)pipeline.commit(++position);
        }
    };
    while (world.advance()) {
        take_frames();
        for (const auto& question : pipeline.take_questions()) world.answer(question.pid);
    }
    take_frames();
    pipeline.finish();
    (void)pipeline.commit(++position);
    if (options.pid != 0) print_frames(world, options.pid);
    for (const auto& [id, process] : store.processes)
        if (options.pid != 0 && process.pid == options.pid)
            std::printf("@%lld born %lld (%d) serial %lld ended %lld (%d) parent @%lld inferred %d\n",
                        static_cast<long long>(id), static_cast<long long>(process.born.time_ns),
                        process.born.witnesses, static_cast<long long>(process.born.serial),
                        static_cast<long long>(process.ended ? process.ended->time_ns : 0),
                        process.ended ? process.ended->witnesses : 0, static_cast<long long>(process.parent),
                        static_cast<int>(process.inferred));
    check_invariants(store, problems);
    if (!options.connector ||
        !options.audit) {  // one witness: the invariants alone are promised; what is right is counted
        wrong_in_gaps = 0;
    }
    Comparison compare{world, store, options, {}};
    for (const auto& [id, process] : store.processes)
        compare.born[{process.pid, process.born.time_ns}].push_back(&process);
    for (const auto& life : world.lives) {
        ++total;
        const auto difference = compare.difference(life);
        if (difference.empty()) continue;
        const bool both = options.audit && options.connector;
        const auto end_ns = life.ended_ns.value_or(INT64_MAX);
        if (!both || (options.drop > 0 && in_gap(store, life.born_ns, end_ns)))
            ++wrong_in_gaps;
        else
            problems.add(fmt::format("pid {} born {}: {}", life.pid, life.born_ns, difference));
    }
    if (options.audit && options.connector && options.drop == 0 && store.processes.size() != world.lives.size())
        problems.add(fmt::format("{} processes, should be {}", store.processes.size(), world.lives.size()));
    return problems;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    std::uint64_t first = 1;
    std::uint64_t last = 100;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        const std::string value = argv[i + 1];
        if (name == "--seeds") {
            const auto dots = value.find("..");
            first = std::stoull(value.substr(0, dots));
            last = std::stoull(value.substr(dots + 2));
        } else if (name == "--mode") {
            options.audit = value != "connector";
            options.connector = value != "audit";
        } else if (name == "--drop") {
            options.drop = std::stod(value);
        } else if (name == "--duplicate") {
            options.duplicate = std::stod(value);
        } else if (name == "--namespaces") {
            options.namespaces = value != "no";
        } else if (name == "--pid") {
            options.pid = std::stoi(value);
        } else if (name == "--processes") {
            options.processes = std::stoi(value);
        } else {
            std::fprintf(stderr,
                         "usage: sim [--seeds A..B] [--mode both|audit|connector] [--drop SHARE] [--duplicate SHARE] "
                         "[--namespaces yes|no] [--processes N] [--pid N]\n");
            return 2;
        }
    }
    int failed = 0;
    int wrong = 0;
    int total = 0;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        options.seed = seed;
        int seed_wrong = 0;
        const auto problems = run(options, seed_wrong, total);
        wrong += seed_wrong;
        if (problems.list.empty()) continue;
        ++failed;
        std::printf("seed %llu: %zu problems\n", static_cast<unsigned long long>(seed), problems.list.size());
        for (std::size_t i = 0; i < problems.list.size() && i < 5; ++i) std::printf("  %s\n", problems.list[i].c_str());
        if (failed == 10) break;
    }
    std::printf("%llu seeds, %d processes, %d of them wrong where that may be, %d seeds failed\n",
                static_cast<unsigned long long>(last - first + 1), total, wrong, failed);
    return failed == 0 ? 0 : 1;
}
