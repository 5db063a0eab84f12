#pragma once
#include <string>
#include <vector>

namespace mw::analysis {

/// The points of published tables, as a points file.
struct Converted {
  std::string csv;
  std::vector<std::string> notes;  // what was left out, and why
};

/// Names of the converters.
const std::vector<std::string>& converters();

/// Throws sim::InputError where a file is not what the converter reads, std::invalid_argument for
/// an unknown converter.
Converted convert(const std::string& converter, const std::vector<std::string>& files);

}  // namespace mw::analysis
