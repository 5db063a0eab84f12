#pragma once
#include <string>
#include <vector>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"
#include "sim/random.hpp"

namespace mw::models {

/// Interruptions of one cause, as counted in an observed run.
struct FailureCause {
  std::string cause;
  double count = 0;
  double shape = 1;
  double nodes = 1;
};
template <sim::Describes<FailureCause> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("cause", self.cause, About{.text = "What failed", .required = true});
  visit("count", self.count,
        About{.text = "Interruptions of the observed run", .min = 0, .max = 1e9, .required = true});
  visit("shape", self.shape,
        About{.text = "Weibull shape: below 1 they become rarer as the run ages, above 1 more "
                      "frequent",
              .min = 0.2,
              .max = 5});
  visit("nodes", self.nodes,
        About{.text = "Nodes that one of them takes out: 0 where nothing is replaced (software), "
                      "several for a common cause",
              .min = 0,
              .max = 10000});
}

/// How often a job is interrupted, by cause: counts of an observed run of so many GPUs for so long.
/// Counts go with the GPUs, and with time to the power of the shape (a Weibull process with repair:
/// Crow, 1974).
struct FailureParameters {
  static constexpr const char* catalog = "failures";
  std::string text, source;
  double gpus = 1;
  sim::Seconds period{1};
  std::vector<FailureCause> causes;
};
template <sim::Describes<FailureParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What was observed"});
  visit("source", self.source, About{.text = "By whom"});
  visit("gpus", self.gpus,
        About{.text = "GPUs of the observed run", .min = 1, .max = 1e9, .required = true});
  visit("period", self.period,
        About{.text = "How long it was observed", .min = 1, .max = 1e10, .required = true});
  visit("causes", self.causes, About{.text = "Interruptions by cause", .required = true});
}

/// The next interruptions of a run, one after the other.
class FailureStream {
 public:
  FailureStream(const FailureParameters& p, int gpus, std::uint64_t seed);
  struct Next {
    double at = 1e300;  // s since the run's begin
    std::size_t cause = 0;
  };
  Next next();

 private:
  struct Clock {
    double sum = 0;  // of exponential draws: the cumulated hazard at the next failure
    std::uint64_t draws = 0;
    double at = 1e300;
  };
  void draw(std::size_t cause);
  const FailureParameters* p_;
  double scale_;
  std::uint64_t seed_;
  std::vector<Clock> clocks_;
};

/// Mean time between interruptions of a job of `gpus`, at the observed run's mean rate, s.
double mean_time_between(const FailureParameters& p, int gpus);

}  // namespace mw::models
