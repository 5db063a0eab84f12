#pragma once
#include <cstdint>
#include <span>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"

// How large batches are: set-points of each service's engines for the most requests that run at a
// time and the most tokens of an iteration. Large ones cost less energy a token and make each
// token slower; so they are kept as large as the service's promises allow.
namespace mw::models {

enum class BatchPolicy { none, within_slo };
inline std::span<const char* const> enum_names(BatchPolicy) {
  static constexpr const char* names[] = {"none", "within_slo"};
  return names;
}

struct BatchParameters {
  BatchPolicy policy = BatchPolicy::none;
  sim::Seconds interval{10};
  double step = 0.1;
  double margin = 0.9;
  int least_seqs = 8;
};
template <sim::Describes<BatchParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("policy", self.policy,
        About{.text = "How large batches are: as the engines are set (none), or as large as the "
                      "services' promises allow (within_slo)"});
  visit("interval", self.interval,
        About{.text = "Time between two decisions; latencies of that time count",
              .min = 1,
              .max = 3600});
  visit("step", self.step,
        About{.text = "Share by which a batch or a chunk changes in one decision",
              .min = 0.001,
              .max = 0.5});
  visit("margin", self.margin,
        About{.text = "Batches and chunks grow while latencies are below this share of what is "
                      "promised",
              .min = 0.01,
              .max = 1});
  visit("least_seqs", self.least_seqs,
        About{.text = "Requests at a time that are always allowed", .min = 1, .max = 16384});
}

struct BatchSetting {
  std::int32_t seqs = 0, tokens = 0;
  bool operator==(const BatchSetting&) const = default;
};
/// `least` and `most` of both; chunks stay above the most requests at a time.
struct BatchRange {
  BatchSetting least, most;
};
/// 95th percentiles over what is promised, 0: nothing told; requests that run over those allowed.
struct BatchReading {
  double ttft = 0, tpot = 0, fill = 0;
};

/// The next setting, a step of `step` away or the same:
///
///   tokens late, first tokens not  a smaller chunk while first tokens have a margin, otherwise
///                                  fewer at a time than run now
///   first tokens late, others with a margin   a larger chunk, or at its most, more at a time
///   both with a margin             more at a time if nearly all that are allowed run, otherwise a
///                                  larger chunk
///   both late                      the load is too high for any batch: it stays
///   otherwise                      it stays
///
/// A promise that is not given counts as kept with a margin.
BatchSetting batch_step(const BatchParameters& p, const BatchRange& range, const BatchReading& seen,
                        const BatchSetting& now);

}  // namespace mw::models
