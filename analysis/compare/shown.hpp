#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace mw::analysis {

/// What of a pair of cases is shown, and where else it goes.
struct Shown {
  std::vector<std::string> show;  // figures by name; empty: the headline's
  bool all = false;               // every figure that differs
  std::string json;               // a file; `-`: the standard output, in place of tables
};
void add_shown(CLI::App& command, Shown& shown);

}  // namespace mw::analysis
