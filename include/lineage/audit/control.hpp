// The kernel's audit system as its controller sees it (libaudit): its state, our rules, the sockets.
// All of it needs CAP_AUDIT_CONTROL (or CAP_AUDIT_READ for multicast) in the initial user and pid namespaces.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"

namespace lineage::audit {

/// struct audit_status (linux/audit.h), the fields that can be set and `lost`.
struct KernelState {
    std::uint32_t enabled = 0;  ///< 0, 1, 2 (locked)
    std::uint32_t failure = 0;
    std::uint32_t pid = 0;
    std::uint32_t rate_limit = 0;
    std::uint32_t backlog_limit = 0;
    std::uint32_t backlog = 0;
    std::uint32_t lost = 0;
    std::uint32_t backlog_wait_time = 0;  ///< jiffies
    bool operator==(const KernelState&) const = default;
};

/// State and rules, asked for together.
struct Picture {
    KernelState state;
    std::vector<std::string> rules;  ///< raw struct audit_rule_data, list by list, each in its order
};

/// A picture that is on its way.
struct PictureRequest {
    std::uint32_t state = 0;  ///< sequence numbers of the requests; 0: none, or answered
    std::uint32_t rules = 0;
    Picture picture;
};

/// A backlog wait time in the kernel's unit, rounded up.
std::uint32_t raw_backlog_wait(std::uint32_t wait_ms);

/// Requests and their acknowledgements on a netlink socket of its own, so that no record is ever dropped while waiting
/// for one.
class Control {
public:
    /// One clear cause where it cannot be had: not root, in a container, a kernel without audit.
    static base::Result<Control> open();

    base::Result<KernelState> state();
    /// The same and, where wanted, the rules, without waiting: replies make fd() readable, take_picture() collects
    /// them, and has the picture when it is whole. A request that waits meanwhile gives it up.
    base::Status request_picture(bool with_rules);
    /// Its replies are not all there yet.
    [[nodiscard]] bool picture_comes() const;
    std::optional<Picture> take_picture();
    [[nodiscard]] int fd() const { return fd_.get(); }

    base::Status set_enabled(std::uint32_t enabled);
    base::Status set_backlog_limit(std::uint32_t records);
    base::Status set_backlog_wait_ms(std::uint32_t wait_ms) { return set_backlog_wait_raw(raw_backlog_wait(wait_ms)); }
    base::Status set_backlog_wait_raw(std::uint32_t raw);
    base::Status set_rate_limit(std::uint32_t records_a_second);
    base::Status set_failure(std::uint32_t failure);
    base::Status clear_registration();  ///< see unregister()

    /// The rules in force, in their order, as raw struct audit_rule_data.
    base::Result<std::vector<std::string>> list_rules();
    /// At the front of its list.
    base::Status prepend_rule(const std::string& rule);
    base::Status append_rule(const std::string& rule);
    base::Status delete_rule(const std::string& rule);  ///< one that is not there any more is no failure

private:
    explicit Control(base::UniqueFd fd) : fd_(std::move(fd)) {}
    int send(std::uint16_t type, std::uint16_t flags, std::string_view payload);
    struct Message {
        std::uint32_t sequence = 0;
        std::uint16_t type = 0;
        std::string payload;
    };
    int receive_any(int timeout_ms, Message& message);
    int receive(int timeout_ms, std::uint16_t& type, std::string& payload);
    int request(std::uint16_t type, std::string_view payload);

    base::UniqueFd fd_;
    std::uint32_t sequence_ = 0;
    std::optional<PictureRequest> asked_;
};

/// The same rules can be written in two ways, which the kernel takes for different rules: with their fields in one
/// order or the other. So what has to be put in front again can be put there in the other writing at once, and what it
/// replaces be removed behind it: no instant is without rules, and nothing waits for a removal, which in the kernel
/// takes an RCU grace period (10 to 40 ms a rule on a loaded machine, an addition 0.01 ms).
enum class Writing : std::uint8_t { first, second };
/// Our rules, in the order in which they must stand in the kernel, as raw struct audit_rule_data, key "lineage".
std::vector<std::string> lineage_rules(Writing writing = Writing::first);
/// Is it the one about files of namespaces? On which device those are /proc has to say first, so that neither the
/// boot loader nor a file of rules can have it; lineaged adds it.
bool needs_proc(const std::string& rule);
/// `rules` with ours in their first writing, whichever they are in.
std::vector<std::string> in_first_writing(std::vector<std::string> rules);
/// May `rule` (as list_rules gives it) be one of ours, of this version or another? It carries our key, and nothing that
/// no rule of ours has: a path, a user.
bool is_ours(const std::string& rule);

/// A socket registered as the machine's audit daemon (AUDIT_SET pid): the kernel queues to it from then on.
/// Non-blocking. EEXIST where another process is: the message names its pid.
base::Result<base::UniqueFd> open_unicast(int queue_bytes);
/// The same for a socket that an earlier process registered and someone kept open. It stays registered under the pid of
/// the dead, which the kernel does not let anybody change while the socket is open. True: it was still registered.
/// False: the kernel had given it up (kauditd_send_queue in kernel/audit.c does so where a socket stays full for half a
/// second), and it had to be registered anew; records from between were not queued.
base::Result<bool> take_over_unicast(int socket);
/// A member of AUDIT_NLGRP_READLOG: best effort, beside a running daemon.
base::Result<base::UniqueFd> open_multicast(int queue_bytes);
/// Registers the socket once more, after the registration was lost. Does not wait: a refusal arrives on the socket
/// among the records, success shows in KernelState::pid.
base::Status register_again(int unicast_socket);
/// Lets a unicast socket take part in AUDIT_NLGRP_READLOG: what there is while another daemon is registered.
base::Status listen_along(int unicast_socket, bool along);
/// Gives the registration back (AUDIT_SET pid 0). The kernel takes that from the process that registered alone, unless
/// the registered socket is closed.
base::Status unregister();

}  // namespace lineage::audit
