#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/compute/attention_table.hpp"
#include "models/compute/gpu.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/precision.hpp"

// Measured kernel times in the columns of NVIDIA aiconfigurator's tables, as an alternative to the
// step law's shares of the data sheet. Between measured shapes the utilisation is interpolated,
// roofline over time, because it varies far less than the time does; outside them there is no
// answer, and the formula stands. Docs: docs/models/compute.md, section "Kernel tables".
namespace mw::models {

/// Number formats that the tables tell apart.
enum class KernelFormat { bf16, fp8, fp8_block, mxfp4, nvfp4 };
inline std::span<const char* const> enum_names(KernelFormat) {
  static constexpr const char* names[] = {"bf16", "fp8", "fp8_block", "mxfp4", "nvfp4"};
  return names;
}
KernelFormat kernel_format(Precision weights, Fp8Scaling scaling);

/// What the data sheet allows a kernel.
struct Roof {
  double flop_rate = 1;         // 1/s
  double bandwidth = 1;         // B/s
  double bytes_per_weight = 2;  // activations have 2
};

/// The roof of weights stored so.
Roof roof_of(const GpuParameters& gpu, Precision stored);

/// A product of an m x k by a k x n matrix of weights.
struct GemmShape {
  double m = 1, n = 1, k = 1;
};
double roof_time(const Roof& roof, const GemmShape& shape);

/// The experts of one layer on one of tp x ep ranks.
struct MoeShape {
  int hidden = 1, inter = 1, experts_per_token = 1, experts = 1;
  int tp = 1, ep = 1;
  int matrices = 3;

  auto operator<=>(const MoeShape&) const = default;
};
/// Uniform routing: the rank reads the experts that `tokens` tokens hit.
double roof_time(const Roof& roof, const MoeShape& shape, double tokens);

/// The matrix products of a model's layers on one of `tp` ranks, besides experts; m left at 1.
struct LayerGemm {
  GemmShape shape;
  double count = 0;        // in all layers
  bool attention = false;  // may be stored wider
};
std::vector<LayerGemm> layer_gemms(const LlmParameters& llm, int tp);

class KernelTables {
 public:
  /// All *.csv and *.csv.gz of a folder: products of matrices (gemm_dtype, m, n, k), experts
  /// (moe_dtype, num_tokens, hidden_size, inter_size, topk, num_experts, moe_tp_size, moe_ep_size,
  /// distribution), attention (batch_size, num_heads, num_key_value_heads, head_dim, window_size,
  /// attn_dtype, kv_cache_dtype) and mla modules (batch_size, num_heads, gemm_type,
  /// kv_cache_dtype) of prompts (isl) and decodes (isl 1, step); latency in milliseconds. Constant
  /// columns may stand in a first line `# constants: name=value; ...`. An InputError says what
  /// cannot be read, that a table is of other kernels, that tables are of several devices, or that
  /// there are none.
  explicit KernelTables(const std::filesystem::path& folder);

  const std::string& device() const { return device_; }
  std::size_t points() const { return points_; }
  /// Seconds; empty outside the measured shapes.
  std::optional<double> time(KernelFormat format, const Roof& roof, const GemmShape& shape) const;
  std::optional<double> time(KernelFormat format, const Roof& roof, const MoeShape& shape,
                             double tokens) const;
  /// Share of the roofline; empty where the shape was not measured.
  std::optional<double> decode_utilisation(const AttentionShape& shape,
                                           const AttentionRoof& roof) const;
  std::optional<double> prompt_utilisation(const AttentionShape& shape,
                                           const AttentionRoof& roof) const;

 private:
  struct Sample {
    double at = 0, seconds = 0;
  };
  using Curve = std::vector<Sample>;  // rising in `at`
  struct Grid {
    std::vector<double> n, k;  // rising
    std::map<std::pair<double, double>, Curve> curves;
  };
  class Fields;  // of a record
  void read(const std::filesystem::path& file);
  void read_attention(const Fields& row, bool mla, double seconds);

  std::string device_;
  std::size_t points_ = 0;
  std::map<KernelFormat, Grid> gemms_;
  std::map<std::pair<KernelFormat, MoeShape>, Curve> moes_;
  using AttentionTable = std::map<AttentionShape, std::vector<AttentionSample>>;
  AttentionTable decodes_, prompts_;
};

/// Attention that is measured faster than this GPU's memory or arithmetic allows: of another part,
/// or of contexts that were not all read. Empty where the tables may be used.
std::optional<std::string> impossible_attention(const KernelTables& tables,
                                                const GpuParameters& gpu, const LlmParameters& llm,
                                                const ReplicaShape& shape);

}  // namespace mw::models
