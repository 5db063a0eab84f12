#include "models/inference/lengths.hpp"

#include <algorithm>
#include <cmath>

#include "sim/portable_math.hpp"

namespace mw::models {

void check(const EmpiricalLength& law, sim::Problems& problems) {
  const auto& p = law.probability;
  if (p.size() != law.tokens.size() || p.size() < 2) {
    problems.add("probability", "and tokens are not lists of the same length, at least 2",
                 "give one length for each probability");
    return;
  }
  if (p.front() != 0 || p.back() != 1) {
    problems.add("probability", "does not run from 0 to 1", "begin with 0 and end with 1");
  }
  if (std::adjacent_find(p.begin(), p.end(), [](double a, double b) { return b <= a; }) !=
      p.end()) {
    problems.add("probability", "does not rise at every step", "sort it and drop repeated values");
  }
  if (!std::is_sorted(law.tokens.begin(), law.tokens.end())) {
    problems.add("tokens", "falls somewhere", "quantiles rise with their probability");
  }
}

void check(const LengthDistribution& length, sim::Problems& problems) {
  const int given =
      (length.fixed ? 1 : 0) + (length.lognormal ? 1 : 0) + (length.empirical ? 1 : 0);
  if (given != 1) {
    problems.add("", given == 0 ? "gives no length" : "gives more than one kind of length",
                 "write exactly one of fixed, lognormal and empirical");
  }
  if (length.min > length.max) {
    problems.add("min", "is above max", "keep min at or below max");
  }
}

void check(const LengthParameters& lengths, sim::Problems& problems) {
  if (lengths.output.has_value() == !lengths.output_by_prompt.empty()) {
    problems.add("output", lengths.output ? "stands beside output_by_prompt" : "is missing",
                 "write exactly one of output and output_by_prompt");
  }
}

LengthLaw::LengthLaw(const LengthDistribution& length)
    : min_(double{1} * length.min), max_(double{1} * length.max) {
  if (length.lognormal) {
    const double variance = sim::portable::log(1 + length.lognormal->cv * length.lognormal->cv);
    lognormal_ = true;
    location_ = sim::portable::log(length.lognormal->mean) - variance / 2;
    scale_ = std::sqrt(variance);
    return;
  }
  if (length.empirical) {
    for (std::size_t i = 0; i < length.empirical->probability.size(); ++i) {
      knots_.push_back({length.empirical->probability[i], double{1} * length.empirical->tokens[i]});
    }
  } else {
    const double tokens = length.fixed ? *length.fixed : 1;
    knots_ = {{0, tokens}, {1, tokens}};
  }
  guide_.resize(4 * knots_.size());
  guide_steps_ = static_cast<double>(guide_.size());
  std::uint16_t knot = 0;
  for (std::size_t g = 0; g < guide_.size(); ++g) {
    const double u = static_cast<double>(g) / guide_steps_;
    while (std::size_t{knot} + 2 < knots_.size() && knots_[knot + 1u].probability <= u) ++knot;
    guide_[g] = knot;
  }
}

double LengthLaw::tokens_at(double u) const {
  if (lognormal_) {
    return sim::portable::exp(location_ + scale_ * sim::portable::normal_quantile(u));
  }
  const Knot* low = &knots_[guide_[static_cast<std::size_t>(u * guide_steps_)]];
  while (low[1].probability <= u) ++low;
  return low->tokens + (low[1].tokens - low->tokens) * (u - low->probability) /
                           (low[1].probability - low->probability);
}

std::int32_t LengthLaw::at(double u) const {
  return static_cast<std::int32_t>(std::clamp(tokens_at(u), min_, max_) + 0.5);
}

RequestLengths::RequestLengths(const LengthParameters& lengths) : prompt_(lengths.prompt) {
  if (lengths.output) outputs_.emplace_back(*lengths.output);
  for (const LengthDistribution& output : lengths.output_by_prompt) outputs_.emplace_back(output);
}

Lengths RequestLengths::at(double prompt_u, double output_u) const {
  const auto classes = static_cast<double>(outputs_.size());
  return {prompt_.at(prompt_u),
          outputs_[static_cast<std::size_t>(prompt_u * classes)].at(output_u)};
}

Lengths draw_lengths(const LengthParameters& lengths, sim::Stream stream, std::uint64_t index) {
  const sim::Bits draw = sim::bits(stream, index);
  return RequestLengths(lengths).at(sim::unit_interval(draw.first),
                                    sim::unit_interval(draw.second));
}

MeanLengths mean_lengths(const LengthParameters& lengths) {
  constexpr int points = 4096;
  const auto mean = [](const LengthDistribution& distribution) {
    const LengthLaw law(distribution);
    double sum = 0;
    for (int i = 0; i < points; ++i) sum += law.at((i + 0.5) / points);
    return sum / points;
  };
  double output = 0;
  for (const LengthDistribution& law : lengths.output_by_prompt) {
    output += mean(law) / static_cast<double>(lengths.output_by_prompt.size());
  }
  return {mean(lengths.prompt), lengths.output ? mean(*lengths.output) : output};
}

}  // namespace mw::models
