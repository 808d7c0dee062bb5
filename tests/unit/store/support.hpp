// For the store's tests: a directory that vanishes, results that must hold, processes in a line.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "lineage/store/store.hpp"

namespace lineage::store::test {

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "lineage_store_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
        std::filesystem::permissions(path_, std::filesystem::perms(0755));
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] std::string file(const char* name = "lineage.db") const { return path_ + "/" + name; }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

template <class T>
T must(base::Result<T> result) {
    if (!result) FAIL(result.error().message());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The node that was asked for, which must be there.
inline model::Node node(base::Result<std::optional<model::Node>> result) {
    auto found = must(std::move(result));
    REQUIRE(found.has_value());
    return std::move(*found);
}

template <class Work>
void in_transaction(Writer& writer, const Work& work) {
    must(writer.begin());
    work();
    must(writer.commit());
}

constexpr model::TimeNs start_ns = 1'763'720'000'000'000'000;
constexpr model::TimeNs second_ns = 1'000'000'000;

/// A process of boot 1 whose pid is 1000 + id, born id seconds after the start, alive.
inline model::Process process(model::Id id, model::Id parent) {
    model::Process process;
    process.id = id;
    process.boot = 1;
    process.pid = static_cast<model::Pid>(1000 + id);
    process.parent = parent;
    process.ppid = parent == 0 ? 0 : static_cast<model::Pid>(1000 + parent);
    process.born = {start_ns + id * second_ns, 10 * id, model::How::fork, 3};
    process.credentials.uid = 1000;
    process.comm = "comm" + std::to_string(id);
    process.image_owner = id;
    return process;
}

inline model::Image image(std::int32_t seq, const std::string& exe, std::vector<std::string> argv = {}) {
    model::Image image;
    image.seq = seq;
    image.exe = exe;
    image.argv = std::move(argv);
    return image;
}

inline std::vector<model::Id> ids(Reader& reader, const model::Filter& filter) {
    std::vector<model::Id> ids;
    must(reader.select(filter, [&](model::Node&& node) {
        ids.push_back(node.process.id);
        return true;
    }));
    return ids;
}

}  // namespace lineage::store::test
