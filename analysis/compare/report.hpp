#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/compare/differences.hpp"

namespace mw::analysis {

/// All that `compare` says of two cases.
struct CasePair {
  const Case &from, &to;
  std::vector<InputDifference> inputs;
  std::vector<FigureDifference> figures;
  std::vector<Waterfall> waterfalls;
};
CasePair pair_of(const Case& from, const Case& to);

/// For a person. `show` names figures; empty: the headline's. `all`: every figure that differs.
std::string pair_text(const CasePair& pair, const std::vector<std::string>& show, bool all);

nlohmann::ordered_json pair_json(const CasePair& pair);

/// The parts from the first case to the second, the largest changes first.
std::string waterfall_text(const Waterfall& waterfall, const std::string& from,
                           const std::string& to);

}  // namespace mw::analysis
