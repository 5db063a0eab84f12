#pragma once
#include <fstream>
#include <string>

#include "sim/output_error.hpp"

namespace mw::analysis {

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.flush();
  if (!out)
    throw sim::OutputError(path, "cannot be written", "check that its folder exists and has space");
}

}  // namespace mw::analysis
