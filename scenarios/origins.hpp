#pragma once
#include <map>
#include <string>

#include "scenarios/problems.hpp"

namespace mw::scenarios {

/// Where each block and each value that was not left at its default was written, by path
/// (`racks[0].count`).
using Origins = std::map<std::string, Place>;

}  // namespace mw::scenarios
