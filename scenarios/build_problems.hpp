#pragma once
#include <string>
#include <vector>

#include "scenarios/origins.hpp"
#include "scenarios/problems.hpp"
#include "sim/describe.hpp"

namespace mw::scenarios {

/// Problems found after reading, placed where the value, or the block around it, was written.
class BuildProblems {
 public:
  explicit BuildProblems(const Origins& origins) : origins_(origins) {}

  void add(std::string path, const std::string& what, const std::string& advice) {
    const std::string problem = in_quotes(path.substr(path.rfind('.') + 1)) + ": " + what;
    for (;;) {
      if (const auto found = origins_.find(path); found != origins_.end()) {
        const Place& at = found->second;
        items_.emplace_back(*at.file, at.line, at.column, problem, advice);
        return;
      }
      const auto cut = path.find_last_of(".[");
      if (cut == std::string::npos) break;
      path.resize(cut);
    }
    items_.emplace_back("scenario", 0, 0, problem, advice);
  }
  void add(const std::string& path, const sim::Problems& problems) {
    for (const auto& p : problems.items)
      add(p.at.empty() ? path : path + "." + p.at, p.problem, p.advice);
  }
  bool any() const { return !items_.empty(); }
  void raise_if_any() const {
    if (any()) throw InputProblems(items_);
  }

 private:
  const Origins& origins_;
  std::vector<sim::InputError> items_;
};

}  // namespace mw::scenarios
