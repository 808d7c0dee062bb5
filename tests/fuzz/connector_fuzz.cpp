// Any bytes as a datagram of the process connector: no message that is handed over reaches beyond it.
#include <cstdint>
#include <string_view>

#include "lineage/base/check.hpp"
#include "lineage/connector/connector.hpp"

using namespace lineage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view datagram(reinterpret_cast<const char*>(data), size);
    connector::Sequence sequence;
    connector::split(datagram, [&](std::string_view message) {
        CHECK(message.data() >= datagram.data() &&
              message.data() + message.size() <= datagram.data() + datagram.size());
        if (const auto stamp = connector::stamp_of(message)) sequence.step(*stamp);
        connector::decode(message);
    });
    connector::decode(datagram);  // and as one message, as a damaged journal would give it
    return 0;
}
