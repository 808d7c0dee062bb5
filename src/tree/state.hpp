// The tracker's state and what each kind of observation does to it. One file a witness: audit.cpp, connector.cpp,
// procfs.cpp; placing.cpp decides which life a fact belongs to; tracker.cpp is the public face.
//
// The model. Every pid has a sequence of lives that do not overlap in time, and every fact has a time. The connector's
// times are exact and its events arrive in causal order; what capture guarantees is that an audit record never arrives
// before a connector event that happened before it, while it may arrive any time later. So with both witnesses the
// lives are known when audit speaks, and an audit fact belongs to the earliest life of its pid that had not ended by
// the fact's time. With audit alone a life begins with its first record or with the record of its birth, whichever
// comes first; a birth that turns out to lie inside a known life proves that this one had ended unseen (a pid is not
// given out twice), and what happened after the birth is moved to the new life. That is the only repair there is.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "lineage/tree/tracker.hpp"
#include "population.hpp"

namespace lineage::tree {

/// An audit stamp is the coarse clock: up to one tick early (10 ms with CONFIG_HZ=100) and some for clock conversion.
constexpr model::TimeNs tick_ns = 12'000'000;
/// As early as this on a starved virtual machine, whose ticks come late (0.36 s was seen). Only where something else
/// than the stamp says whose fact it is.
constexpr model::TimeNs late_tick_ns = 1'000'000'000;
/// The conversion between the two clocks is good to this.
constexpr model::TimeNs clock_slack_ns = 2'000'000;
/// /proc tells a start time in steps of USER_HZ.
constexpr model::TimeNs start_time_step_ns = 10'000'000;
/// Can what began at `born_ns`, as the connector says, be the outcome of a call that was entered at `call_ns`?
constexpr bool not_before(model::TimeNs born_ns, model::TimeNs call_ns) {
    return born_ns + clock_slack_ns >= call_ns;
}
/// A dead life is remembered until audit's own time is this far beyond its end, or all time twice as far: what the
/// kernel has queued for it must have come by then. Tasks wait for room in that queue for 0.1 s by default.
constexpr model::TimeNs memory_ns = 10'000'000'000;

/// The connector tells of uid and euid, or of gid and egid, and knows better when it speaks of a later time.
void keep_ids(model::Credentials& of, const model::Credentials& known, bool uids, bool gids);
/// Likewise what a record told that is silent on the rest.
void keep_login(model::Credentials& of, const model::Credentials& known);

/// Someone who took a number in a pid namespace: a process, or a thread of one.
struct SpaceBirth {
    model::TimeNs time_ns = 0;
    model::Id life = 0;     ///< the process, or the one whose thread it is
    model::Pid tid = 0;     ///< 0 for the process itself
    model::Pid number = 0;  ///< 0: not known
    bool told = false;      ///< the number is a record's word or /proc's, not foretold
};
inline bool earlier(const SpaceBirth& a, const SpaceBirth& b) {
    return a.time_ns < b.time_ns;
}

/// A pid namespace.
struct Space {
    model::Pid last = 0;      ///< the last number given out in it
    std::int32_t outer = 0;   ///< the one around it; 0: the initial one
    std::uint64_t inode = 0;  ///< its name in /proc; 0: not known yet
    bool shared = false;  ///< one that was joined, nobody knows which: others are born there of whom we know elsewhere
    std::vector<SpaceBirth> births;  ///< recent ones, in order, those in namespaces inside of it included
};

/// A fork record in a pid namespace whose child is not yet known.
struct WaitingFork {
    model::AuditFork fork;
    model::Id caller = 0;
    model::TimeNs since_ns = 0;  ///< the call was not entered before
};

/// The key of our rules (src/audit/calls.hpp), and the list that all of them are in (AUDIT_FILTER_EXIT).
constexpr std::string_view our_key = "lineage";
constexpr std::uint32_t exit_list = 4;
constexpr std::uint32_t exclude_list = 5;  ///< AUDIT_FILTER_EXCLUDE

/// A change of audit's configuration, and who made it as far as the record names a process.
struct ConfigChange {
    model::TimeNs time_ns = 0;
    model::Id by = 0;
    model::Pid pid = 0;
    std::uint32_t auid = model::unset_uid;
    model::AuditConfigChange::What what = model::AuditConfigChange::What::other;
    std::uint32_t list = 0;
    std::string name;
    std::int64_t value = 0;
    std::int64_t old = 0;
    model::TimeNs received_ns = 0;     ///< it had been made by then
    model::TimeNs looked_ns = 0;       ///< the answer to the first look asked for after that; 0: none
    model::TimeNs audit_spoke_ns = 0;  ///< of one that switched audit off: the first record after it, by its stamp
    bool answered = false;             ///< told of, or it needs no word
};

/// By which kind of change it is the recording can be weakened, whatever this one set.
std::optional<model::Weakness> weakness_touched(const ConfigChange& change);

/// A weakening of the recording that capture may yet tell more of, or whose culprit a record may yet name.
struct Tampering {
    std::int64_t episode = 0;
    model::TimeNs found_ns = 0;
    model::Weakness kind = model::Weakness::rules_removed;
    model::TimeNs told_ns = 0;  ///< capture's last word on it
    model::Pid recorder = 0;
    bool settled = false;  ///< every record of it must have come
    model::Tamper tamper;
    model::Gap gap;
};

/// Who recorded, from when on.
struct Recorder {
    model::TimeNs since_ns = 0;
    model::Pid pid = 0;
};

struct OwnedRecord {
    model::Id id = 0;
    model::Id owner = 0;
    model::KeptEvent event;
};

struct Tracker::State {
    Population population;
    model::Boot boot;
    Life* root = nullptr;
    model::TimeNs real_minus_mono_ns = 0;
    model::TimeNs recording_since_ns = 0;  ///< of this run of capture
    bool connector_up = false;
    model::TimeNs connector_since_ns = 0;
    bool audit_up = false;
    model::TimeNs deeds_since_ns = 0;  ///< what was done to audit's configuration before is no weakening
    bool in_snapshot = false;
    model::TimeNs looked_ns = 0;                 ///< when the last whole look at /proc began
    std::vector<ThreadBirth> exits_in_snapshot;  ///< threads that ended while /proc was being read
    model::TimeNs newest_ns = 0;                 ///< of any fact
    model::TimeNs newest_audit_ns = 0;
    /// Serials are given out at emission, which comes after the fact: what has a greater serial than `floor_serial` was
    /// emitted after `floor_ns`, and whoever emitted it was alive then.
    std::int64_t floor_serial = 0;
    model::TimeNs floor_ns = 0;
    std::vector<model::Gap> connector_gaps;  ///< recent ones
    model::BootId last_boot_id = 0;
    model::Id last_gap_id = 0;
    model::Id last_tamper_id = 0;
    model::Id last_record_id = 0;
    std::uint64_t observations = 0;
    std::uint64_t images_created = 0;

    std::vector<model::Boot> changed_boots;
    std::vector<model::Gap> changed_gaps;
    std::vector<model::Tamper> changed_tampering;
    std::vector<OwnedRecord> changed_records;                    ///< by ascending id
    std::vector<std::pair<model::Id, model::Id>> moved_records;  ///< (id, owner) of earlier ones
    /// The life that the last record was placed on: others of the same event are about it, too. Not saved: an event is
    /// told without a pause.
    struct {
        model::TimeNs time_ns = 0;
        std::int64_t serial = 0;
        model::Id life = 0;
    } placed_last;
    using Changes = std::deque<ConfigChange>;
    Changes config_changes;                      ///< recent ones, in order of arrival
    bool audit_is_to_speak = false;              ///< one of them waits for that
    std::deque<Recorder> recorders;              ///< of this boot, recent ones
    model::TimeNs audit_idle_ns = 0;             ///< then there was nothing left to come, or it began
    std::deque<model::AuditLooked> audit_looks;  ///< of this run of capture, recent ones
    model::TimeNs first_look_ns = 0;             ///< the answer to its first one; 0: none
    model::TimeNs deeds_looked_ns = 0;           ///< newest_audit_ns when they were gone through
    std::vector<Tampering> tampering;            ///< recent ones
    std::vector<Question> questions;
    std::vector<std::string> alarms;
    std::deque<model::Id> uncertain_numbers;  ///< lives whose foretold number no record has confirmed yet
    std::map<std::int32_t, Space> spaces;     ///< the pid namespaces in use but the initial one, which is 0
    std::int32_t last_space = 0;
    std::size_t spaces_max = 256;                ///< when there are more, those that nobody lives in are forgotten
    std::deque<WaitingFork> waiting_forks;       ///< in order of arrival
    std::set<model::Id> with_nameless;           ///< lives whose `nameless` is not empty, and some that are gone
    model::TimeNs stopped_ns = 0;                ///< of the last orderly or observed end of recording
    std::map<std::uint32_t, model::Id> openers;  ///< the last sessions that were set, and whose LOGIN did it

    // placing.cpp
    /// The earliest life of `pid` that had not ended by `time_ns`; nullptr where there is none.
    Life* life_at(model::Pid pid, model::TimeNs time_ns);
    /// Can the record be about this life, by what it says besides its time?
    using Fits = std::function<bool(const Life&)>;
    static bool fits_any(const Life&) { return true; }
    /// The life that an audit record is about; made up from the record when it is the first word of it.
    Life& life_of(const model::AuditHeader& task, const Fits& fits = fits_any);
    Life* life_speaking(const model::AuditHeader& task, const Fits& fits);
    /// The life of the pid that the kernel called parent; made up when it is not known. `login`: for whom it seems to
    /// act, if anybody.
    Life& life_named(model::Pid pid, model::TimeNs time_ns, const std::optional<model::Login>& login = {});
    /// The pid's newest life, where exit(2) was taken for its end: that ends one thread, and a later word by or about
    /// the pid shows that others live.
    Life* alive_after_all(model::Pid pid);
    [[nodiscard]] model::TimeNs stamp_slack_ns(const Life& life, model::TimeNs stamp_ns) const;
    /// It lived at `time_ns`, and so did its ancestors: where a birth is not known its first moment is the least that
    /// is.
    void lived_at(Life& life, model::TimeNs time_ns);
    void link(Life& child, Life& parent);
    Life& make_provisional(const model::AuditHeader& task);
    /// Who opened the session of one who acts for `login`; nullptr: nobody known, or it is `self`.
    Life* opener_of(const std::optional<model::Login>& login, const Life* self);
    Life& nearest_known_ancestor(const std::optional<model::Login>& login = {}, const Life* self = nullptr);
    struct Descent {
        Life& parent;
        model::Inferred why = model::Inferred::no;
    };
    /// Where a life hangs of whose birth nobody told, by a record of its own; `self`: it, if it is there yet. Whom the
    /// record calls parent is a reaper where who opened its session is not above him.
    Descent descent_of(const model::AuditHeader& task, const Life* self);
    /// Who was known before any record named its parent goes to that parent as soon as one of its own does.
    void learn_parent(Life& life, const model::AuditHeader& task);
    /// No record has named its parent: if it acts for another login than it seemed to, it descends from another.
    void learn_login(Life& life, const std::optional<model::Login>& login);
    void hang(Life& life, const Descent& descent);
    /// A birth of `pid` at `time_ns` that no life in memory stands for: ends the one that it proves dead, and moves
    /// what happened since then to the new life.
    Life& begin_life(model::Pid pid, model::TimeNs time_ns);
    /// Its beginning is now known: lives of one pid do not overlap, so the one before had ended, and it ends before the
    /// next.
    void keep_apart(Life& life);
    void move_facts(Life& from, Life& to, model::TimeNs since_ns);
    /// Nobody told of its end, but perhaps of its last call.
    void end_unseen(Life& life, model::TimeNs time_ns, model::Witnesses disappearance = 0);
    void end(Life& life, const model::End& end);
    void revive(Life& life);
    void speak_for(Life& life);  ///< a phantom turns out to be a process
    /// What a child has from its creator at birth, as far as nothing of its own has been told.
    void inherit(Life& child, const Life& creator);
    /// A change of parent must not make a circle, whatever a hostile log says.
    static bool may_link(const Life& child, const Life& parent);
    /// To the children born since then that nothing of their own is known of.
    void spread_credentials(Life& life, model::TimeNs since_ns);
    /// An audit record of `life` has been matched with a fact of which the connector knows the time.
    void matched(Life& life, std::int64_t serial, model::TimeNs exact_ns);
    [[nodiscard]] bool connector_covers(model::TimeNs time_ns) const;
    void reparent_children(Life& dead, model::TimeNs time_ns);
    Life* reaper_of(const Life& dead);
    void advance(model::TimeNs time_ns);
    [[nodiscard]] model::TimeNs real(model::TimeNs mono_ns) const { return mono_ns + real_minus_mono_ns; }
    void ask(model::Pid pid);

    // spaces.cpp
    static constexpr model::Pid space_uncounted = -1;  ///< the numbers given out in it so far are not known
    static std::int32_t space_for_children(const Life& parent);
    Space& space_of(std::int32_t space);
    std::int32_t new_space(std::int32_t outer, model::Pid last);
    void forget_spaces();
    /// The namespace of that inode at that time; 0: none that is known.
    std::int32_t space_with(std::uint64_t inode, model::TimeNs time_ns);
    [[nodiscard]] std::size_t depth_of(std::int32_t space) const;
    /// A birth in `space` takes a number there and in all that are around it.
    void take_numbers(std::int32_t space, SpaceBirth birth);
    SpaceBirth* birth_in(std::int32_t space, const Life& life, model::Pid tid = 0);
    /// The process's number in its own namespace.
    void show_number(Life& life, const SpaceBirth& birth);
    /// Numbers the births from that one on again, the last one before them having got `before`.
    void recount(std::int32_t space, std::size_t from, model::Pid before);
    void add_births(std::int32_t space, const std::vector<SpaceBirth>& births);
    /// `top` and what descends from it turn out to live in `space`.
    void enter_space(Life& top, std::int32_t space);
    /// They turn out to be one namespace.
    void join_spaces(std::int32_t from, std::int32_t into);
    /// Of `caller` and those ancestors that are not known to live where they seem to, the one as whose namespace's init
    /// the birth would have got that number.
    Life* init_of_space(Life& caller, model::TimeNs born_ns, model::Pid number);
    /// A record told it; unless the record's `space` is only guessed (not `sure`), what was counted follows.
    void confirm_number(std::int32_t space, Life& life, model::Pid number, bool sure);
    void see_space(Life& life, const model::Seen& seen);
    /// /proc knows the number of a life that no record speaks of: its creator may be waiting in vfork.
    void ask_for_numbers();

    // setns.cpp
    static constexpr std::int32_t no_space = -1;  ///< what was opened is no pid namespace
    void on(model::AuditNamespaceOpened&& opened);
    /// Who is called so in the /proc that `opener` looks at, if setns may join it: one of its own namespace or below.
    Life* named_to(const Life& opener, model::Pid name, model::TimeNs time_ns);
    /// The namespace of that inode, in which `of` lives (nullptr: nobody knows who does), for someone who lives in
    /// `from`.
    std::int32_t find_space(Life* of, std::uint64_t inode, model::TimeNs time_ns, std::int32_t from);
    /// The same, in which `of` bears its children.
    std::int32_t find_children_space(Life* of, std::uint64_t inode, model::TimeNs time_ns);
    std::int32_t new_space_of(std::uint64_t inode);
    /// `member`, or the ancestor as whose child it came to live where nobody saw a namespace being made: only clone3
    /// does that.
    static Life& made_unseen(Life& member);
    /// What stands behind that file descriptor; nullopt: not known.
    [[nodiscard]] std::optional<std::int32_t> space_behind(const Life& life, std::int32_t fd) const;
    /// unshare or setns.
    void bear_children_elsewhere(Life& life, const model::AuditStatement& statement);

    // forks.cpp
    void on(model::AuditFork&& fork);
    /// Who had the returned pid before the call and still has: init, kthreadd, a kernel thread, the caller, its parent.
    [[nodiscard]] bool lives_meanwhile(const model::AuditFork& fork) const;
    /// What a fork record tells of: a child, or a thread of the caller.
    struct Birth {
        Life* child = nullptr;
        model::Pid tid = 0;
        model::TimeNs born_ns = 0;
        model::Pid number = 0;  ///< in the caller's namespace, as foretold; 0: not
        [[nodiscard]] bool none() const { return child == nullptr && tid == 0; }
    };
    Birth birth_by_pid(Life& caller, const model::AuditFork& fork, bool covered);
    /// In a pid namespace: every birth that it can be about, in order of time.
    std::vector<Birth> candidates(Life& caller, const model::AuditFork& fork, model::TimeNs since_ns, bool covered);
    Birth birth_by_number(Life& caller, const model::AuditFork& fork);
    /// The number that the caller was told is nobody's where it seems to live: is it in a namespace that no record told
    /// of?
    void reveal_space(Life& caller, const model::AuditFork& fork, const std::vector<Birth>& births);
    /// A namespace's numbers ascend with its births: what could not be foretold is told by the order, when those who
    /// know their children by pid have spoken.
    void decide_waiting_forks(bool all);
    /// Is `birth`, as far as foretold numbers tell, what another waiting record is about?
    bool needed_by_other(const Birth& birth, const WaitingFork& one, std::int32_t space);
    bool asked_for(const WaitingFork& one);                    ///< its number is far beyond the count: clone3's set_tid
    std::vector<WaitingFork*> waiting_in(std::int32_t space);  ///< in the order of their births
    void take_birth(Life& caller, const model::AuditFork& fork, const Birth& birth);
    void place_in_space(Life& child, const Life& caller, const model::AuditFork& fork);
    void claim(Life& child, Life& caller, const model::AuditFork& fork);
    void wait_for_name(Life& caller, model::AuditFork&& fork);
    /// Whose birth may one of the records be that came before anyone knew the child: of who the kernel calls its
    /// parent, or by CLONE_PARENT of a child of that one.
    void adopt_nameless(Life& child, Life& kernel_parent);

    // images.cpp
    model::Image& add_image(Life& life, model::Image&& image);
    /// The record of its exec tells when that was, and thereby its place among the life's images.
    model::Image& stamp_image(Life& life, std::int32_t seq, const model::AuditHeader& exec);
    /// Its images from `from` on are new or have moved; children born since then may have inherited another one.
    void number_images(Life& life, std::int32_t from, model::TimeNs since_ns);
    /// The image that `life` ran at `time_ns`: (owner, seq).
    static std::pair<model::Id, std::int32_t> image_at(const Life& life, model::TimeNs time_ns, std::int64_t serial);
    void inherit_image(Life& child, const Life& creator);
    /// Forgets the image that was made from a first record's exe: now that its birth is known, so is what it inherited.
    void drop_guess(Life& life);
    /// A record made since names the file of an image whose exec no record told of; its arguments stay unknown.
    void name_image(Life& life, const model::AuditHeader& task);
    void set_image_of_children(Life& parent, model::TimeNs since_ns);

    // attempts.cpp
    /// The failed exec's place is at the end: audit's events come in order.
    void add_attempt(Life& life, model::AuditExec&& failed);
    /// Forgets the attempts that the successful exec of `path` shows to have been its search.
    void drop_search(Life& life, const std::string& path, std::int64_t serial);
    void move_attempts(Life& from, Life& to, model::TimeNs since_ns);

    // records.cpp
    void on(model::AuditNamed&& named);
    void on(model::AuditKept&& kept);
    void move_records(Life& from, Life& to, model::TimeNs since_ns);

    // signals.cpp
    void on(model::AuditSignal&& sent);
    void move_signals(Life& from, Life& to, model::TimeNs since_ns);
    /// Who sent the signal that ended it, as far as records have told.
    void name_sender(Life& life);

    // tampering.cpp
    void on(model::AuditConfigChange&& told);
    void on(model::Tampered&& told);
    void on(model::AuditLooked&& look);
    static void note_look(ConfigChange& change, const model::AuditLooked& look);
    void name_culprit(Tampering& of);
    void guess_culprit(Tampering& of);
    /// What no record has told of by now, none will; `all`: no more will come.
    void settle_tampering(bool all);
    Tampering& begin_tampering(model::Weakness kind, model::TimeNs found_ns);
    [[nodiscard]] bool is_ours(const ConfigChange& change) const;
    void audit_spoke(model::TimeNs time_ns);
    [[nodiscard]] bool is_told(model::Weakness kind, model::TimeNs from_ns, model::TimeNs to_ns) const;
    [[nodiscard]] bool was_put_back(const ConfigChange& change) const;
    [[nodiscard]] bool was_seen(const ConfigChange& deed, model::TimeNs undone_ns) const;
    void tell_unseen_deeds(bool all);
    void make_room_for_change();
    /// When all was as before, as far as records tell: not earlier than `from_ns`, surely by `sure_ns`; and by which of
    /// them, if there is one.
    struct Undoing {
        model::TimeNs from_ns = model::time_ns_max;
        model::TimeNs sure_ns = model::time_ns_max;
        ConfigChange* by = nullptr;
        model::TimeNs since_ns = 0;  ///< what was done was in force since then; 0: since it was done
    };
    Undoing undoing_of(Changes::iterator deed, model::Weakness kind);
    Undoing putting_back(Changes::iterator deed);
    Undoing removal_of_unknown(const ConfigChange& removal) const;
    [[nodiscard]] std::optional<model::AuditLook> look_before(const ConfigChange& change) const;
    static Undoing switching_on(const ConfigChange& deed);
    void add_tampering(model::Weakness kind, const ConfigChange& deed, const Undoing& undoing);
    void tell(Tampering& one);
    void save_spaces(base::Encoder& out) const;
    void restore_spaces(base::Decoder& in);
    void save_tampering(base::Encoder& out) const;
    void restore_tampering(base::Decoder& in);

    // audit.cpp
    void state(Life& life, const model::AuditHeader& task);
    /// Where no witness tells of births and deaths: does the record speak for a later life of the pid than `life`, by
    /// what never changes in one?
    bool of_another_life(const Life& life, const model::AuditHeader& task);
    bool knows_image(const Life& life, const std::string& exe);
    void on(model::AuditExec&& exec);
    void on(model::AuditExit&& exit);
    void on(model::AuditStatement&& statement);
    void on(model::AuditLogin&& login);
    void on(model::AuditAbend&& abend);

    // connector.cpp
    void on(model::ConnectorFork&& fork);
    void on(model::ConnectorExec&& exec);
    void on(model::ConnectorId&& change);
    void on(model::ConnectorComm&& change);
    void on(model::ConnectorCoredump&& dump);
    void on(model::ConnectorExit&& exit);
    Life& task_of_connector(model::Pid tgid, model::TimeNs time_ns);

    // procfs.cpp
    void on(model::Seen&& seen);
    void on(model::SnapshotBegan&& begin);
    void on(model::SnapshotEnded&& end);
    Life& life_seen(const model::Seen& seen);
    /// A witness that lost events made us take it for dead.
    void restore_to_life(Life& life);
    void see_threads(Life& life, const model::Seen& seen);
    /// Was it born before the last whole look at /proc, which did not show it?
    [[nodiscard]] bool unseen_by_look(const Life& life) const;
    /// Its records came after that look: it was dead by then, and the connector will not say so.
    void end_if_overlooked(Life& life);
    void see_image(Life& life, model::Seen&& seen);
    /// To those that were born before anyone knew what to inherit.
    void name_children(Life& life, const std::string& comm);

    // tracker.cpp
    void on(model::BootBegan&& began);
    void on(model::ClockChanged&& change);
    void on(model::ConnectorUp&&);
    void on(model::ConnectorDown&&);
    void on(model::ConnectorDrained&& drained);
    void on(model::AuditUp&& up);
    void on(model::Resumed&& resumed);
    void on(model::Idle&& idle);
    void on_recorder(model::TimeNs since_ns, model::Pid pid);
    void on(model::AuditDown&&);
    void on(model::Lost&& lost);
    void on(model::Stopped&&);
    void add_gap(model::Gap gap);
    void lose_connector(model::Gap gap);
    void make_root();
    void ensure_boot(model::TimeNs time_ns);
};

}  // namespace lineage::tree
