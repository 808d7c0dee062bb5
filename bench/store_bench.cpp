// What a process costs in the store: bytes on disk by table and index, CPU to write, time to read back. The processes
// are short ones (a fork, an exec, an exit), like a shell script's: three in ten have an argv of their own, one in ten
// outlives its batch and is put again when it ends, one in a hundred lives for minutes.
//
// usage: store_bench FILE [PROCESSES [PID_MAX]]    FILE is made anew and left there
#include <sqlite3.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "lineage/store/store.hpp"

using namespace lineage;

namespace {

constexpr int batch_processes = 333;  // about 1000 changes

double cpu_s() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class T>
T must(base::Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "store_bench: %s\n", result.error().message().c_str());
        std::exit(3);
    }
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class Script {
public:
    explicit Script(model::Pid pid_max) : pid_max_(pid_max) {}

    struct Life {
        model::Process process;
        model::Image image;
    };
    Life next() {
        now_ns_ += upto(1'500'000);
        serial_ += 3;
        pid_ = pid_ + 1 < pid_max_ ? pid_ + 1 : 300;
        Life life;
        auto& process = life.process;
        process.id = ++id_;
        process.boot = 1;
        process.pid = pid_;
        process.parent = parent_;
        process.ppid = pid_ - static_cast<model::Pid>(upto(20));
        process.born = {now_ns_, serial_, model::How::clone, 3};
        process.credentials = {1000, 1000, 1000, 1000, 1000, static_cast<std::uint32_t>(upto(20)), "pts0"};
        const auto program = std::to_string(upto(300));
        process.comm = "program" + program;
        process.image_owner = process.id;
        const auto lived_ns = id_ % 100 == 0 ? 60'000'000'000 + upto(600'000'000'000) : 500'000 + upto(20'000'000);
        process.ended = {now_ns_ + lived_ns, serial_ + 2, 0, std::nullopt, false, 3};
        life.image = {0,
                      now_ns_ + upto(400'000),
                      serial_ + 1,
                      "/usr/bin/program" + program,
                      "",
                      process.comm,
                      "/home/someone/directory" + std::to_string(upto(40)),
                      {"program" + program, "-v", "--all"},
                      process.credentials,
                      3};
        if (upto(10) < 3) life.image.argv = {"sh", "-c", "program --input /tmp/file." + std::to_string(random_())};
        if (upto(5) == 0) parent_ = upto(8) == 0 ? 1 : id_;  // chains of 8 or so
        return life;
    }

private:
    std::int64_t upto(std::int64_t end) {
        return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(end));
    }

    std::mt19937_64 random_{1};
    model::Pid pid_max_, pid_ = 1000;
    model::Id id_ = 1, parent_ = 1;
    model::TimeNs now_ns_ = 1'763'720'000'000'000'000;
    std::int64_t serial_ = 1000;
};

void write(const std::string& path, int processes, model::Pid pid_max) {
    auto writer = must(store::open_writer(path));
    Script script(pid_max);
    std::vector<model::Process> late;
    double spent_s = 0;
    for (int done = 0; done < processes; done += batch_processes) {
        std::vector<Script::Life> lives;
        for (int i = 0; i < batch_processes; ++i) lives.push_back(script.next());
        auto ending = std::move(late);
        late.clear();
        for (auto& life : lives) {
            if (life.process.id % 10 != 0) continue;
            late.push_back(life.process);
            life.process.ended.reset();
        }
        const double before_s = cpu_s();
        must(writer->begin());
        if (done == 0) {
            writer->put(model::Boot{1, "bench", "bench", 0, false});
            model::Process root;
            root.id = root.boot = 1;
            writer->put(root);
        }
        for (const auto& process : ending) writer->put(process);
        for (const auto& life : lives) writer->put(life.process);
        for (const auto& life : lives) writer->put(life.process.id, life.image);
        writer->set_position(static_cast<std::uint64_t>(done));
        must(writer->commit());
        spent_s += cpu_s() - before_s;
    }
    std::printf("write      %6.2f us CPU a process\n", spent_s * 1e6 / processes);
}

void read(const std::string& path, int processes) {
    const auto time = [](const char* what, double per, const char* unit, const auto& work) {
        const auto before = std::chrono::steady_clock::now();
        work();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
        std::printf("%-10s %6.2f %s\n", what, took.count() * 1e6 / per, unit);
    };
    constexpr model::TimeNs late_ns = 2'000'000'000'000'000'000;
    auto reader = must(store::open_reader(path));
    const auto middle = must(reader->by_id(processes / 2));
    time("first", 1, "us: open, by_pid and ancestors", [&] {
        auto one = must(store::open_reader(path));
        must(one->ancestors(must(one->by_pid(middle->process.pid, late_ns))->process.id));
    });
    time("by_event", 1, "us (a birth)",
         [&] { must(reader->by_event(middle->process.born.time_ns, middle->process.born.serial)); });
    const auto old = must(reader->by_id(processes / 2 / 100 * 100));
    time("by_event", 1, "us (a late end)",
         [&] { must(reader->by_event(old->process.ended->time_ns, old->process.ended->serial)); });
    time("select", processes, "us a process (all)",
         [&] { must(reader->select({}, [](model::Node&&) { return true; })); });
    model::Filter none;
    none.exe_glob = "*/nothing";
    time("find", processes, "us a process (no match)",
         [&] { must(reader->select(none, [](model::Node&&) { return true; })); });
    time("sizes", 1, "us", [&] { must(reader->sizes()); });
}

void sizes(const std::string& path, int processes) {
    sqlite3* db = nullptr;
    sqlite3_stmt* rows = nullptr;
    sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr);
    sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", nullptr, nullptr, nullptr);
    // dbstat is a compile-time option of SQLite that Debian's library has.
    sqlite3_prepare_v2(db, "SELECT name, sum(pgsize) FROM dbstat GROUP BY name HAVING sum(pgsize) > 8192", -1, &rows,
                       nullptr);
    double total = 0;
    while (sqlite3_step(rows) == SQLITE_ROW) {
        const double bytes = sqlite3_column_double(rows, 1) / processes;
        total += bytes;
        std::printf("%-16s %6.1f bytes a process\n", reinterpret_cast<const char*>(sqlite3_column_text(rows, 0)),
                    bytes);
    }
    std::printf("%-16s %6.1f bytes a process\n", "all", total);
    sqlite3_finalize(rows);
    sqlite3_close(db);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: store_bench FILE [PROCESSES [PID_MAX]]\n");
        return 2;
    }
    const std::string path = argv[1];
    const int processes = argc > 2 ? std::atoi(argv[2]) : 1'000'000;
    const model::Pid pid_max = argc > 3 ? std::atoi(argv[3]) : 4'194'304;
    for (const char* suffix : {"", "-wal", "-shm"}) ::unlink((path + suffix).c_str());
    write(path, processes, pid_max);
    sizes(path, processes);
    read(path, processes);
}
