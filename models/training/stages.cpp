#include "models/training/stages.hpp"

#include <algorithm>

namespace mw::models {

std::vector<int> chunk_layers(int layers, int chunks, int mtp) {
  std::vector<int> out(static_cast<std::size_t>(chunks), layers / chunks);
  if (layers % chunks == 0 && mtp == 0) return out;
  const int ends = 1 + 2 * mtp;
  const int places = (layers + ends + chunks - 1) / chunks;
  const int last = chunks == 1 ? layers : std::max(0, places - ends);
  const int rest = layers - last;
  const int others = chunks - 1;
  for (int c = 0; c < others; ++c)
    out[static_cast<std::size_t>(c)] = rest / others + (c >= others - rest % others);
  out.back() = last;
  return out;
}

std::vector<StageLayers> split_stages(int layers, const TrainingJob& job) {
  std::vector<StageLayers> out(static_cast<std::size_t>(job.pp));
  const auto per_chunk = chunk_layers(layers, job.pp * job.chunks(), job.mtp);
  int next = 0;
  for (std::size_t c = 0; c < per_chunk.size(); ++c)
    for (int i = 0; i < per_chunk[c]; ++i) out[c % out.size()].layers.push_back(next++);
  out.front().embedding = true;
  out.back().head = true;
  return out;
}

}  // namespace mw::models
