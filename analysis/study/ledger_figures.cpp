#include "analysis/study/ledger_figures.hpp"

#include <cmath>

namespace mw::analysis {

using namespace mw::models;

std::vector<Metric> ledger_figures(const SiteParameters& site, const SiteState& state) {
  const double seconds = sim::to_seconds(state.now);
  double tokens = 0;
  for (const PodCounts& c : state.counts) tokens += static_cast<double>(c.output_tokens);

  std::vector<Metric> out;
  const auto uses = enum_names(Purpose{});
  for (std::size_t p = 0; p < purposes; ++p)
    out.push_back({std::string("mean_power_mw_") + uses[p],
                   state.ledger.by_purpose[p].value() / seconds * 1e-6, "MW",
                   "Mean power at the meter for this purpose"});
  for (std::size_t p = 0; p < purposes; ++p) {
    if (p == static_cast<std::size_t>(Purpose::stored) ||
        p == static_cast<std::size_t>(Purpose::generated))
      continue;
    out.push_back({std::string("j_per_token_") + uses[p],
                   tokens > 0 ? state.ledger.by_purpose[p].value() / tokens : std::nan(""), "J",
                   "Energy at the meter for this purpose per output token"});
  }
  if (site.cohort.fluid() || site.services.empty()) return out;
  const auto outcomes = token_ledger(state);
  const auto words = enum_names(TokenOutcome{});
  double asked = 0;
  for (const auto count : outcomes) asked += static_cast<double>(count);
  out.push_back({"tokens_asked_per_s", asked / seconds, "1/s", "Output tokens asked for"});
  for (std::size_t o = 0; o < token_outcomes; ++o)
    out.push_back({std::string("tokens_asked_per_s_") + words[o],
                   static_cast<double>(outcomes[o]) / seconds, "1/s",
                   "Output tokens asked for that came to this"});
  return out;
}

}  // namespace mw::analysis
