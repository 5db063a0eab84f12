#pragma once
#include <optional>
#include <string>

#include "models/power/rack.hpp"
#include "models/training/step.hpp"
#include "scenarios/reader.hpp"

namespace mw::scenarios {

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
}
void check(const TrainingPlan& plan, sim::Problems& problems);

/// All that the job's step follows from. Throws InputProblems where the job cannot run.
models::TrainingSetup training_setup(const Document<TrainingPlan>& document);

}  // namespace mw::scenarios
