#pragma once
#include <vector>

#include "models/numerics/step_function.hpp"
#include "models/training/step.hpp"

// The power of one training step in time, from its pipeline graph.
namespace mw::models {

/// Power of one GPU of each stage, W, from the begin of a step to its end; its integral, mean over
/// stages, is the step's joules. A job's power is this again and again, but for what interrupts it.
struct StepWaveform {
  double seconds = 0;   // of a step
  double waiting = 0;   // W of a GPU that waits
  double pipeline = 0;  // s, until the last gradient is there
  std::vector<StepFunction> stages;
};

/// Ops start as soon as they can (1F1B, interleaved where a stage has chunks); a GPU that waits
/// draws what it draws at rest with its kernels spinning. After the last gradient come what shows
/// of the exchange among replicas, the optimizer, and waiting for the slowest rank.
StepWaveform step_waveform(const TrainingSetup& setup, const TrainingStep& step);

/// Mean power of a GPU while it does forward passes alone, as in an evaluation.
double forward_power(const TrainingStep& step);

/// GPUs of each stage in a rack: `gpus` GPUs from rank `first` on.
struct StageShare {
  int stage = 0;
  int gpus = 0;
  bool operator==(const StageShare&) const = default;
};
std::vector<StageShare> stages_in_rack(const TrainingJob& job, int first, int gpus);

/// Racks whose GPUs hold the same stages.
struct JobRacks {
  std::vector<StageShare> shares;
  int count = 0;
  int spare_gpus = 0;  // that the job does not use

  int gpus() const;  // of the job, in one of them
};
/// The job's racks in order, the kind of each; an NVLink domain that is not a power of two is
/// filled by one that is.
std::vector<std::size_t> kinds_of_racks(const TrainingSetup& setup, int rack_gpus, int link_domain,
                                        std::vector<JobRacks>& kinds);
std::vector<JobRacks> rack_kinds(const TrainingSetup& setup, int rack_gpus, int link_domain);

/// Weights as trained, master weights and moments: what a checkpoint holds, bytes.
double checkpoint_bytes(const TrainingSetup& setup);

/// Power of all GPUs of a rack, W.
StepFunction rack_waveform(const StepWaveform& waveform, const std::vector<StageShare>& shares);

}  // namespace mw::models
