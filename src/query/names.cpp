// The names by which a person calls processes and users.
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <vector>

#include "lineage/query/query.hpp"
#include "time_text.hpp"

namespace lineage::query {
namespace {

std::optional<std::int64_t> number_of(std::string_view text, std::int64_t largest) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 0 || number > largest) return std::nullopt;
    return number;
}

std::string quoted(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

base::Result<std::optional<model::Node>> latest(store::Reader& reader, model::Pid pid, model::TimeNs at_ns,
                                                const std::vector<model::BootId>& boots) {
    if (boots.size() <= 1) return reader.by_pid(pid, at_ns, boots.empty() ? 0 : boots.front());
    model::Id id = 0;
    const auto looked = reader.lives(pid, at_ns, [&](const model::Process& life) {
        if (std::find(boots.begin(), boots.end(), life.boot) != boots.end()) id = life.id;
        return id == 0;
    });
    if (!looked) return tl::unexpected(looked.error());
    if (id == 0) return std::optional<model::Node>();
    return reader.by_id(id);
}

}  // namespace

base::Result<ProcessName> parse_process(std::string_view text) {
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    const auto bad = [&](const char* why) { return base::fail("process " + quoted(text), why, base::ExitCode::usage); };
    if (text.starts_with('@')) {
        const auto id = number_of(text.substr(1), largest);
        if (!id || *id == 0) return bad("an id is @ and a number from 1 on");
        return ProcessName{ProcessName::Kind::id, *id, 0};
    }
    if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
        const auto serial = number_of(text.substr(colon + 1), largest);
        const auto time_ns = parse_moment(text.substr(0, colon));
        if (!serial || *serial == 0 || !time_ns) return bad("an event is TIME:SERIAL, like 1763720000.123:530");
        return ProcessName{ProcessName::Kind::event, *serial, *time_ns};
    }
    const auto pid = number_of(text, std::numeric_limits<model::Pid>::max());
    if (!pid) return bad("is neither PID nor @ID nor TIME:SERIAL");
    return ProcessName{ProcessName::Kind::pid, *pid, 0};
}

base::Result<std::uint32_t> parse_user(std::string_view text) {
    if (const auto number = number_of(text, model::unset_uid)) return static_cast<std::uint32_t>(*number);
    const std::string name(text);
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(1 << 16);  // glibc advises 1 KiB; a long member list may need more
    const int error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (error != 0 && found == nullptr && error != ENOENT) return base::fail_errno("user " + quoted(text), error);
    if (found == nullptr)
        return base::fail("user " + quoted(text), "no such user; a number works too", base::ExitCode::usage);
    return static_cast<std::uint32_t>(found->pw_uid);
}

bool same_host(std::string_view host, std::string_view name) {
    const auto label = [](std::string_view text) { return text.substr(0, text.find('.')); };
    const bool is_address = !name.empty() && name.find_first_not_of("0123456789.:") == std::string_view::npos;
    if (host == name || is_address) return host == name;
    const bool is_short = host == label(host) || name == label(name);
    return is_short && label(host) == label(name);
}

tl::unexpected<base::Error> on_several_hosts(std::int64_t serial, const std::set<std::string>& hosts) {
    std::string names;
    for (const auto& host : hosts)
        names.append(names.empty() ? "" : ", ").append(host.empty() ? "one that is not named" : host);
    return base::fail("event " + std::to_string(serial), "several hosts have it: " + names + "; choose with --host",
                      base::ExitCode::usage);
}

base::Result<std::optional<model::Node>> process_of_event(store::Reader& reader, model::TimeNs time_ns,
                                                          std::int64_t serial,
                                                          const std::vector<model::BootId>& boots) {
    auto nodes = reader.by_event(time_ns, serial, boots);
    if (!nodes) return tl::unexpected(nodes.error());
    if (nodes->empty()) return std::optional<model::Node>();
    if (nodes->size() > 1) {
        const auto all = reader.boots();
        if (!all) return tl::unexpected(all.error());
        std::set<std::string> hosts;
        for (const auto& boot : *all)
            for (const auto& node : *nodes)
                if (node.process.boot == boot.id) hosts.insert(boot.host);
        if (hosts.size() > 1) return on_several_hosts(serial, hosts);
    }
    return std::optional(std::move(nodes->front()));
}

base::Result<model::Node> resolve(store::Reader& reader, const ProcessName& name, model::TimeNs at_ns,
                                  const std::vector<model::BootId>& boots) {
    auto found = [&] {
        switch (name.kind) {
            case ProcessName::Kind::id:
                return reader.by_id(name.number);
            case ProcessName::Kind::event:
                return process_of_event(reader, name.time_ns, name.number, boots);
            case ProcessName::Kind::pid:
                break;
        }
        return latest(reader, static_cast<model::Pid>(name.number), at_ns, boots);
    }();
    if (!found) return tl::unexpected(found.error());
    if (*found) return std::move(**found);
    const auto number = std::to_string(name.number);
    const auto nothing = [](std::string object, const char* cause) {
        return base::fail(std::move(object), cause, base::ExitCode::nothing_matched);
    };
    switch (name.kind) {
        case ProcessName::Kind::id:
            return nothing("process @" + number, "no such id in this database");
        case ProcessName::Kind::event:
            return nothing("event " + number, "no process was born, ended or given an image by it");
        case ProcessName::Kind::pid:
            break;
    }
    return nothing("pid " + number, "no process of that pid had begun by then");
}

}  // namespace lineage::query
