#pragma once
#include <vector>

#include "models/training/job.hpp"

namespace mw::models {

/// Layers and ends of the model on one stage.
struct StageLayers {
  std::vector<int> layers;  // indices, from the input on
  bool embedding = false;
  bool head = false;  // with the loss, and modules for further tokens
};

/// Layers of each of pp x vpp chunks, in the model's order: evenly where they divide; else the loss
/// takes a layer's place, each module for a further token two (its layer and its loss), and the
/// first of the other chunks have one layer less. These are the layouts of Megatron-Bridge recipes:
/// 405B on 128 chunks has 126 layers between two ends, DeepSeek-V3 on 16 four in each but the last.
std::vector<int> chunk_layers(int layers, int chunks, int mtp = 0);

/// Chunk c lies on stage c mod pp.
std::vector<StageLayers> split_stages(int layers, const TrainingJob& job);

}  // namespace mw::models
