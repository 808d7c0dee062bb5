// Makes a journal that nobody should trust: the lines of a log as frames, mixed with control, connector and /proc
// frames of random bytes, then with random changes. `frames` changes what the frames hold and leaves the journal whole;
// `file` changes bytes of the segment itself, its header and end word included. The seed says all.
//
// usage: journal_mutator frames|file SEED LOG DIRECTORY
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "lineage/base/check.hpp"
#include "lineage/journal/journal.hpp"

using namespace lineage;

namespace {

constexpr int file_changes_max = 40;

class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}
    std::size_t below(std::size_t bound) { return engine_() % bound; }
    bool once_in(std::size_t times) { return below(times) == 0; }
    char byte() { return static_cast<char>(engine_()); }

private:
    std::mt19937_64 engine_;
};

std::vector<std::string> lines_of(const char* path) {
    std::ifstream in(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    CHECK(!lines.empty());
    return lines;
}

std::string mutated(std::string line, Dice& dice, const std::vector<std::string>& others) {
    for (std::size_t left = dice.below(4); left > 0 && !line.empty(); --left) {
        const auto at = dice.below(line.size());
        switch (dice.below(5)) {
            case 0:
                line[at] = dice.byte();
                break;
            case 1:  // another number
                line[at] = static_cast<char>('0' + dice.below(10));
                break;
            case 2:
                line.erase(at, dice.below(20));
                break;
            case 3: {
                const auto& other = others[dice.below(others.size())];
                line.insert(at, other.substr(dice.below(other.size()), dice.below(200)));
                break;
            }
            default:
                line.insert(at, std::string(dice.below(3000), dice.byte()));
        }
    }
    return line;
}

void append(journal::Writer& writer, model::Source source, std::uint16_t type, std::int64_t now_ns,
            const std::string& payload) {
    CHECK(writer.append({source, type, now_ns, payload}).has_value());
}

void write_frames(const std::string& directory, const std::vector<std::string>& lines, Dice& dice) {
    auto writer = journal::Writer::open(directory);
    CHECK(writer.has_value());
    std::int64_t now_ns = 1'700'000'000'000'000'000;
    for (const auto& line : lines) {
        now_ns += static_cast<std::int64_t>(dice.below(2'000'000'000));
        const auto when = dice.once_in(50) ? static_cast<std::int64_t>(dice.below(SIZE_MAX)) : now_ns;
        append(*writer, model::Source::audit_line, 0, when, mutated(line, dice, lines));
        if (!dice.once_in(4)) continue;
        std::string noise(dice.below(120), '\0');
        for (char& c : noise) c = dice.once_in(3) ? dice.byte() : '\0';
        const auto source = static_cast<model::Source>(dice.below(7));
        append(*writer, source, static_cast<std::uint16_t>(dice.below(20)), when, noise);
    }
}

void change_file(const std::string& directory, Dice& dice) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().extension() != ".seg") continue;
        const auto size = std::filesystem::file_size(entry.path());
        std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        for (std::size_t left = 1 + dice.below(file_changes_max); left > 0; --left) {
            const auto bound = dice.once_in(4) ? std::min<std::size_t>(size, 64) : size;  // the header, too
            file.seekp(static_cast<std::streamoff>(dice.below(bound)));
            file.put(dice.byte());
        }
        file.close();
        if (dice.once_in(4)) std::filesystem::resize_file(entry.path(), dice.below(size + 1));
    }
}

}  // namespace

int main(int argc, char** argv) {
    CHECK(argc == 5);
    const std::string how = argv[1];
    Dice dice(std::strtoull(argv[2], nullptr, 10));
    write_frames(argv[4], lines_of(argv[3]), dice);
    if (how == "file") change_file(argv[4], dice);
    return 0;
}
