// Keeps what AuditHold has put in force: compares a picture of the kernel's audit state with what we want, undoes what
// weakens the recording, and says what it was, since when and until when.
//
// Promises: what is found is undone at once, unless the same kind keeps coming back or cannot be undone: then not more
// often than once in `pause_max_ms`, so that a loader that goes on removing our rules costs it more than us. One kind
// of weakness that comes again before `calm_ms` is over is one episode, of which there is a word at once, then at most
// one a second. There is one alarm of a kind in an interval. It is undone when a picture no longer shows it, not when
// the kernel took what we did about it. Nobody else's rules are touched, but those that no order of rules can outrank
// (see audit/weakness.hpp): they are set aside until we end.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "lineage/audit/weakness.hpp"
#include "lineage/capture/audit_hold.hpp"
#include "lineage/capture/capture.hpp"

namespace lineage::capture {

struct GuardTiming {
    int pause_max_ms = 250;     ///< between two times of undoing while it keeps coming back
    int calm_ms = 2000;         ///< without a finding: the next one is undone at once again
    int word_ms = 1000;         ///< between two words on one episode
    int alarm_interval_s = 60;  ///< between two alarms of one kind
};

/// What is done about findings (AuditHold; a fake in tests).
class Mender {
public:
    virtual ~Mender() = default;
    virtual Mended mend(const std::vector<audit::Finding>& findings, const std::vector<std::string>& in_force) = 0;
};

/// The pure part: pictures and the time in, what to say out.
class Episodes {
public:
    Episodes(GuardTiming timing, std::uint32_t lost, model::TimeNs good_ns)
        : timing_(timing), lost_(lost), good_ns_(good_ns) {}

    /// What is told is told in real time; when to act goes by the other clock, which nobody can set.
    struct Moment {
        model::TimeNs real_ns = 0;
        model::TimeNs mono_ns = 0;
    };
    /// `asked_ns` (real): when the picture was asked for; it is true then or later.
    AuditWatch::Answer see(const audit::Picture& picture, const audit::Wanted& wanted, model::TimeNs asked_ns,
                           Moment now, Mender& mender);

    /// What is found before the first picture, and something done about at once: what to say of it.
    std::vector<model::Tampered> find_before(const std::vector<audit::Finding>& findings, Moment now);

    void set_alarm_interval(int seconds) { timing_.alarm_interval_s = seconds; }

private:
    struct Episode {
        model::Tampered told;
        std::set<std::string> whats;  ///< every one that was found
        model::TimeNs found_ns = 0;   ///< last
        std::optional<model::TimeNs> word_ns;
        std::optional<model::TimeNs> alarm_ns;
        bool has_news = true;  ///< not yet in a word
        bool has_alarm = true;
        int pause_ms = 0;  ///< 0: it is undone at once
        model::TimeNs mend_earliest_ns = 0;
        bool is_refused = false;  ///< the kernel did not take what was last done about it
        bool is_fresh = false;  ///< undone for the first time, it seems; no alarm before a picture shows whether it is
    };
    void is_over_without(const std::vector<audit::Finding>& findings, Moment now);
    void begin(Episode& episode, const audit::Finding& finding, Moment now) const;
    void note(const audit::Finding& finding, Moment now);
    void mend(const std::vector<audit::Finding>& findings, const audit::Picture& picture, Moment now, Mender& mender,
              AuditWatch::Answer& answer);
    static void tell(Episode& episode, Moment now, AuditWatch::Answer& answer);
    void close(Moment now, AuditWatch::Answer& answer);
    void say(Moment now, AuditWatch::Answer& answer);

    GuardTiming timing_;
    std::uint32_t lost_;
    model::TimeNs good_ns_;  ///< real: all was well then but for what there are episodes of
    std::map<model::Weakness, Episode> episodes_;
};

class RuleGuard final : public AuditWatch, private Mender {
public:
    /// `socket`: the registered one, or -1 where another daemon is. `good_ns` (real): all was well then, as far as we
    /// know.
    RuleGuard(AuditHold& hold, int socket, GuardTiming timing, model::TimeNs good_ns);

    void set_alarm_interval(int seconds) { episodes_.set_alarm_interval(seconds); }
    /// Before hold.put_in_force(): what has weakened the recording, see AuditHold::weakened_meanwhile().
    std::vector<model::Tampered> find_before();

    int fd() override { return hold_.control().fd(); }
    void request() override;
    std::optional<Answer> take() override;

private:
    Mended mend(const std::vector<audit::Finding>& findings, const std::vector<std::string>& in_force) override;
    [[nodiscard]] audit::Wanted wanted() const;

    AuditHold& hold_;
    int socket_;
    std::uint32_t registered_;  ///< 0: another daemon is
    Episodes episodes_;
    model::TimeNs asked_ns_ = 0;
    bool ask_again_ = false;  ///< there was reason to while the picture was still on its way
    bool listening_along_ = false;
};

}  // namespace lineage::capture
