#include "view.hpp"

#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

namespace lineage::cli {
namespace {

std::string look_up_user(std::uint32_t uid) {
    std::vector<char> room(1024);
    passwd entry{};
    passwd* found = nullptr;
    while (getpwuid_r(uid, &entry, room.data(), room.size(), &found) == ERANGE) room.resize(room.size() * 2);
    return found == nullptr ? "" : found->pw_name;
}

/// A look-up may go over the network: once a user.
std::function<std::string(std::uint32_t)> remembered_users() {
    return [known = std::make_shared<std::map<std::uint32_t, std::string>>()](std::uint32_t uid) {
        const auto [place, is_new] = known->try_emplace(uid);
        if (is_new) place->second = look_up_user(uid);
        return place->second;
    };
}

int terminal_columns() {
    winsize size{};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/// https://no-color.org
bool wants_color() {
    const char* const refusal = std::getenv("NO_COLOR");
    return refusal == nullptr || *refusal == '\0';
}

}  // namespace

render::Style style_of(const Arguments& arguments, bool lines_cut) {
    const bool terminal = arguments.output.empty() && isatty(STDOUT_FILENO) != 0;
    render::Style style;
    style.color = arguments.color == "always" || (arguments.color == "auto" && terminal && wants_color());
    style.utc = arguments.utc;
    style.width = terminal && lines_cut ? terminal_columns() : 0;
    style.user_name = remembered_users();
    return style;
}

}  // namespace lineage::cli
