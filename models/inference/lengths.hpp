#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/describe.hpp"
#include "sim/random.hpp"

namespace mw::models {

/// A lognormal length by its mean and coefficient of variation (of the unclipped law).
struct LognormalLength {
  double mean = 0;
  double cv = 1;
};
template <sim::Describes<LognormalLength> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("mean", self.mean,
        About{.text = "Mean length in tokens", .min = 1, .max = 1e7, .required = true});
  visit("cv", self.cv,
        About{.text = "Standard deviation over mean", .min = 0, .max = 20, .required = true});
}

/// A length by its quantiles: piecewise linear between (probability, tokens).
struct EmpiricalLength {
  std::vector<double> probability;
  std::vector<std::int32_t> tokens;
};
template <sim::Describes<EmpiricalLength> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("probability", self.probability,
        About{.text = "Rising from 0 to 1", .min = 0, .max = 1, .required = true});
  visit("tokens", self.tokens,
        About{.text = "Length at each probability, in tokens", .min = 1, .required = true});
}
void check(const EmpiricalLength& length, sim::Problems& problems);

/// Exactly one of fixed, lognormal and empirical; then cut to [min, max].
struct LengthDistribution {
  std::optional<std::int32_t> fixed;
  std::optional<LognormalLength> lognormal;
  std::optional<EmpiricalLength> empirical;
  std::int32_t min = 1, max = 1'000'000;
};
template <sim::Describes<LengthDistribution> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("fixed", self.fixed, About{.text = "Always this many tokens", .min = 1, .max = 1e7});
  visit("lognormal", self.lognormal, About{.text = "A lognormal length"});
  visit("empirical", self.empirical, About{.text = "A length by its quantiles"});
  visit("min", self.min, About{.text = "Shorter ones count as this, tokens", .min = 1, .max = 1e7});
  visit("max", self.max, About{.text = "Longer ones count as this, tokens", .min = 1, .max = 1e7});
}
void check(const LengthDistribution& length, sim::Problems& problems);

/// Lengths of a request. Where prompt and output depend on each other, `output_by_prompt` gives the
/// output's law in classes of the prompt of equal probability, shortest prompts first.
struct LengthParameters {
  LengthDistribution prompt;
  std::optional<LengthDistribution> output;
  std::vector<LengthDistribution> output_by_prompt;
};
template <sim::Describes<LengthParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("prompt", self.prompt, About{.text = "Prompt length", .required = true});
  visit("output", self.output, About{.text = "Output length"});
  visit("output_by_prompt", self.output_by_prompt,
        About{.text = "Instead: output length in equally likely classes of the prompt, "
                      "shortest prompts first"});
}
void check(const LengthParameters& lengths, sim::Problems& problems);

/// The length at probability u in (0, 1).
std::int32_t length_at(const LengthDistribution& length, double u);

struct Lengths {
  std::int32_t prompt, output;
};
Lengths draw_lengths(const LengthParameters& lengths, sim::Stream stream, std::uint64_t index);

/// Mean lengths, by the midpoint rule over the quantiles: for sizing and reports.
struct MeanLengths {
  double prompt, output;
};
MeanLengths mean_lengths(const LengthParameters& lengths);

}  // namespace mw::models
