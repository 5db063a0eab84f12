#include "models/compute/attention_table.hpp"

#include <Eigen/Dense>
#include <algorithm>

#include "models/compute/model_size.hpp"

namespace mw::models {
namespace {

// Where the roofline alone takes less, launches and the shape of the grid decide.
constexpr double shortest = 20e-6;
constexpr std::size_t fewest = 8;  // samples, for three coefficients

/// The last coefficient of time = launch + a x + b y, none below zero, by least squares of the
/// relative error.
template <class X, class Y>
std::optional<double> growth(const std::vector<AttentionSample>& samples, double roof, const X& x,
                             const Y& y) {
  std::vector<AttentionSample> used;
  for (const AttentionSample& s : samples)
    if (y(s) * roof >= shortest) used.push_back(s);
  if (used.size() < fewest) return std::nullopt;
  std::vector<int> columns = {0, 1, 2};
  while (true) {
    Eigen::MatrixXd terms(used.size(), columns.size());
    for (std::size_t i = 0; i < used.size(); ++i) {
      const double of[] = {1.0, x(used[i]), y(used[i])};
      for (std::size_t c = 0; c < columns.size(); ++c)
        terms(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(c)) =
            of[columns[c]] / used[i].seconds;
    }
    const Eigen::VectorXd scale = terms.colwise().norm();
    const Eigen::VectorXd found =
        (terms * scale.cwiseInverse().asDiagonal())
            .colPivHouseholderQr()
            .solve(Eigen::VectorXd::Ones(static_cast<Eigen::Index>(used.size())));
    Eigen::Index least = 0;
    if (found.minCoeff(&least) >= 0 || columns.size() == 1)
      return columns.back() == 2 && found.tail(1)[0] > 0
                 ? std::optional(found.tail(1)[0] / scale.tail(1)[0])
                 : std::nullopt;
    columns.erase(columns.begin() + least);
  }
}

}  // namespace

AttentionShape attention_shape(const LlmParameters& m, const ReplicaShape& shape) {
  AttentionShape out;
  out.kind = m.attention;
  out.heads = m.heads / shape.tp;
  out.kv = shape.kv;
  if (m.attention == Attention::mla) {
    out.head_dim = m.kv_lora + m.rope_dim;
    out.projections = attention_format(m, shape.weights);
  } else {
    out.kv_heads = std::max(m.kv_heads / shape.tp, 1);
    out.head_dim = m.head_dim;
  }
  return out;
}

AttentionRoof attention_roof(const GpuParameters& gpu, const LlmParameters& m,
                             const AttentionShape& s) {
  const double bandwidth = gpu.memory_bandwidth.value.value, rate = gpu.bf16.value.value;
  const double of_heads = double(s.heads) / m.heads;
  const double pair = attention_flops_per_pair(m) * of_heads / rate;
  const double read = s.head_dim * bytes_per_element(s.kv) / bandwidth;
  if (s.kind == Attention::mla)
    return {std::max(read, latent_flops_per_pair(m) * of_heads / rate), pair};
  return {2 * s.kv_heads * read, pair};
}

std::optional<double> decode_utilisation(const std::vector<AttentionSample>& samples,
                                         const AttentionRoof& roof) {
  const auto slope = growth(
      samples, roof.per_context_token, [](const AttentionSample& s) { return s.sequences; },
      [](const AttentionSample& s) { return s.context(); });
  if (!slope) return std::nullopt;
  return roof.per_context_token / *slope;
}

std::optional<double> prompt_utilisation(const std::vector<AttentionSample>& samples,
                                         const AttentionRoof& roof) {
  const auto slope = growth(
      samples, roof.per_pair, [](const AttentionSample& s) { return s.context(); },
      [](const AttentionSample& s) { return s.pairs(); });
  if (!slope) return std::nullopt;
  return roof.per_pair / *slope;
}

}  // namespace mw::models
