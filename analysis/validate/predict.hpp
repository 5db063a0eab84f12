#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/validate/point.hpp"
#include "analysis/validate/simulate.hpp"
#include "models/compute/gpu.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/stack.hpp"
#include "models/compute/step_shares.hpp"
#include "models/compute/step_table.hpp"
#include "scenarios/catalog.hpp"
#include "scenarios/scenario.hpp"

namespace mw::analysis {

/// What is said of one point. A figure that the point's kind does not have is none.
struct Prediction {
  Figures predicted, baseline;
  BenchmarkResult run;
  models::StepShares shares;      // of the window's mean iteration
  std::vector<std::string> weak;  // why this point may be further off than others of its group
  std::string basis;              // image and video: what the figure rests on
  std::optional<std::string> problem, advice;  // set: not predicted
};

/// The catalog entries of points, read once and shared. Changed copies serve what-if questions.
class Entries {
 public:
  explicit Entries(const scenarios::Catalog& catalog) : catalog_(catalog) {}
  /// Reads all that the points name. Throws scenarios::InputProblems.
  void read(const std::vector<Point>& points);

  std::map<std::string, models::GpuParameters> gpus;
  std::map<std::string, models::LlmParameters> llms;
  std::map<std::string, models::StackParameters> stacks;
  std::map<std::string, models::RackParameters> racks;  // all with GPUs

  /// GPUs that NVLink or its like joins, by the largest rack with this GPU; 8 without one.
  int link_domain(const std::string& gpu) const;
  /// The rack that a point of kind wall stands in; null if there is none.
  const models::RackParameters* rack_of(const Point& point) const;

 private:
  const scenarios::Catalog& catalog_;
};

/// The service block that a scenario would have for one engine of the point.
scenarios::ServiceBlock service_of(const Point& point, const Entries& entries);

/// Predicts points of kinds serving and wall, in parallel; points of one configuration share their
/// step table. `done` is called once per point, from any thread; `stop` ends early.
std::vector<Prediction> predict_serving(const std::vector<Point>& points, const Entries& entries,
                                        int threads, const std::function<void()>& done,
                                        const std::function<bool()>& stop);

}  // namespace mw::analysis
