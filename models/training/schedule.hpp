#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/describe.hpp"

namespace mw::models {

/// Pipeline schedules by name.
/// gpipe: all forwards, then all backwards (Huang et al., NeurIPS 2019).
/// one_f_one_b: warm-up forwards, then one forward, one backward (PipeDream-flush; Narayanan et
/// al.,
///   ICML 2021).
/// interleaved: the same with several model chunks on each stage (Narayanan et al., SC 2021).
/// zb_h1, zb_h2: the backward split into input and weight gradients, the latter held back to fill
///   bubbles, with the memory of 1F1B or twice that (Qi et al., ICLR 2024).
/// dualpipe: two copies of the model run from both ends, forwards overlapped with backwards
///   (DeepSeek-AI, arXiv:2412.19437).
enum class Schedule { gpipe, one_f_one_b, interleaved, zb_h1, zb_h2, dualpipe };
inline std::span<const char* const> enum_names(Schedule) {
  static constexpr const char* names[] = {"gpipe", "1f1b",  "interleaved",
                                          "zb_h1", "zb_h2", "dualpipe"};
  return names;
}

/// What one op does. `backward` is the whole backward pass; `backward_input` and `backward_weight`
/// are its halves; `overlapped` is one forward and one whole backward of two microbatches at once.
enum class Instruction { forward, backward, backward_input, backward_weight, overlapped };
inline std::span<const char* const> enum_names(Instruction) {
  static constexpr const char* names[] = {"forward", "backward", "backward_input",
                                          "backward_weight", "overlapped"};
  return names;
}

struct PipelineParameters {
  Schedule schedule = Schedule::one_f_one_b;
  std::int32_t stages = 1;
  std::int32_t microbatches = 1;
  std::int32_t chunks = 1;
};
template <sim::Describes<PipelineParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("schedule", self.schedule, About{.text = "Order of the ops on each stage"});
  visit("stages", self.stages,
        About{.text = "Pipeline stages", .min = 1, .max = 1024, .required = true});
  visit("microbatches", self.microbatches,
        About{.text = "Microbatches of one iteration", .min = 1, .max = 65536, .required = true});
  visit("chunks", self.chunks,
        About{.text = "Model chunks of a stage, for `interleaved`", .min = 1, .max = 64});
}
void check(const PipelineParameters& p, sim::Problems& problems);

/// One op. The model is cut into parts, counted from the input: one a stage, or one a stage and
/// chunk. An `overlapped` op is the forward of `microbatch` through `part` and the backward of
/// `other_microbatch` through `other_part`.
struct PipelineOp {
  Instruction instruction{};
  std::int32_t stage = 0;
  std::int32_t part = 0;
  std::int32_t microbatch = 0;
  std::int32_t other_part = -1;
  std::int32_t other_microbatch = -1;
  /// DualPipe's second stream of microbatches runs through the second copy of the model.
  std::int32_t copy = 0;
  bool operator==(const PipelineOp&) const = default;
};

/// Parts that the model is cut into.
std::int32_t parts_of(const PipelineParameters& p);
/// The stage that holds a part (of a copy).
std::int32_t stage_of(const PipelineParameters& p, std::int32_t part, std::int32_t copy);

/// The ops of each stage in the order in which it runs them. `p` has passed check().
std::vector<std::vector<PipelineOp>> program_order(const PipelineParameters& p);

/// The longest idle time of a stage between its first and last op, where all stages take the same
/// times: those of one microbatch through one stage, forward, input and weight gradients. The
/// closed forms of the papers above; DualPipe's F&B + B - 3W without a gain from overlap and with
/// the forward in place of an input gradient, which the report takes to be equally long. Nothing
/// where no form holds: too few microbatches to fill the pipeline, or weight gradients longer than
/// the gaps they are meant to fill.
std::optional<double> bubble_time(const PipelineParameters& p, double forward, double input,
                                  double weight);

}  // namespace mw::models
