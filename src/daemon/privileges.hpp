// Which privileges capture keeps: uid 0, the group that may read what is recorded, and of the capabilities those that
// its sockets, /proc and its child need. Nothing of a record's content is parsed with them.
//
// The group is capture's own from the start on, so that every file that it and its children make is root's and that
// group's without CAP_CHOWN; nobody else may read them.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lineage/base/result.hpp"
#include "lineage/settings/settings.hpp"

namespace lineage::daemon {

using settings::Settings;

/// Whom the tracker runs as.
struct Account {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};

/// The account called `user`. None when we are not root and cannot become anybody, or when it is the default one and
/// does not exist here; another one has to.
base::Result<std::optional<Account>> find_account(const std::string& user);
/// For the operator, where there is no account: what the tracker runs as, and why.
std::string why_no_account(const std::string& user);

/// Once, before anything is opened. Takes the account's group, makes what already lies at the database's path and in
/// the journal root's and the group's (0640, 0750; locks 0600), then gives up every capability but those in
/// privileges.cpp, with no_new_privs, not dumpable, without core files. What it keeps besides is a nice value of -4.
base::Status keep_capture_privileges(const std::string& database, const std::string& journal,
                                     const std::optional<Account>& account);

/// In a child that stays who it is, for good: no capability is left, not even to be had back. Its nice value is 0.
base::Status give_up_capabilities();

/// In the tracker's process, for good: puts back into force what capture only keeps for it, makes `directory` its root
/// (reading is all it is for), becomes the account, and gives up every capability. Without root only what needs none.
/// Returns the directory's name as it is from then on.
base::Result<std::string> become_tracker(const std::string& directory, const std::optional<Account>& account);

}  // namespace lineage::daemon
