// forest: grows a random forest of processes by every road there is, and writes down the truth about each.
//
// `--seed` decides everything but pids and times. Workers grow one scene after another, a scene being at most
// `scene_max` processes; the next begins when all of the last are gone, so that jobs * scene_max bounds what is alive.
// Whatever goes wrong, sweep() kills all that hold the arena, and nothing else.
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "guard.hpp"
#include "life.hpp"
#include "report.hpp"

namespace forest {
namespace {

constexpr int scene_max = 40;
constexpr int stall_s = 30;  ///< without a birth: something hangs

struct Options {
    std::uint64_t seed = 1;
    int count = 2000;
    int jobs = 2;
    int rate = 0;  ///< processes a second, 0: as fast as it goes
    int pid_max = 0;
    std::string directory = "/tmp";
    std::string out = "truth.jsonl";
    std::uint64_t roads = ~std::uint64_t{0};
    bool exits_only = false;
};

volatile sig_atomic_t interrupted = 0;

[[noreturn]] void usage(const char* why) {
    fprintf(
        stderr,
        "forest: %s\nusage: forest [--seed N] [--count N] [--jobs N] [--rate full|N] [--kinds A,B,...] [--pid-max N]"
        " [--exits-only] [--dir DIR] [--out FILE] [--list-kinds]\n",
        why);
    _exit(2);
}

std::uint64_t roads_named(std::string names) {
    std::uint64_t mask = 0;
    for (char* name = strtok(names.data(), ","); name != nullptr; name = strtok(nullptr, ",")) {
        std::uint64_t bit = 0;
        for (unsigned road = 2; road < static_cast<unsigned>(Road::count); ++road)
            if (strcmp(name, name_of(static_cast<Road>(road))) == 0) bit = std::uint64_t{1} << road;
        if (bit == 0) usage("no such kind; --list-kinds lists them");
        mask |= bit;
    }
    return mask;
}

Options read_options(int argc, char** argv) {
    static const option known[] = {
        {"seed", 1, nullptr, 's'},       {"count", 1, nullptr, 'n'}, {"jobs", 1, nullptr, 'j'},
        {"rate", 1, nullptr, 'r'},       {"kinds", 1, nullptr, 'k'}, {"pid-max", 1, nullptr, 'p'},
        {"dir", 1, nullptr, 'd'},        {"out", 1, nullptr, 'o'},   {"exits-only", 0, nullptr, 'e'},
        {"list-kinds", 0, nullptr, 'l'}, {nullptr, 0, nullptr, 0}};
    Options o;
    for (int c; (c = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (c) {
            case 's':
                o.seed = strtoull(optarg, nullptr, 10);
                break;
            case 'n':
                o.count = atoi(optarg);
                break;
            case 'j':
                o.jobs = atoi(optarg);
                break;
            case 'r':
                o.rate = strcmp(optarg, "full") == 0 ? 0 : atoi(optarg);
                break;
            case 'k':
                o.roads = roads_named(optarg);
                break;
            case 'p':
                o.pid_max = atoi(optarg);
                break;
            case 'd':
                o.directory = optarg;
                break;
            case 'o':
                o.out = optarg;
                break;
            case 'e':
                o.exits_only = true;
                break;
            case 'l':
                for (unsigned road = 0; road < static_cast<unsigned>(Road::count); ++road)
                    if (road_exists(static_cast<Road>(road))) puts(name_of(static_cast<Road>(road)));
                exit(0);
            default:
                usage("unknown option");
        }
    }
    if (o.count < 1 || o.count > 1'000'000 || o.jobs < 1 || o.jobs > 16) usage("--count 1..1000000, --jobs 1..16");
    return o;
}

void calm_signals() {
    for (int signal = 1; signal <= 64; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
}

void wait_for_end_of_scene(int fd) {
    char byte;
    while (read(fd, &byte, 1) > 0 || errno == EINTR) {
    }
    reap_all();
}

[[noreturn]] void work(const Options& o, int worker, int share) {
    calm_signals();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::int64_t began_ns = now_ns();
    int made = 0;
    for (std::uint64_t scene = 0; made < share; ++scene) {
        std::uint64_t mix = o.seed * 1'000'003 + static_cast<std::uint64_t>(worker) * 7919 + scene;
        me().random = next_random(mix);
        const int total = std::min(share - made, 1 + static_cast<int>(draw(scene_max)));
        me().budget = total;
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[1], scene_fd) < 0) mistake("pipe", errno);
        close(ends[1]);
        while (me().budget > 0) make_some_child();
        close(scene_fd);
        wait_for_end_of_scene(ends[0]);
        close(ends[0]);
        made += total;
        if (o.rate > 0) {
            const std::int64_t due_ns = began_ns + std::int64_t{made} * 1'000'000'000 * o.jobs / o.rate;
            while (now_ns() < due_ns) pause_us(1000);
        }
    }
    _exit(me().code);
}

void start_worker(const Options& o, int worker, int held_fd) {
    const std::uint32_t slot = take_slot();
    Record& r = record(slot);
    r.road = r.label = Road::worker;
    r.inherited = me().images[0];
    r.auid = me().auid;
    r.code = 0;
    r.before_ns = now_ns();
    if (fork() == 0) {
        self = Self{slot};
        note_birth(slot);
        if (held_fd >= 0) close(held_fd);
        const int share = o.count / o.jobs + (worker < o.count % o.jobs ? 1 : 0);
        work(o, worker, share);
    }
    r.after_ns = now_ns();
}

bool wait_for_workers() {
    std::uint32_t seen = 0;
    std::int64_t since_ns = now_ns();
    for (;;) {
        const pid_t pid = waitpid(-1, nullptr, WNOHANG);
        if (pid < 0 && errno == ECHILD) return true;
        if (arena->slots != seen) {
            seen = arena->slots;
            since_ns = now_ns();
        }
        if (interrupted != 0) return false;
        if (now_ns() - since_ns > std::int64_t{stall_s} * 1'000'000'000) {
            mistake("nothing was born for seconds", stall_s);
            return false;
        }
        if (pid == 0) pause_us(2000);
    }
}

std::string read_all(const char* path) {
    std::string text(1 << 17, '\0');
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = read(fd, text.data(), text.size());
    close(fd);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return text;
}

void be_the_root(int argc, char** argv) {
    take_slot();
    self = Self{0};
    note_birth(0);
    Record& r = me();
    r.before_ns = r.after_ns = now_ns();
    r.auid = static_cast<std::uint32_t>(strtoul(read_all("/proc/self/loginuid").c_str(), nullptr, 10));
    r.code = 0;
    char exe[4096] = {};
    if (readlink("/proc/self/exe", exe, sizeof exe - 1) < 0) mistake("/proc/self/exe", errno);
    r.images[0] = r.inherited = keep_image(exe, {argv, argv + argc}, ExecKind::plain);
    r.image_count = 1;
}

[[noreturn]] void continue_after_exec(const char* slot) {
    attach_arena();
    self = Self{static_cast<std::uint32_t>(strtoul(slot, nullptr, 10))};
    const ImageRecord& image = me().images[me().image_count];
    note_birth(self.slot);
    ++me().image_count;
    if (image.kind == ExecKind::deleted) unlink(text_of(image).c_str());
    go_on_living();
}

int grow(int argc, char** argv) {
    const Options o = read_options(argc, argv);
    calm_signals();
    // Not every machine's init reaps at once, and few pids are soon used up by zombies: with a limit we reap orphans.
    if (o.pid_max > 0) prctl(PR_SET_CHILD_SUBREAPER, 1);
    create_arena(static_cast<std::uint32_t>(o.count) * 2 + 1000, std::uint64_t(o.count) * 16384 + (64U << 20));
    const Guard guard = start_guard(o.pid_max);
    if (guard.held_fd < 0) usage("--pid-max: not permitted or refused by the kernel");
    for (unsigned road = 0; road < static_cast<unsigned>(Road::count); ++road)
        if (road_exists(static_cast<Road>(road))) arena->roads |= o.roads & std::uint64_t{1} << road;
    arena->exits_only = o.exits_only;
    std::string directory = o.directory + "/forest.XXXXXX";
    if (mkdtemp(directory.data()) == nullptr || chmod(directory.c_str(), 0755) != 0)
        usage("--dir: cannot make a directory there");
    snprintf(arena->directory, sizeof arena->directory, "%s", directory.c_str());
    be_the_root(argc, argv);
    me().param = static_cast<std::uint32_t>(guard.helper);
    make_files("/proc/self/exe");
    const auto stop = [](int) { interrupted = 1; };
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, stop);
    for (int worker = 0; worker < o.jobs; ++worker) start_worker(o, worker, guard.held_fd);
    const bool whole = wait_for_workers();
    sweep();
    dismiss(guard);
    remove_files();
    if (whole) compare_with_wait();
    const int lives = write_truth(o.out.c_str());
    if (lives < 0) perror(o.out.c_str());
    if (arena->mistakes > 0)
        fprintf(stderr, "forest: seed %llu: %u mistakes, first: %s\n", static_cast<unsigned long long>(o.seed),
                arena->mistakes.load(), arena->first_mistake);
    printf("forest: seed %llu, %d lives, %.1f s\n", static_cast<unsigned long long>(o.seed), lives,
           static_cast<double>(now_ns() - me().before_ns) / 1e9);
    return whole && lives > 0 && arena->mistakes == 0 ? 0 : 1;
}

}  // namespace
}  // namespace forest

int main(int argc, char** argv) {
    using namespace forest;
    if (const char* slot = getenv("FOREST_SLOT")) continue_after_exec(slot);
    return grow(argc, argv);
}
