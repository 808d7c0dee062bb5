// Audit as we want it, for as long as we record: switched on, our rules first, backlog settings ours; and everything
// back as it was found when restore() is called.
//
// What was found is also kept in a file, keyed by boot_id, from before the first change until the restoration is
// complete. So a recorder that was killed leaves the kernel recording (its rules stay in force), and the next one that
// ends in order restores what stood before both; but what somebody has changed since the one was killed counts as
// found by the other. It belongs under /run; where it cannot be written all the same audit is held nevertheless: what
// was found is known for as long as the process lives.
//
// Rules of somebody else's that would hide our records and that no order of rules can outrank are set aside, and put
// back at the end; see audit/weakness.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lineage/audit/weakness.hpp"
#include "lineage/base/result.hpp"

namespace lineage::capture {

struct AuditWishes {
    bool rules = true;
    /// The backlog settings belong to the registered daemon; beside another one they are left alone.
    bool backlog = true;
    std::uint32_t backlog_limit = 65536;
    std::uint32_t backlog_wait_ms = 100;
    bool lock = false;  ///< -e 2, once all of it is in force: nobody can change it until the next boot, nor do we
};

/// Of each kind of weakness whether it could be undone, or the first reason why not.
using Mended = std::map<model::Weakness, base::Status>;

class AuditHold {
public:
    /// Looks at what is there, and changes nothing. `file` will keep what was found. `is_first`: what an earlier
    /// recorder of this boot has put in force is given back, but its recording is not what this one goes on with.
    static base::Result<AuditHold> find(audit::Control control, const std::string& file, const std::string& boot,
                                        const AuditWishes& wishes, bool is_first);
    /// On failure everything is as it was.
    base::Status put_in_force();

    /// New backlog settings, where they are ours.
    base::Status set_backlog(std::uint32_t limit, std::uint32_t wait_ms);
    [[nodiscard]] bool has_rules() const { return wishes_.rules; }
    /// What has to be in force; `pid`: the registered daemon, 0 where that is not us.
    [[nodiscard]] audit::Wanted wanted(std::uint32_t pid) const;
    /// Undoes what was found among the rules `in_force`, all of it that can be. A lost registration is not ours to
    /// mend. Does not wait: the kernel acknowledges changes at once, but lists rules from a thread of its own.
    Mended mend(const std::vector<audit::Finding>& findings, const std::vector<std::string>& in_force);
    /// Removes what mend() has replaced, once it no longer matters when that is done: see audit::Writing.
    base::Status tidy(const std::vector<std::string>& in_force);
    /// The first recorder of this boot, and our rules were in force: the boot loader has put them there.
    [[nodiscard]] bool behind_loader() const { return behind_loader_; }
    /// So they were, or by an earlier recorder of this boot that was killed.
    [[nodiscard]] bool was_in_force() const { return was_in_force_; }
    /// An earlier recorder was killed while it took back what it had set.
    [[nodiscard]] bool was_ending() const { return was_ending_; }
    /// What weakened the recording between the end of an earlier recorder of this boot, killed, or the boot loader's,
    /// and now. put_in_force() undoes it, or tries to.
    [[nodiscard]] const std::vector<audit::Finding>& weakened_meanwhile() const { return weakened_meanwhile_; }
    /// The rules of others that are set aside.
    [[nodiscard]] const std::vector<std::string>& aside() const { return found_.aside; }

    /// Stops the records that we caused: audit as on or off as it was found, our rules removed.
    base::Status withdraw();
    /// After withdraw(): the rest of the settings, and the rules that were set aside. From then on the file says no
    /// more than that there was a recorder in this boot.
    base::Status restore();

    /// Who was registered as the audit daemon when it began: us, or one before us whose socket we have.
    [[nodiscard]] std::uint32_t registered() const { return registered_; }
    [[nodiscard]] std::uint32_t lost() const { return lost_; }  ///< the kernel's counter before we began
    audit::Control& control() { return control_; }
    /// Whether the file tells what was found; not: a killed recorder's successor would not know.
    [[nodiscard]] const base::Status& kept() const { return kept_; }

private:
    struct Found {
        std::uint32_t enabled = 0;
        std::uint32_t backlog_limit = 0;
        std::uint32_t backlog_wait_time = 0;
        std::uint32_t rate_limit = 0;
        std::vector<std::string> rules;  ///< those that carry our key, a boot loader's perhaps
        std::vector<std::string> aside;
    };
    /// What is known of an earlier recorder of this boot that was killed.
    struct Left {
        Found found;
        Found set;                ///< what it had set instead; its rules are those that it had loaded
        bool was_ending = false;  ///< it was taking that back
    };
    [[nodiscard]] std::vector<audit::Finding> find_since(const Left& left, const audit::Picture& now) const;
    AuditHold(audit::Control control, std::string file, std::string boot, const AuditWishes& wishes)
        : control_(std::move(control)), file_(std::move(file)), boot_(std::move(boot)), wishes_(wishes) {}
    base::Status apply();
    base::Status give_back();
    base::Status put_rules_first(const std::vector<std::string>& in_force);
    base::Status set_aside(const std::vector<std::string>& rules);
    static std::vector<audit::Finding> find_beside_loader(const audit::Picture& now);
    [[nodiscard]] Found ours() const;
    void write_found();
    [[nodiscard]] base::Status write(const std::string& text) const;
    [[nodiscard]] std::string boot_line() const;
    [[nodiscard]] std::string text_there() const;
    [[nodiscard]] std::string text_given_back() const;
    [[nodiscard]] std::optional<Left> read_left() const;
    static void keep_changes(const audit::Picture& now, const Left& left, Found& found);

    audit::Control control_;
    std::string file_;
    base::Status kept_;
    std::string boot_;
    AuditWishes wishes_;
    Found found_;
    bool behind_loader_ = false;
    bool was_in_force_ = false;
    bool was_ending_ = false;
    bool is_ending_ = false;
    bool locked_ = false;  ///< -e 2: nothing can be changed until the next boot, nor has to be restored
    std::uint32_t lost_ = 0;
    std::uint32_t registered_ = 0;
    std::vector<audit::Finding> weakened_meanwhile_;
};

}  // namespace lineage::capture
