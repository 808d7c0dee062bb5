#include "selection.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <limits>

namespace lineage::cli {
namespace {

model::TimeNs now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

template <class T>
base::Result<T> as_usage(const char* option, base::Result<T> parsed) {
    if (parsed) return parsed;
    return base::fail(option, parsed.error().message(), base::ExitCode::usage);
}

std::optional<std::int64_t> whole_number(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// 9, KILL or SIGKILL.
base::Result<std::int32_t> parse_signal(const std::string& text) {
    constexpr std::int32_t signals_end = 65;  // SIGRTMAX is 64 on Linux, 127 on MIPS, where the number still works
    if (const auto number = whole_number(text); number && *number > 0 && *number < 128)
        return static_cast<std::int32_t>(*number);
    const auto name = text.rfind("SIG", 0) == 0 ? text.substr(3) : text;
    for (std::int32_t signal = 1; signal < signals_end; ++signal) {
        const char* const known = sigabbrev_np(signal);
        if (known != nullptr && name == known) return signal;
    }
    return base::fail(text, "is no signal: give its number, or a name like KILL");
}

/// "0" is an index, "00000000" the beginning of a boot_id.
constexpr std::size_t boot_id_digits_min = 8;

base::Result<model::Boot> boot_named(const std::string& name, const std::vector<model::Boot>& boots) {
    const auto none = base::fail("boot " + name, "none has this number or begins so; see lineage boots",
                                 base::ExitCode::nothing_matched);
    const auto number = whole_number(name);
    if (number && *number <= 0 && name.size() < boot_id_digits_min) {
        const auto back = static_cast<std::uint64_t>(-*number);
        if (back >= boots.size()) return none;
        return *(boots.rbegin() + static_cast<std::ptrdiff_t>(back));
    }
    std::vector<model::Boot> matches;
    for (const auto& boot : boots) {
        if (number && boot.id == *number) return boot;
        if (boot.name.rfind(name, 0) == 0) matches.push_back(boot);
    }
    if (matches.size() == 1) return matches.front();
    if (matches.empty()) return none;
    return base::fail("boot " + name, "several begin so, give more of it", base::ExitCode::usage);
}

/// What --host and --boot leave; empty where neither was given.
base::Result<std::vector<model::BootId>> boot_ids_of(const Arguments& arguments, store::Reader& reader) {
    std::vector<model::BootId> ids;
    if (arguments.host.empty() && arguments.boot.empty()) return ids;
    const auto boots = boots_of(arguments, reader);
    if (!boots) return tl::unexpected(boots.error());
    for (const auto& boot : *boots) ids.push_back(boot.id);
    return ids;
}

base::Status touches_gap() {
    return base::fail("answer", "touches a gap in the record (--strict)", base::ExitCode::touches_gap);
}

base::Status read_texts(const Arguments& arguments, model::Filter& filter) {
    const auto set = [](const char* option, const std::string& text, auto parse, auto& field) -> base::Status {
        if (text.empty()) return {};
        const auto value = as_usage(option, parse(text));
        if (!value) return tl::unexpected(value.error());
        field = *value;
        return {};
    };
    const auto user = [](const std::string& text) { return query::parse_user(text); };
    const auto time = [](const std::string& text) { return query::parse_time(text, now_ns()); };
    return set("--uid", arguments.uid, user, filter.uid)
        .and_then([&] { return set("--auid", arguments.auid, user, filter.auid); })
        .and_then([&] { return set("--since", arguments.since, time, filter.since_ns); })
        .and_then([&] { return set("--until", arguments.until, time, filter.until_ns); })
        .and_then([&] { return set("--signal", arguments.signal, parse_signal, filter.signal); });
}

}  // namespace

base::Result<model::TimeNs> time_of(const char* option, const std::string& text) {
    return as_usage(option, query::parse_time(text, now_ns()));
}

base::Status check_words(const Arguments& arguments) {
    for (const auto& name : {arguments.process, arguments.under}) {
        if (name.empty()) continue;
        if (const auto parsed = as_usage("PROC", query::parse_process(name)); !parsed)
            return tl::unexpected(parsed.error());
    }
    if (!arguments.at.empty()) {
        if (const auto time = time_of("--at", arguments.at); !time) return tl::unexpected(time.error());
    }
    model::Filter unused;
    return read_texts(arguments, unused);
}

base::Result<std::unique_ptr<store::Reader>> open_database(const Arguments& arguments) {
    auto reader = store::open_reader(arguments.database);
    if (reader || ::access(arguments.database.c_str(), F_OK) == 0 || errno != ENOENT) return reader;
    return base::fail(reader.error().object,
                      reader.error().cause + "; start lineaged, import a log, or name another database with --db");
}

base::Result<std::vector<model::Boot>> boots_of(const Arguments& arguments, store::Reader& reader) {
    auto boots = reader.boots();
    if (!boots) return tl::unexpected(boots.error());
    store::put_in_order(*boots);  // as `lineage boots` has them, which an index counts in
    if (!arguments.host.empty()) {
        std::erase_if(*boots, [&](const model::Boot& boot) { return !query::same_host(boot.host, arguments.host); });
        if (boots->empty())
            return base::fail("host " + arguments.host, "the database has nothing of it; see lineage boots",
                              base::ExitCode::nothing_matched);
    }
    if (arguments.boot.empty()) return boots;
    const auto boot = boot_named(arguments.boot, *boots);
    if (!boot) return tl::unexpected(boot.error());
    return std::vector<model::Boot>{*boot};
}

base::Result<model::Node> process_of(const std::string& name, const Arguments& arguments, store::Reader& reader) {
    const auto parsed = as_usage("PROC", query::parse_process(name));
    if (!parsed) return tl::unexpected(parsed.error());
    model::TimeNs at_ns = std::numeric_limits<model::TimeNs>::max();  // a log from a clock ahead of ours counts too
    if (!arguments.at.empty()) {
        const auto time = time_of("--at", arguments.at);
        if (!time) return tl::unexpected(time.error());
        at_ns = *time;
    }
    const auto boots = boot_ids_of(arguments, reader);
    if (!boots) return tl::unexpected(boots.error());
    return query::resolve(reader, *parsed, at_ns, *boots);
}

/// As the types of records are.
std::string upper_case(std::string text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
}

base::Result<model::Filter> filter_of(const Arguments& arguments, store::Reader& reader) {
    model::Filter filter;
    filter.pid = arguments.pid;
    filter.exe_glob = arguments.exe;
    filter.comm_glob = arguments.comm;
    filter.arg_text = arguments.arg;
    filter.ancestor_glob = arguments.ancestor;
    filter.limit = arguments.limit;
    filter.record_type = upper_case(arguments.record);
    filter.record_key = arguments.key;
    if (const auto read = read_texts(arguments, filter); !read) return tl::unexpected(read.error());
    auto boots = boot_ids_of(arguments, reader);
    if (!boots) return tl::unexpected(boots.error());
    filter.boots = std::move(*boots);
    const auto& under = arguments.process.empty() ? arguments.under : arguments.process;
    if (!under.empty()) {
        const auto top = process_of(under, arguments, reader);
        if (!top) return tl::unexpected(top.error());
        filter.under = top->process.id;
        filter.boots = {top->process.boot};
    }
    return filter;
}

base::Result<GapWatch> GapWatch::open(const Arguments& arguments, store::Reader& reader) {
    GapWatch watch;
    if (!arguments.strict) return watch;
    auto gaps = reader.gaps();
    if (!gaps) return tl::unexpected(gaps.error());
    watch.gaps_ = std::move(*gaps);
    return watch;
}

void GapWatch::see(const model::Process& process) {
    if (!touched_ && !gaps_.empty()) touched_ = !query::gaps_touching(gaps_, process).empty();
}

base::Status GapWatch::verdict() const {
    return touched_ ? touches_gap() : base::Status();
}

base::Status verdict_on(const Arguments& arguments, const std::vector<model::Gap>& gaps) {
    return arguments.strict && !gaps.empty() ? touches_gap() : base::Status();
}

}  // namespace lineage::cli
