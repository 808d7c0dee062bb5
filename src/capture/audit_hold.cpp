#include "lineage/capture/audit_hold.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace lineage::capture {

namespace {

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

base::Result<AuditHold> AuditHold::take(audit::Control control, const std::string& file, const std::string& boot,
                                        const AuditWishes& wishes) {
    AuditHold hold(std::move(control), file);
    const auto state = hold.control_.state();
    if (!state) return tl::unexpected(state.error());
    const auto rules = hold.control_.list_rules();
    if (!rules) return tl::unexpected(rules.error());
    hold.lost_ = state->lost;
    hold.locked_ = state->enabled == 2;
    if (!hold.read_found(boot)) {
        hold.found_ = {state->enabled, state->backlog_limit, state->backlog_wait_time, {}};
        std::copy_if(rules->begin(), rules->end(), std::back_inserter(hold.found_.rules), audit::is_ours);
        if (auto written = hold.write_found(boot); !written) return tl::unexpected(written.error());
    }
    if (hold.locked_) return hold;
    if (auto applied = hold.apply(wishes); !applied) {
        (void)hold.withdraw();
        (void)hold.restore();
        return tl::unexpected(applied.error());
    }
    return hold;
}

base::Status AuditHold::apply(const AuditWishes& wishes) {
    backlog_is_ours_ = wishes.backlog;
    if (auto set = set_backlog(wishes.backlog_limit, wishes.backlog_wait_ms); !set) return set;
    if (wishes.rules)
        if (auto put = put_rules_first(); !put) return put;
    return control_.set_enabled(1);
}

base::Status AuditHold::set_backlog(std::uint32_t limit, std::uint32_t wait_ms) {
    if (!backlog_is_ours_ || locked_) return {};
    if (auto set = control_.set_backlog_limit(limit); !set) return set;
    return control_.set_backlog_wait_ms(wait_ms);
}

base::Status AuditHold::put_rules_first() {
    auto in_force = control_.list_rules();
    if (!in_force) return tl::unexpected(in_force.error());
    const auto ours = audit::lineage_rules();
    const bool first_already =
        in_force->size() >= ours.size() && std::equal(ours.begin(), ours.end(), in_force->begin());
    if (!first_already) {
        for (auto rule = ours.rbegin(); rule != ours.rend(); ++rule) {
            if (contains(*in_force, *rule))
                if (auto gone = control_.delete_rule(*rule); !gone) return gone;
            if (auto put = control_.prepend_rule(*rule); !put) return put;
        }
    }
    // What an older lineaged that was killed has left behind.
    for (const auto& rule : *in_force)
        if (audit::is_ours(rule) && !contains(ours, rule) && !contains(found_.rules, rule))
            if (auto gone = control_.delete_rule(rule); !gone) return gone;
    in_force = control_.list_rules();
    if (!in_force) return tl::unexpected(in_force.error());
    if (in_force->size() < ours.size() || !std::equal(ours.begin(), ours.end(), in_force->begin()))
        return base::fail("load the audit rules",
                          "they do not stand first although the kernel took them; is another program loading rules?",
                          base::ExitCode::not_permitted);
    return {};
}

base::Status AuditHold::withdraw() {
    if (locked_) return {};
    base::Status result = control_.set_enabled(found_.enabled);
    auto in_force = control_.list_rules();
    if (!in_force) return tl::unexpected(in_force.error());
    for (const auto& rule : *in_force)
        if (audit::is_ours(rule) && !contains(found_.rules, rule)) keep_first(result, control_.delete_rule(rule));
    return result;
}

base::Status AuditHold::restore() {
    base::Status result;
    if (!locked_ && backlog_is_ours_) {
        keep_first(result, control_.set_backlog_limit(found_.backlog_limit));
        keep_first(result, control_.set_backlog_wait_raw(found_.backlog_wait_time));
    }
    if (result) ::unlink(file_.c_str());
    return result;
}

base::Status AuditHold::write_found(const std::string& boot) const {
    const std::string temporary = file_ + ".new";
    std::ofstream out(temporary, std::ios::trunc);
    out << "boot " << boot << "\nenabled " << found_.enabled << "\nbacklog_limit " << found_.backlog_limit
        << "\nbacklog_wait_time " << found_.backlog_wait_time << '\n';
    for (const auto& rule : found_.rules) out << "rule " << to_hex(rule) << '\n';
    out << "end -\n";
    out.close();
    if (!out || ::rename(temporary.c_str(), file_.c_str()) != 0)
        return base::fail("write " + file_, std::strerror(errno));
    return {};
}

/// False when there is none of this boot, or it is not whole.
bool AuditHold::read_found(const std::string& boot) {
    std::ifstream in(file_);
    Found found;
    bool same_boot = false;
    std::string name;
    std::string value;
    while (in >> name >> value) {
        if (name == "boot") same_boot = value == boot;
        if (name == "rule") found.rules.push_back(from_hex(value));
        if (name == "end" && same_boot) {
            found_ = std::move(found);
            return true;
        }
        std::uint32_t number = 0;
        std::istringstream(value) >> number;
        if (name == "enabled") found.enabled = number;
        if (name == "backlog_limit") found.backlog_limit = number;
        if (name == "backlog_wait_time") found.backlog_wait_time = number;
    }
    return false;
}

}  // namespace lineage::capture
