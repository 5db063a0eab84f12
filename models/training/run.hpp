#pragma once
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/training/failures.hpp"

// A training job in time: steps, checkpoints, evaluations, failures and what they cost. The run is
// a function of its parameters and the seed; it is kept as spans, so that a month is kilobytes.
namespace mw::models {

/// How long between checkpoints. fixed: `every`; young: sqrt(2 C M) (Young, CACM 17 (1974)); daly:
/// with its higher terms (Daly, Future Generation Computer Systems 22 (2006)); C is the time that
/// saving stops the job, M the mean time between interruptions.
enum class CheckpointRule { fixed, young, daly };
inline std::span<const char* const> enum_names(CheckpointRule) {
  static constexpr const char* names[] = {"fixed", "young", "daly"};
  return names;
}

struct CheckpointParameters {
  CheckpointRule rule = CheckpointRule::fixed;
  sim::Seconds every{600};
  bool asynchronous = false;
  sim::ByteRate bandwidth{1e12};
  sim::ByteRate snapshot_bandwidth{20e9};
};
template <sim::Describes<CheckpointParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("rule", self.rule,
        About{.text = "How long between them: fixed (`every`), young or daly (the optimum of the "
                      "first, or of higher order)"});
  visit("every", self.every, About{.text = "Time between them, fixed", .min = 1, .max = 1e8});
  visit("asynchronous", self.asynchronous,
        About{.text = "The job stops only while GPUs copy their state to hosts, which write it "
                      "while training goes on"});
  visit("bandwidth", self.bandwidth,
        About{.text = "Of the storage, to all of the job", .min = 1e6, .max = 1e16});
  visit("snapshot_bandwidth", self.snapshot_bandwidth,
        About{.text = "From each GPU to its host", .min = 1e6, .max = 1e13});
}

struct TrainingRunParameters {
  sim::Seconds duration{0};  // said by who owns the run
  sim::Seconds start{300};
  std::optional<sim::Entry<FailureParameters>> failures;
  CheckpointParameters checkpoint;
  sim::Seconds detection{60};
  sim::Seconds restart{300};
  int spares = 16;
  sim::Seconds repair{86400};
  int evaluation_every = 0;
  sim::Seconds evaluation{0};
};
template <sim::Describes<TrainingRunParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("start", self.start,
        About{.text = "From the launch to the first step: containers, compilation, loading; GPUs "
                      "idle",
              .min = 0,
              .max = 1e6});
  visit("failures", self.failures,
        About{.text = "What interrupts it: a name of catalog/failures; otherwise nothing does"});
  visit("checkpoint", self.checkpoint, About{.text = "How its state is saved"});
  visit("detection", self.detection,
        About{.text = "From a failure until it is noticed; the other GPUs wait, spinning",
              .min = 0,
              .max = 1e6});
  visit("restart", self.restart,
        About{.text = "From there until it trains again, beside loading the checkpoint: nodes "
                      "replaced, processes and communicators set up; GPUs idle",
              .min = 0,
              .max = 1e6});
  visit("spares", self.spares,
        About{.text = "Nodes that stand by; without one the job waits for a repair",
              .min = 0,
              .max = 1000000});
  visit("repair", self.repair,
        About{.text = "Until a node that failed is a spare again", .min = 0, .max = 1e8});
  visit("evaluation_every", self.evaluation_every,
        About{.text = "Steps between evaluations; 0: none", .min = 0, .max = 100000000});
  visit("evaluation", self.evaluation,
        About{.text = "Length of one: forward passes alone", .min = 0, .max = 1e6});
}
/// Those of the run, or none.
const FailureParameters& failures_of(const TrainingRunParameters& run);
void check(const TrainingRunParameters& run, sim::Problems& problems);

/// What the job does in a span of time.
enum class JobPhase {
  starting,    // from launch, or after a failure, until the first step; GPUs idle
  training,    // steps that are kept
  lost,        // steps that a failure undoes
  saving,      // stopped to save; GPUs wait
  evaluating,  // forward passes
  detecting,   // failed, not yet noticed; GPUs wait
  waiting      // for a node; GPUs idle
};
inline constexpr std::size_t job_phases = 7;
inline std::span<const char* const> enum_names(JobPhase) {
  static constexpr const char* names[] = {"starting",   "training",  "lost",   "saving",
                                          "evaluating", "detecting", "waiting"};
  return names;
}

struct JobSpan {
  double start = 0;  // s
  JobPhase phase{};
  double into_step = 0;  // s of the step that is done when a span of steps begins
};

struct TrainingRun {
  std::vector<JobSpan> spans;  // each until the next, the last until `seconds`
  double seconds = 0;
  std::array<double, job_phases> time{};    // by phase, s; sums to `seconds`
  double kept_steps = 0, lost_steps = 0;    // kept: in a checkpoint, or done at the end
  std::vector<std::int64_t> interruptions;  // by cause
  std::int64_t all_interruptions = 0;
  std::int64_t checkpoints = 0;
  std::int64_t waits = 0;       // for a node, because no spare was left
  double checkpoint_bytes = 0;  // of one
  double pause = 0, write = 0;  // s that one stops the job, and until it can be used
  double every = 0;             // s of training between two
  double load = 0;              // s to read one
  double of(JobPhase phase) const { return time[static_cast<std::size_t>(phase)]; }
  /// Share of the time in which steps were done that are kept (effective training time; ETTR of
  /// Kokolis et al., arXiv 2410.21680, of a job that never queues).
  double effective() const { return of(JobPhase::training) / seconds; }
};

/// `step_seconds` of one step, `state_bytes` of a whole checkpoint, `gpus` of the job.
TrainingRun run_job(const TrainingRunParameters& p, double step_seconds, double state_bytes,
                    int gpus, std::uint64_t seed);

}  // namespace mw::models
