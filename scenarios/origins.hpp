#pragma once
#include <map>
#include <string>

namespace mw::scenarios {

/// Where each value that was not left at its default was written: path (`racks[0].count`) to text
/// (`quickstart.yaml:12`, `--set:1`).
using Origins = std::map<std::string, std::string>;

}  // namespace mw::scenarios
