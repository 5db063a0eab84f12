#pragma once
#include <optional>
#include <string>
#include <vector>

#include "models/training/job_power.hpp"
#include "models/training/waveform.hpp"
#include "scenarios/training.hpp"

// A training job in time, at the inlets of its racks: the power of one step, what smooths it, and
// the whole run with its failures.
namespace mw::analysis {

/// Power of the job with one way of smoothing, W at the racks' inlets, of one step.
struct PowerCase {
  std::string name;
  models::StepFunction watts;
  models::Ramps ramps;         // as the meter shows them, W/s
  double band = 0;             // rms from 0.1 to 20 Hz over the mean
  double strongest = 0;        // Hz of the largest harmonic
  double stop = 0;             // largest fall when the job stops, as the meter shows it, W/s
  double energy_cost = 0;      // of a step, over that without smoothing, share
  models::SmoothingSums sums;  // of the GPUs and stores, a step

  double swing() const { return 1 - watts.lowest() / watts.highest(); }
};

struct JobInTime {
  models::StepWaveform waveform;
  int racks = 0;
  models::JobPowerLevels levels;  // of the whole job
  std::vector<PowerCase> cases;   // the first: none
  std::vector<models::TrainingRun> runs;
  // Of the first run.
  std::array<double, models::job_phases> energy{};  // J by phase
  double highest = 0, lowest = 0;                   // means over 1 s, W
  models::Ramps ramps;                              // from second to second, W/s
  double tokens = 0;                                // that were kept
};

JobInTime job_in_time(const scenarios::TrainingPlan& plan, const models::TrainingSetup& setup,
                      const models::TrainingStep& step);

struct Expected {
  double value = 0;
  bool holds = true;
};
/// What the plan expects, in its order.
std::vector<Expected> expected(const scenarios::TrainingPlan& plan, const JobInTime& job);

std::string text_of(const scenarios::TrainingPlan& plan, const JobInTime& job);
/// seconds, then W of each case, on the plan's grid.
std::string power_csv(const JobInTime& job, double resolution);
/// start_s, phase, mean W of each span of the first run.
std::string run_csv(const JobInTime& job);

}  // namespace mw::analysis
