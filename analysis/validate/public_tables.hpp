#pragma once
#include <string>
#include <vector>

#include "analysis/validate/report.hpp"

namespace mw::analysis {

struct PublicTable {
  std::string name, converter;
  std::vector<std::string> files;  // whole paths
};
/// The measured tables below MILLWRIGHT_DATA that `--all` compares with. Throws sim::InputError if
/// none is there.
std::vector<PublicTable> public_tables();

/// Marks in a page, between which the tables stand.
inline constexpr const char* generated_begin = "<!-- begin: millwright validate --all -->";
inline constexpr const char* generated_end = "<!-- end: millwright validate --all -->";

/// The serving tables of docs/accuracy.md.
std::string accuracy_markdown(const Comparison& all);

}  // namespace mw::analysis
