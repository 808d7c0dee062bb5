// How answers look here and now: colours, width and user names of the machine and terminal we run on.
#pragma once

#include "arguments.hpp"
#include "lineage/render/render.hpp"

namespace lineage::cli {

/// `lines_cut`: lines are cut at the terminal's width, where the answer goes to one.
render::Style style_of(const Arguments& arguments, bool lines_cut);

}  // namespace lineage::cli
