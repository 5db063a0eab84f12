#pragma once
#include <compare>
#include <optional>
#include <vector>

#include "models/compute/gpu.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/precision.hpp"
#include "models/compute/replica.hpp"

// Attention as measured: how near its kernels come to the roofline. Their time grows with the
// context tokens that decodes read, or with the query-key pairs of prompts; the slope of that
// growth over the roofline's is the utilisation. What a launch takes, and what goes with sequences
// or prompt tokens, are told apart from it and left to the law's gaps, dense layers and
// activations. Docs: docs/models/compute.md, section "Kernel tables".
namespace mw::models {

/// One attention layer on one of the tensor-parallel ranks.
struct AttentionShape {
  Attention kind = Attention::gqa;
  int heads = 1, kv_heads = 1, head_dim = 1;  // mla: kv_heads 1, head_dim of the latent and rope
  Precision kv = Precision::bf16;
  Precision projections = Precision::bf16;  // mla alone: its tables hold the whole module

  auto operator<=>(const AttentionShape&) const = default;
};
AttentionShape attention_shape(const LlmParameters& llm, const ReplicaShape& shape);

/// What the data sheet allows: seconds that a further token of context takes to read (mla: or to
/// compute with), and a further query-key pair of a prompt.
struct AttentionRoof {
  double per_context_token = 0, per_pair = 0;
};
AttentionRoof attention_roof(const GpuParameters& gpu, const LlmParameters& llm,
                             const AttentionShape& shape);

struct AttentionSample {
  double sequences = 1, length = 1;  // context of each, or prompt of each
  double seconds = 0;

  double context() const { return sequences * length; }
  double pairs() const { return sequences * length * length / 2; }
};

/// Share of the roofline, of a kernel's growth; empty where too little was measured that takes
/// longer than launches do.
std::optional<double> decode_utilisation(const std::vector<AttentionSample>& samples,
                                         const AttentionRoof& roof);
std::optional<double> prompt_utilisation(const std::vector<AttentionSample>& samples,
                                         const AttentionRoof& roof);

}  // namespace mw::models
