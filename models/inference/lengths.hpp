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

/// A length by its probability, ready for many draws.
class LengthLaw {
 public:
  explicit LengthLaw(const LengthDistribution& length);

  /// The length at probability u in (0, 1).
  std::int32_t at(double u) const;

 private:
  double tokens_at(double u) const;

  struct Knot {
    double probability, tokens;
  };
  bool lognormal_ = false;
  double location_ = 0, scale_ = 0;  // of the lognormal's logarithm
  std::vector<Knot> knots_;          // of the empirical law, and of the fixed one
  // Where to begin looking among the knots, by equal steps of u (Chen and Asau, "On generating
  // random variates from an empirical distribution", AIIE Trans. 6 (1974) 163).
  std::vector<std::uint16_t> guide_;
  double guide_steps_ = 0;
  double min_ = 1, max_ = 1;
};

struct Lengths {
  std::int32_t prompt, output;
};
/// Both lengths of a request, by a probability for each.
class RequestLengths {
 public:
  explicit RequestLengths(const LengthParameters& lengths);
  Lengths at(double prompt_u, double output_u) const;

 private:
  LengthLaw prompt_;
  std::vector<LengthLaw> outputs_;  // by class of the prompt
};

/// The lengths of request `index`, for those who draw few.
Lengths draw_lengths(const LengthParameters& lengths, sim::Stream stream, std::uint64_t index);

/// Mean lengths, by the midpoint rule over the quantiles: for sizing and reports.
struct MeanLengths {
  double prompt, output;
};
MeanLengths mean_lengths(const LengthParameters& lengths);

}  // namespace mw::models
