#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/power/rack.hpp"
#include "models/power/smoothing.hpp"
#include "models/training/run.hpp"
#include "models/training/step.hpp"
#include "scenarios/reader.hpp"

namespace mw::scenarios {

/// The job's power in time, and what smooths it.
struct JobPowerBlock {
  sim::Seconds resolution{1e-3};
  sim::Seconds meter{1};
  std::vector<models::SmoothingParameters> smoothing;
};
template <sim::Describes<JobPowerBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("resolution", self.resolution,
        About{.text = "Grid on which smoothing is computed; power without it is exact",
              .min = 1e-4,
              .max = 1});
  visit("meter", self.meter,
        About{.text = "Averaging of the meter that ramps are told for", .min = 1e-3, .max = 3600});
  visit("smoothing", self.smoothing, About{.text = "Cases to compare with the job as it is"});
}
void check(const JobPowerBlock& power, sim::Problems& problems);

/// The whole run of a planned job.
struct RunBlock {
  sim::Seconds duration{0};
  std::int64_t seed = 1;
  int seeds = 1;
  models::TrainingRunParameters how;
};
template <sim::Describes<RunBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("duration", self.duration,
        About{.text = "How long the job runs", .min = 1, .max = 1e9, .required = true});
  visit("seed", self.seed, About{.text = "Of its failures", .min = 0});
  visit("seeds", self.seeds,
        About{.text = "Runs with this and the next seeds, for the spread", .min = 1, .max = 10000});
  describe(self.how, visit);
}
void check(const RunBlock& run, sim::Problems& problems);

/// Figures of a plan of which something can be expected.
enum class PlanFigure {
  peak_cut,       // of the highest power, against no smoothing; share
  swing,          // (highest - lowest) / highest, share
  band,           // rms of 0.1 to 20 Hz over the mean, share
  energy_cost,    // more energy than without smoothing, share
  held_back,      // work held back by ramps, share
  interruptions,  // of the run, mean over its seeds
  effective,      // share of the time in which steps are done that are kept
  lost            // share of the steps that were undone
};
inline std::span<const char* const> enum_names(PlanFigure) {
  static constexpr const char* names[] = {"peak_cut",  "swing",         "band",      "energy_cost",
                                          "held_back", "interruptions", "effective", "lost"};
  return names;
}
struct PlanExpectation {
  PlanFigure figure{};
  std::string smoothing;
  std::optional<double> published;
  std::string source;
  double at_least = -1e300, at_most = 1e300;
};
template <sim::Describes<PlanExpectation> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("figure", self.figure, About{.text = "What is expected", .required = true});
  visit("smoothing", self.smoothing,
        About{.text = "Of which smoothing; left out: none, or of the run"});
  visit("published", self.published, About{.text = "What was published"});
  visit("source", self.source, About{.text = "Where, and how sure that is"});
  visit("at_least", self.at_least, About{.text = "The plan must give this or more"});
  visit("at_most", self.at_most, About{.text = "The plan must give this or less"});
}

/// What `millwright plan` reads: a training job on racks of one kind.
struct TrainingPlan {
  int millwright = 0;
  std::string name;
  std::string text;
  sim::Entry<models::RackParameters> rack;
  sim::Entry<models::LlmParameters> model;
  sim::Entry<models::TrainingStackParameters> stack;
  models::TrainingJob training;
  std::optional<sim::Power> gpu_limit;
  std::optional<JobPowerBlock> power;
  std::optional<RunBlock> run;
  std::vector<PlanExpectation> expect;
};
template <sim::Describes<TrainingPlan> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("millwright", self.millwright,
        About{.text = "Version of the scenario language", .min = 1, .max = 1, .required = true});
  visit("name", self.name, About{.text = "Name of the plan", .required = true});
  visit("text", self.text, About{.text = "What it asks, in a sentence"});
  visit("rack", self.rack,
        About{.text = "Racks that the job runs on; they say the GPU and its links",
              .required = true});
  visit("model", self.model, About{.text = "The model that is trained", .required = true});
  visit("stack", self.stack, About{.text = "Training software of a time", .required = true});
  visit("training", self.training,
        About{.text = "How the job is split, and its batch", .required = true});
  visit("gpu_limit", self.gpu_limit, About{.text = "Power limit of each GPU", .min = 1});
  visit("power", self.power, About{.text = "Its power in time, and what smooths it"});
  visit("run", self.run,
        About{.text = "The whole run in time: checkpoints, evaluations, failures"});
  visit("expect", self.expect, About{.text = "What must hold of it"});
}
void check(const TrainingPlan& plan, sim::Problems& problems);

/// All that the job's step follows from. Throws InputProblems where the job cannot run.
models::TrainingSetup training_setup(const Document<TrainingPlan>& document);

}  // namespace mw::scenarios
