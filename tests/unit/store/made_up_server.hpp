// A server as a history sees it, made up: with a clock of its own, so that a year takes seconds.
#pragma once

#include <ctime>
#include <map>
#include <random>

#include "support.hpp"

namespace lineage::store::test {

constexpr model::TimeNs hour_ns = 3600 * second_ns;
constexpr model::TimeNs day_ns = 24 * hour_ns;

/// A server: pid 0, init, services that live on, sessions of hours with children, and above all short commands.
class Server {
public:
    Server(Writer& writer, Bounds bounds) : writer_(writer), bounds_(bounds) { boot(); }

    model::TimeNs now_ns = start_ns;
    std::map<model::Id, model::Process> all;

    void boot() {
        in_transaction(writer_, [&] {
            for (auto& [id, process] : all)
                if (!process.ended) end(process);
            alive_.clear();
            writer_.put(model::Boot{++boot_, "boot-" + std::to_string(boot_), "host", now_ns, false});
            const auto root = born(0);
            init_ = born(root);
            for (int i = 0; i < 20; ++i) services_[i] = born(init_);
        });
    }

    void day(int commands) {
        const auto step_ns = day_ns / commands;
        for (int i = 0; i < commands;) {
            in_transaction(writer_, [&] {
                for (int k = 0; k < 200 && i < commands; ++k, ++i, now_ns += step_ns) command(step_ns);
            });
            while (keep_within()) {
            }
        }
    }

    std::int64_t longest_step_ns = 0;  ///< of this thread's time, which the machine's other work does not change

    [[nodiscard]] bool is_alive(model::Id id) const { return !all.at(id).ended; }

private:
    bool keep_within() {
        const auto before_ns = cpu_ns();
        const bool more = must(writer_.keep_within(bounds_, now_ns));
        longest_step_ns = std::max(longest_step_ns, cpu_ns() - before_ns);
        return more;
    }

    static std::int64_t cpu_ns() {
        timespec time{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return time.tv_sec * second_ns + time.tv_nsec;
    }

    void command(model::TimeNs step_ns) {
        const auto dice = random_() % 100;
        auto parent = services_[random_() % 20];
        if (!alive_.empty() && dice < 50) parent = alive_[random_() % alive_.size()];
        const auto id = born(parent);
        if (dice < 3) {  // a session, or another that stays for hours
            alive_.push_back(id);
            if (alive_.size() > 40) end_session(random_() % alive_.size());
            return;
        }
        auto& process = all.at(id);
        process.ended = model::End{now_ns + static_cast<model::TimeNs>(random_() % static_cast<unsigned>(step_ns)),
                                   process.born.serial + 2,
                                   0,
                                   {},
                                   false,
                                   3,
                                   dice < 10 ? parent : 0};
        if (dice < 10) process.ended->signal = 9, process.ended->code.reset();
        writer_.put(process);
        if (dice == 50)
            writer_.put(model::Gap{++last_gap_id_, boot_, now_ns, now_ns, 7, model::Witness::audit, "lost"});
        if (dice == 51)
            writer_.put(model::Tamper{++last_tamper_id_, boot_, now_ns, "rules removed", id, false, process.pid, 1000,
                                      now_ns, now_ns + second_ns, 1});
    }

    void end_session(std::size_t at) {
        end(all.at(alive_[at]));
        alive_.erase(alive_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    void end(model::Process& process) {
        process.ended = model::End{now_ns, ++serial_, 0, {}, false, 3, 0};
        writer_.put(process);
    }

    model::Id born(model::Id parent) {
        auto process = test::process(++last_id_, parent);
        process.boot = boot_;
        process.pid = parent == 0 ? 0 : static_cast<model::Pid>(1 + last_id_ % 30'000);
        process.born = {now_ns, ++serial_, model::How::fork, 3};
        process.comm = "comm-" + std::to_string(random_() % 200);
        writer_.put(process);
        writer_.put(process.id, image(0, "/usr/bin/program-" + std::to_string(random_() % 300),
                                      {"program", "--unique=" + std::to_string(last_id_), "some more argument"}));
        all[process.id] = process;
        return process.id;
    }

    Writer& writer_;
    Bounds bounds_;
    std::mt19937 random_{1};
    model::Id last_id_ = 0;
    model::BootId boot_ = 0;
    std::int64_t serial_ = 0;
    model::Id last_gap_id_ = 0;
    model::Id last_tamper_id_ = 0;
    model::Id init_ = 0;
    model::Id services_[20] = {};
    std::vector<model::Id> alive_;
};

}  // namespace lineage::store::test
