#include "lineage/capture/audit_hold.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace lineage::capture {

namespace {

constexpr std::size_t set_aside_max = 16;

std::string to_hex(const std::string& bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string hex;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        hex += digits[byte >> 4];
        hex += digits[byte & 15];
    }
    return hex;
}

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::strtoul(hex.substr(i, 2).c_str(), nullptr, 16));
    return bytes;
}

bool contains(const std::vector<std::string>& rules, const std::string& rule) {
    return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

/// The first failure of several steps that are all tried.
void keep_first(base::Status& first, base::Status&& next) {
    if (first && !next) first = std::move(next);
}

}  // namespace

base::Result<AuditHold> AuditHold::find(audit::Control control, const std::string& file, const std::string& boot,
                                        const AuditWishes& wishes, bool is_first) {
    AuditHold hold(std::move(control), file, boot, wishes);
    const auto state = hold.control_.state();
    if (!state) return tl::unexpected(state.error());
    const auto rules = hold.control_.list_rules();
    if (!rules) return tl::unexpected(rules.error());
    hold.lost_ = state->lost;
    hold.registered_ = state->pid;
    hold.locked_ = state->enabled == 2;
    hold.found_ = {state->enabled, state->backlog_limit, state->backlog_wait_time, state->rate_limit, {}, {}};
    std::copy_if(rules->begin(), rules->end(), std::back_inserter(hold.found_.rules), audit::is_ours);
    const auto left = hold.read_left();
    if (left) {
        keep_changes({*state, *rules}, *left, hold.found_);
        if (!wishes.backlog) hold.found_.enabled = state->enabled;  // the other daemon's, which has come since
        hold.was_ending_ = left->was_ending && !is_first;
        hold.was_in_force_ = !left->was_ending && !is_first;
        if (hold.was_in_force_) hold.weakened_meanwhile_ = hold.find_since(*left, {*state, *rules});
    } else if (wishes.rules && !hold.found_.rules.empty() && hold.text_there() != hold.text_given_back()) {
        hold.behind_loader_ = hold.was_in_force_ = true;
        hold.weakened_meanwhile_ = find_beside_loader({*state, *rules});
    }
    return hold;
}

base::Status AuditHold::put_in_force() {
    write_found();
    if (locked_) return {};
    auto applied = apply();
    if (applied) return {};
    (void)withdraw();
    if (give_back()) ::unlink(file_.c_str());  // nothing has been recorded
    return applied;
}

/// What is as the killed one had set it was found by that one; what is not, somebody has changed since.
void AuditHold::keep_changes(const audit::Picture& now, const Left& left, Found& found) {
    const auto keep = [](std::uint32_t in_force, std::uint32_t set, std::uint32_t before) {
        return in_force == set ? before : in_force;
    };
    found.enabled = keep(now.state.enabled, left.set.enabled, left.found.enabled);
    found.backlog_limit = keep(now.state.backlog_limit, left.set.backlog_limit, left.found.backlog_limit);
    found.backlog_wait_time =
        keep(now.state.backlog_wait_time, left.set.backlog_wait_time, left.found.backlog_wait_time);
    found.rate_limit = keep(now.state.rate_limit, left.set.rate_limit, left.found.rate_limit);
    std::erase_if(found.rules, [&](const std::string& rule) { return !contains(left.found.rules, rule); });
    found.aside = left.found.aside;
}

/// The boot loader (lineage-early) has put the rules in force, but for the one that needs /proc; what it set but for
/// them, and what has been undone since, the records tell.
std::vector<audit::Finding> AuditHold::find_beside_loader(const audit::Picture& now) {
    auto found = audit::find_weaknesses(now, {true, 0, 0, 0});
    std::erase_if(found, [](const audit::Finding& one) {
        return one.kind != model::Weakness::tasks_exempted && one.kind != model::Weakness::records_excluded &&
               one.kind != model::Weakness::rules_outranked;
    });
    return found;
}

/// Held against what that one had put in force, which another version may have done.
std::vector<audit::Finding> AuditHold::find_since(const Left& left, const audit::Picture& now) const {
    const bool rules = wishes_.rules && left.set.rules == audit::lineage_rules();
    const auto pid = wishes_.backlog ? now.state.pid : 0;
    return audit::find_weaknesses(now, {rules, pid, left.set.backlog_limit, left.set.backlog_wait_time});
}

AuditHold::Found AuditHold::ours() const {
    const auto wait = audit::raw_backlog_wait(wishes_.backlog_wait_ms);
    return {1,
            wishes_.backlog ? wishes_.backlog_limit : found_.backlog_limit,
            wishes_.backlog ? wait : found_.backlog_wait_time,
            0,
            {},
            {}};
}

audit::Wanted AuditHold::wanted(std::uint32_t pid) const {
    const auto set = ours();
    return {wishes_.rules, pid, set.backlog_limit, set.backlog_wait_time};
}

base::Status AuditHold::apply() {
    if (auto set = set_backlog(wishes_.backlog_limit, wishes_.backlog_wait_ms); !set) return set;
    if (found_.rate_limit != 0)
        if (auto done = control_.set_rate_limit(0); !done) return done;
    if (wishes_.rules) {
        const auto in_force = control_.list_rules();
        if (!in_force) return tl::unexpected(in_force.error());
        std::vector<std::string> hiding;
        std::copy_if(in_force->begin(), in_force->end(), std::back_inserter(hiding), audit::hides_records);
        (void)set_aside(hiding);  // what stays is the guard's
        if (auto put = put_rules_first(*in_force); !put) return put;
    }
    if (auto done = control_.set_enabled(1); !done) return done;
    const auto state = control_.state();
    if (!state) return tl::unexpected(state.error());
    const auto rules = control_.list_rules();
    if (!rules) return tl::unexpected(rules.error());
    // Is another program at the rules, that is for the guard. What is locked stays as it is, though.
    const auto wrong = audit::find_weaknesses({*state, *rules}, wanted(wishes_.backlog ? state->pid : 0));
    if (wishes_.lock && !wrong.empty())
        return base::fail("lock the audit rules",
                          wrong.front().what + ", although the kernel took them; is another program loading rules?",
                          base::ExitCode::not_permitted);
    if (auto tidied = tidy(*rules); !tidied) return tidied;
    if (!wishes_.lock) return {};
    locked_ = true;
    return control_.set_enabled(2);
}

base::Status AuditHold::set_backlog(std::uint32_t limit, std::uint32_t wait_ms) {
    if (!wishes_.backlog || locked_) return {};
    wishes_.backlog_limit = limit;
    wishes_.backlog_wait_ms = wait_ms;
    write_found();
    if (auto set = control_.set_backlog_limit(limit); !set) return set;
    return control_.set_backlog_wait_raw(ours().backlog_wait_time);
}

base::Status AuditHold::put_rules_first(const std::vector<std::string>& in_force) {
    const auto exit = audit::exit_rules(in_force);
    if (audit::are_first(exit)) return {};
    const auto present = [&](const std::vector<std::string>& rules) {
        return std::count_if(rules.begin(), rules.end(), [&](const std::string& rule) { return contains(exit, rule); });
    };
    auto ours = audit::lineage_rules(audit::Writing::first);
    auto other = audit::lineage_rules(audit::Writing::second);
    if (present(other) < present(ours)) std::swap(ours, other);
    for (auto rule = ours.rbegin(); rule != ours.rend(); ++rule) {
        if (contains(exit, *rule))
            if (auto gone = control_.delete_rule(*rule); !gone) return gone;
        if (auto put = control_.prepend_rule(*rule); !put) return put;
    }
    return {};
}

/// Also what an older lineaged that was killed has left behind.
base::Status AuditHold::tidy(const std::vector<std::string>& in_force) {
    const auto exit = audit::exit_rules(in_force);
    if (!wishes_.rules || locked_ || !audit::are_first(exit)) return {};
    base::Status result;
    for (std::size_t at = audit::lineage_rules().size(); at < exit.size(); ++at)
        if (audit::is_ours(exit[at]) && !contains(found_.rules, exit[at]))
            keep_first(result, control_.delete_rule(exit[at]));
    return result;
}

/// Noted before the first is removed. Each removal takes the kernel an RCU grace period: with very many the rest is
/// left to the next time, so that nothing else waits for it long.
base::Status AuditHold::set_aside(const std::vector<std::string>& rules) {
    bool is_news = false;
    for (const auto& rule : rules) {
        if (contains(found_.aside, rule)) continue;
        found_.aside.push_back(rule);
        is_news = true;
    }
    if (is_news) write_found();
    base::Status result;
    for (std::size_t i = 0; i < std::min(rules.size(), set_aside_max); ++i) {
        auto gone = control_.delete_rule(rules[i]);
        if (!gone) std::erase(found_.aside, rules[i]);
        keep_first(result, std::move(gone));
    }
    return result;
}

Mended AuditHold::mend(const std::vector<audit::Finding>& findings, const std::vector<std::string>& in_force) {
    using model::Weakness;
    const auto set = ours();
    Mended mended;
    std::map<Weakness, std::vector<std::string>> hiding;
    for (const auto& finding : findings) {
        base::Status& done = mended[finding.kind];
        switch (finding.kind) {
            case Weakness::disabled:
                keep_first(done, control_.set_enabled(1));
                break;
            case Weakness::backlog_limit:
                keep_first(done, control_.set_backlog_limit(set.backlog_limit));
                break;
            case Weakness::backlog_wait:
                keep_first(done, control_.set_backlog_wait_raw(set.backlog_wait_time));
                break;
            case Weakness::rate_limit:
                keep_first(done, control_.set_rate_limit(0));
                break;
            case Weakness::tasks_exempted:
            case Weakness::records_excluded:
                hiding[finding.kind].push_back(finding.rule);
                break;
            case Weakness::rules_removed:
            case Weakness::rules_outranked:
            case Weakness::registration:
            case Weakness::lost_reset:
                break;
        }
    }
    const auto removed = mended.find(Weakness::rules_removed);
    const auto outranked = mended.find(Weakness::rules_outranked);
    if (removed != mended.end() || outranked != mended.end()) {
        const auto put = put_rules_first(in_force);
        for (const auto at : {removed, outranked})
            if (at != mended.end()) at->second = put;
    }
    for (const auto& [kind, rules] : hiding) mended[kind] = set_aside(rules);
    return mended;
}

base::Status AuditHold::withdraw() {
    if (locked_) return {};
    is_ending_ = true;
    write_found();
    base::Status result = control_.set_enabled(found_.enabled);
    auto in_force = control_.list_rules();
    if (!in_force) return tl::unexpected(in_force.error());
    for (const auto& rule : *in_force)
        if (audit::is_ours(rule) && !contains(found_.rules, rule)) keep_first(result, control_.delete_rule(rule));
    return result;
}

base::Status AuditHold::give_back() {
    base::Status result;
    if (!locked_) {
        if (wishes_.backlog) {
            keep_first(result, control_.set_backlog_limit(found_.backlog_limit));
            keep_first(result, control_.set_backlog_wait_raw(found_.backlog_wait_time));
        }
        if (found_.rate_limit != 0) keep_first(result, control_.set_rate_limit(found_.rate_limit));
        const auto in_force = control_.list_rules();
        if (!in_force) return tl::unexpected(in_force.error());
        for (const auto& rules : {found_.rules, found_.aside})
            for (const auto& rule : rules)
                if (!contains(*in_force, rule)) keep_first(result, control_.append_rule(rule));
    }
    return result;
}

base::Status AuditHold::restore() {
    if (auto given = give_back(); !given) return given;
    if (!write(text_given_back())) ::unlink(file_.c_str());
    return {};
}

std::string AuditHold::boot_line() const {
    return "boot " + boot_ + '\n';
}

std::string AuditHold::text_given_back() const {
    return boot_line() + "given-back -\n";
}

std::string AuditHold::text_there() const {
    std::ifstream in(file_);
    return {std::istreambuf_iterator<char>(in), {}};
}

void AuditHold::write_found() {
    std::ostringstream out;
    out << boot_line();
    for (const auto& [whose, values] : {std::pair("found", found_), std::pair("set", ours())})
        out << whose << ".enabled " << values.enabled << '\n'
            << whose << ".backlog_limit " << values.backlog_limit << '\n'
            << whose << ".backlog_wait_time " << values.backlog_wait_time << '\n'
            << whose << ".rate_limit " << values.rate_limit << '\n';
    for (const auto& rule : found_.rules) out << "rule " << to_hex(rule) << '\n';
    if (wishes_.rules)
        for (const auto& rule : audit::lineage_rules()) out << "loaded " << to_hex(rule) << '\n';
    for (const auto& rule : found_.aside) out << "aside " << to_hex(rule) << '\n';
    if (is_ending_) out << "ending -\n";
    out << "end -\n";
    kept_ = write(out.str());
}

base::Status AuditHold::write(const std::string& text) const {
    if (text_there() == text) return {};  // what cannot be set aside is tried again and again
    const std::string temporary = file_ + ".new";
    errno = 0;
    std::ofstream out(temporary, std::ios::trunc);
    out << text;
    out.close();
    if (out && ::rename(temporary.c_str(), file_.c_str()) == 0) return {};
    const int error = errno;
    ::unlink(temporary.c_str());
    return base::fail_errno("write " + file_, error);
}

/// nullopt when there is none of this boot, or it is not whole.
std::optional<AuditHold::Left> AuditHold::read_left() const {
    std::ifstream in(file_);
    Left left;
    bool same_boot = false;
    std::string name;
    std::string value;
    while (in >> name >> value) {
        if (name == "boot") same_boot = value == boot_;
        if (name == "rule") left.found.rules.push_back(from_hex(value));
        if (name == "loaded") left.set.rules.push_back(from_hex(value));
        if (name == "aside") left.found.aside.push_back(from_hex(value));
        if (name == "ending") left.was_ending = true;
        if (name == "end" && same_boot) return left;
        std::uint32_t number = 0;
        std::istringstream(value) >> number;
        for (auto& [whose, values] : {std::pair("found.", &left.found), std::pair("set.", &left.set)}) {
            if (name == std::string(whose) + "enabled") values->enabled = number;
            if (name == std::string(whose) + "backlog_limit") values->backlog_limit = number;
            if (name == std::string(whose) + "backlog_wait_time") values->backlog_wait_time = number;
            if (name == std::string(whose) + "rate_limit") values->rate_limit = number;
        }
    }
    return std::nullopt;
}

}  // namespace lineage::capture
