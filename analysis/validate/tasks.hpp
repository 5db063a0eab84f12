#pragma once
#include <array>
#include <string_view>

namespace mw::analysis {

/// The tasks of the ML.ENERGY benchmark v3, whose table does not publish prompt lengths. Prompt
/// means are part of the calibration (docs/models/compute.md); those of images and videos count
/// their vision tokens. Spreads are assumed: answers to chat and code prompts scatter about as
/// widely as their mean, reasoning about gpqa questions less.
struct BenchmarkTask {
  std::string_view name;
  double isl, isl_cv, osl_cv;
  bool multimodal;
};
inline constexpr std::array<BenchmarkTask, 5> benchmark_tasks = {{
    {"lm-arena-chat", 219, 1.0, 1.0, false},
    {"sourcegraph-fim", 525, 0.5, 1.0, false},
    {"gpqa", 250, 0.5, 0.7, false},
    {"image-chat", 775, 0.5, 1.0, true},
    {"video-chat", 974, 0.5, 1.0, true},
}};
inline constexpr const BenchmarkTask* task_named(std::string_view name) {
  for (const auto& task : benchmark_tasks)
    if (task.name == name) return &task;
  return nullptr;
}

}  // namespace mw::analysis
