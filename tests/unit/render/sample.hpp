// A small history to render: pid 0, an sshd that forked a shell for alice, the shell killed by a signal.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lineage/render/render.hpp"

namespace lineage::test {

constexpr model::TimeNs noon_ns = 1'763'726'400'123'456'789;  // 2025-11-21T12:00:00.123456789Z

inline model::Credentials user(std::uint32_t uid, std::uint32_t auid = model::unset_uid) {
    return {uid, uid, uid, uid, auid, auid == model::unset_uid ? auid : 3, ""};
}

inline model::Image image(std::string exe, std::vector<std::string> argv, model::Credentials who,
                          model::TimeNs time_ns) {
    model::Image made;
    made.time_ns = time_ns;
    made.serial = 531;
    made.exe = std::move(exe);
    made.comm = made.exe.substr(made.exe.rfind('/') + 1);
    made.cwd = "/";
    made.argv = std::move(argv);
    made.credentials = std::move(who);
    made.witnesses = model::only(model::Witness::audit);
    return made;
}

inline model::Node node(model::Id id, model::Pid pid, model::Id parent, std::string comm) {
    model::Node made;
    made.boot = "b00t";
    made.process.id = id;
    made.process.boot = 1;
    made.process.pid = pid;
    made.process.parent = parent;
    made.process.born = {noon_ns + id * 1'000'000'000, id == 1 ? 0 : 500 + id, model::How::fork,
                         model::only(model::Witness::connector) | model::Witness::audit};
    made.process.comm = std::move(comm);
    return made;
}

inline model::Node root() {
    auto made = node(1, 0, 0, "swapper/0");
    made.process.kernel_thread = true;
    made.process.born.how = model::How::boot;
    made.process.born.witnesses = model::only(model::Witness::procfs);
    made.process.credentials = user(0);
    return made;
}

inline model::Node sshd() {
    auto made = node(2, 812, 1, "sshd");
    made.process.credentials = user(0);
    made.images = {image("/usr/sbin/sshd", {"sshd", "-D"}, user(0), made.process.born.time_ns + 1)};
    made.current = made.images.back();
    return made;
}

inline model::Node shell() {
    auto made = node(3, 4242, 2, "bash");
    made.process.ppid = 1;
    made.process.credentials = user(1000, 1000);
    made.process.credentials.tty = "pts0";
    made.images = {image("/usr/bin/bash", {"-bash"}, user(1000, 1000), made.process.born.time_ns + 5'000'000)};
    made.current = made.images.back();
    made.process.ended = model::End{made.process.born.time_ns + 2'500'000'000, 0, std::nullopt, 9, false,
                                    model::only(model::Witness::connector)};
    return made;
}

/// Apart from add_vertex(property, graph): in that g++ 12 with sanitizers sees an uninitialized value that is none.
inline std::size_t add_node(model::Node one, model::Forest& to) {
    const auto vertex = boost::add_vertex(to);
    to[vertex] = std::move(one);
    return vertex;
}

inline model::Forest forest(const std::vector<model::Node>& nodes) {
    model::Forest made;
    for (const auto& one : nodes) add_node(one, made);
    for (std::size_t child = 0; child < nodes.size(); ++child) {
        for (std::size_t parent = 0; parent < nodes.size(); ++parent) {
            if (nodes[child].process.parent == nodes[parent].process.id) boost::add_edge(parent, child, made);
        }
    }
    return made;
}

inline std::string every_byte() {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    return bytes;
}

inline render::Style utc_style() {
    render::Style style;
    style.utc = true;
    style.user_name = [](std::uint32_t uid) { return std::string(uid == 0 ? "root" : uid == 1000 ? "alice" : ""); };
    return style;
}

}  // namespace lineage::test
