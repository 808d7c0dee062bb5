// Descriptors of a child that is to have none of its parent's.
#pragma once

#include <initializer_list>

namespace lineage::daemon {

/// Standard input, output and error stay open, too.
void close_all_but(std::initializer_list<int> kept);

}  // namespace lineage::daemon
