// Audit as we want it, for as long as we record: switched on, our rules first, backlog settings ours; and everything
// back as it was found when restore() is called.
//
// What was found is also kept in a file, keyed by boot_id, from before the first change until the restoration is
// complete. So a recorder that was killed leaves the kernel recording (its rules stay in force), and the next one that
// ends in order restores what stood before both.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lineage/audit/control.hpp"
#include "lineage/base/result.hpp"
#include "lineage/capture/capture.hpp"

namespace lineage::capture {

struct AuditWishes {
    bool rules = true;
    /// The backlog settings belong to the registered daemon; beside another one they are left alone.
    bool backlog = true;
    std::uint32_t backlog_limit = 65536;
    std::uint32_t backlog_wait_ms = 100;
};

class AuditHold {
public:
    /// `file` keeps what was found. On failure everything is as it was.
    static base::Result<AuditHold> take(audit::Control control, const std::string& file, const std::string& boot,
                                        const AuditWishes& wishes);

    /// New backlog settings, where they are ours.
    base::Status set_backlog(std::uint32_t limit, std::uint32_t wait_ms);
    /// Stops the records that we caused: audit as on or off as it was found, our rules removed.
    base::Status withdraw();
    /// After withdraw(): the rest of the settings, and the file's end.
    base::Status restore();

    [[nodiscard]] std::uint32_t lost() const { return lost_; }  ///< the kernel's counter before we began
    audit::Control& control() { return control_; }

private:
    struct Found {
        std::uint32_t enabled = 0;
        std::uint32_t backlog_limit = 0;
        std::uint32_t backlog_wait_time = 0;
        std::vector<std::string> rules;  ///< those that carry our key, a boot loader's perhaps
    };
    AuditHold(audit::Control control, std::string file) : control_(std::move(control)), file_(std::move(file)) {}
    base::Status apply(const AuditWishes& wishes);
    base::Status put_rules_first();
    base::Status write_found(const std::string& boot) const;
    bool read_found(const std::string& boot);

    audit::Control control_;
    std::string file_;
    Found found_;
    bool backlog_is_ours_ = false;
    bool locked_ = false;  ///< -e 2: nothing can be changed until the next boot, nor has to be restored
    std::uint32_t lost_ = 0;
};

/// The kernel's count of lost records, asked through `control`.
class KernelLossCounter final : public LossCounter {
public:
    explicit KernelLossCounter(audit::Control& control) : control_(control) {}
    int fd() override { return control_.fd(); }
    void request() override { (void)control_.request_state(); }
    std::optional<std::uint32_t> take() override {
        const auto state = control_.take_state();
        return state ? std::optional(state->lost) : std::nullopt;
    }

private:
    audit::Control& control_;
};

}  // namespace lineage::capture
