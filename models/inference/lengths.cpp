#include "models/inference/lengths.hpp"

#include <algorithm>
#include <cmath>

#include "sim/portable_math.hpp"

namespace mw::models {

namespace {

double lognormal_at(const LognormalLength& law, double u) {
  const double variance = sim::portable::log(1 + law.cv * law.cv);
  const double location = sim::portable::log(law.mean) - variance / 2;
  return sim::portable::exp(location + std::sqrt(variance) * sim::portable::normal_quantile(u));
}

double empirical_at(const EmpiricalLength& law, double u) {
  const auto above = std::upper_bound(law.probability.begin(), law.probability.end() - 1, u);
  const auto i =
      static_cast<std::size_t>(std::max<std::ptrdiff_t>(above - law.probability.begin(), 1));
  const double low = law.probability[i - 1], high = law.probability[i];
  const double from = law.tokens[i - 1], to = law.tokens[i];
  return from + (to - from) * (u - low) / (high - low);
}

const LengthDistribution& output_law(const LengthParameters& lengths, double prompt_u) {
  const auto classes = lengths.output_by_prompt.size();
  if (classes == 0) return *lengths.output;
  const auto k = static_cast<std::size_t>(prompt_u * static_cast<double>(classes));
  return lengths.output_by_prompt[std::min(k, classes - 1)];
}

}  // namespace

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

std::int32_t length_at(const LengthDistribution& length, double u) {
  double tokens = 1;
  if (length.fixed) tokens = *length.fixed;
  if (length.lognormal) tokens = lognormal_at(*length.lognormal, u);
  if (length.empirical) tokens = empirical_at(*length.empirical, u);
  const double cut = std::clamp(tokens, double{1} * length.min, double{1} * length.max);
  return static_cast<std::int32_t>(cut + 0.5);
}

Lengths draw_lengths(const LengthParameters& lengths, sim::Stream stream, std::uint64_t index) {
  const sim::Bits draw = sim::bits(stream, index);
  const double u = sim::unit_interval(draw.first);
  return {length_at(lengths.prompt, u),
          length_at(output_law(lengths, u), sim::unit_interval(draw.second))};
}

MeanLengths mean_lengths(const LengthParameters& lengths) {
  constexpr int points = 4096;
  const auto mean = [](const LengthDistribution& law) {
    double sum = 0;
    for (int i = 0; i < points; ++i) sum += length_at(law, (i + 0.5) / points);
    return sum / points;
  };
  double output = 0;
  for (const LengthDistribution& law : lengths.output_by_prompt) {
    output += mean(law) / static_cast<double>(lengths.output_by_prompt.size());
  }
  return {mean(lengths.prompt), lengths.output ? mean(*lengths.output) : output};
}

}  // namespace mw::models
