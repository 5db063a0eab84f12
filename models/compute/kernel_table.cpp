#include "models/compute/kernel_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "models/compute/occupancy.hpp"
#include "sim/input_error.hpp"
#include "sim/io/csv.hpp"
#include "sim/portable_math.hpp"

namespace mw::models {
namespace {

constexpr double activation = 2;  // bytes

/// Names of aiconfigurator's dtype columns. Formats that the law has none for are passed over.
std::optional<KernelFormat> format_named(std::string_view name) {
  if (name == "bfloat16") return KernelFormat::bf16;
  if (name == "fp8") return KernelFormat::fp8;
  if (name == "fp8_block") return KernelFormat::fp8_block;
  if (name == "nvfp4") return KernelFormat::nvfp4;
  if (name == "w4a16_mxfp4" || name == "w4a8_mxfp4_mxfp8") return KernelFormat::mxfp4;
  return std::nullopt;
}

/// The place of x among rising knots: between low and low + 1, `part` of the way in logarithms.
/// Empty outside them.
struct Bracket {
  std::size_t low = 0;
  double part = 0;
};
template <class Knots, class At>
std::optional<Bracket> bracket(const Knots& knots, double x, const At& at) {
  if (knots.empty() || x < at(knots.front()) || x > at(knots.back())) return std::nullopt;
  std::size_t high = 0;
  while (at(knots[high]) < x) ++high;
  if (at(knots[high]) == x) return Bracket{high, 0};
  const double a = sim::portable::log(at(knots[high - 1])), b = sim::portable::log(at(knots[high]));
  return Bracket{high - 1, (sim::portable::log(x) - a) / (b - a)};
}

}  // namespace

KernelFormat kernel_format(Precision weights, Fp8Scaling scaling) {
  switch (weights) {
    case Precision::fp8:
      return scaling == Fp8Scaling::block ? KernelFormat::fp8_block : KernelFormat::fp8;
    case Precision::mxfp4:
      return KernelFormat::mxfp4;
    case Precision::nvfp4:
      return KernelFormat::nvfp4;
    case Precision::bf16:
      break;
  }
  return KernelFormat::bf16;
}

Roof roof_of(const GpuParameters& gpu, Precision stored) {
  return {tensor_rate(gpu, arithmetic_format(gpu, stored)), gpu.memory_bandwidth.value.value,
          bytes_per_element(stored)};
}

double roof_time(const Roof& roof, const GemmShape& g) {
  const double bytes = g.n * g.k * roof.bytes_per_weight + (g.m * g.k + g.m * g.n) * activation;
  return std::max(2 * g.m * g.n * g.k / roof.flop_rate, bytes / roof.bandwidth);
}

double roof_time(const Roof& roof, const MoeShape& s, double tokens) {
  const double experts = s.experts, per_token = s.experts_per_token;
  const double miss = expert_miss(per_token, experts, tokens);
  const double weights = double(s.matrices) * s.hidden * s.inter / s.tp;  // of an expert, here
  const double bytes = experts / s.ep * (1 - miss) * weights * roof.bytes_per_weight;
  return std::max(2 * weights * tokens * per_token / s.ep / roof.flop_rate, bytes / roof.bandwidth);
}

std::vector<LayerGemm> layer_gemms(const LlmParameters& m, int tp) {
  std::vector<LayerGemm> out;
  const auto add = [&](double n, double k, double count, bool attention) {
    if (n > 0 && k > 0 && count > 0) out.push_back({{1, n, k}, count, attention});
  };
  const double h = m.hidden, heads = double(m.heads) / tp;
  const double layers = m.full_attention_layers + m.window_layers;
  if (m.attention == Attention::mla) {
    // The two compressions are not cut; keys and values are made from the latent per head.
    add(m.q_lora + m.kv_lora + m.rope_dim, h, layers, true);
    add(heads * (m.head_dim + m.rope_dim), m.q_lora > 0 ? m.q_lora : h, layers, true);
    add(heads * (m.head_dim + m.v_dim), m.kv_lora, layers, true);
    add(h, heads * m.v_dim, layers, true);
  } else {
    const double kv_heads = std::max(double(m.kv_heads) / tp, 1.0);
    add((heads + 2 * kv_heads) * m.head_dim, h, layers, true);
    add(h, heads * m.head_dim, layers, true);
  }
  const auto feed_forward = [&](double inter, double count) {
    add((m.mlp_matrices - 1) * inter / tp, h, count, false);
    add(h, inter / tp, count, false);
  };
  feed_forward(m.dense_inter, m.dense_mlp_layers);
  feed_forward(m.shared_inter, double(m.moe_layers) * m.shared_experts);
  return out;
}

/// Columns of a record, with those that the first line holds for all.
class KernelTables::Fields {
 public:
  Fields(sim::CsvReader& table, const std::map<std::string, std::string>& constants)
      : table_(table), constants_(constants) {}

  bool has(const char* name) const {
    return constants_.count(name) > 0 || table_.find_column(name).has_value();
  }
  std::string_view text(const char* name) const {
    const auto constant = constants_.find(name);
    return constant != constants_.end() ? std::string_view(constant->second)
                                        : table_.text(table_.column(name));
  }
  double positive(const char* name) const { return number(name, true); }
  double at_least_zero(const char* name) const { return number(name, false); }

 private:
  double number(const char* name, bool above_zero) const {
    const auto constant = constants_.find(name);
    if (constant != constants_.end()) {
      const auto parsed = sim::parse_number(constant->second);
      if (parsed && (parsed.value > 0 || (!above_zero && parsed.value == 0))) return parsed.value;
      table_.fail(0,
                  fmt::format("the constant `{}` is not a number {}", name,
                              above_zero ? "above zero" : "of zero or more"),
                  "write the table again from its source");
    }
    const double value = table_.number(table_.column(name));
    if (above_zero ? value <= 0 : value < 0)
      table_.fail(table_.column(name), above_zero ? "is not above zero" : "is below zero",
                  "leave this record out");
    return value;
  }

  sim::CsvReader& table_;
  const std::map<std::string, std::string>& constants_;
};

KernelTables::KernelTables(const std::filesystem::path& folder) {
  std::error_code failed;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator it(folder, failed), end; !failed && it != end;
       it.increment(failed)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(".csv") || name.ends_with(".csv.gz")) files.push_back(it->path());
  }
  if (failed)
    throw sim::InputError(folder.string(), 0, 0, "cannot be read: " + failed.message(),
                          "name a folder with kernel tables");
  std::sort(files.begin(), files.end());
  for (const auto& file : files) read(file);
  if (points_ == 0)
    throw sim::InputError(folder.string(), 0, 0, "holds no kernel tables",
                          "put *.csv or *.csv.gz with the columns of aiconfigurator's gemm, moe, "
                          "attention or mla module tables there");
  // The curves came in any order; of kernels that compete at one shape the fastest counts.
  const auto settle = [](Curve& curve) {
    std::sort(curve.begin(), curve.end(), [](const Sample& a, const Sample& b) {
      return a.at != b.at ? a.at < b.at : a.seconds < b.seconds;
    });
    curve.erase(std::unique(curve.begin(), curve.end(),
                            [](const Sample& a, const Sample& b) { return a.at == b.at; }),
                curve.end());
  };
  for (auto& [format, grid] : gemms_) {
    for (auto& [key, curve] : grid.curves) {
      settle(curve);
      grid.n.push_back(key.first);
      grid.k.push_back(key.second);
    }
    for (auto* knots : {&grid.n, &grid.k}) {
      std::sort(knots->begin(), knots->end());
      knots->erase(std::unique(knots->begin(), knots->end()), knots->end());
    }
  }
  for (auto& [key, curve] : moes_) settle(curve);
  const auto fastest = [](std::vector<AttentionSample>& samples) {
    const auto key = [](const AttentionSample& s) { return std::tuple(s.sequences, s.length); };
    std::sort(samples.begin(), samples.end(), [&](const auto& a, const auto& b) {
      return std::tuple(key(a), a.seconds) < std::tuple(key(b), b.seconds);
    });
    samples.erase(std::unique(samples.begin(), samples.end(),
                              [&](const auto& a, const auto& b) { return key(a) == key(b); }),
                  samples.end());
  };
  for (auto* table : {&decodes_, &prompts_})
    for (auto& [shape, samples] : *table) fastest(samples);
}

void KernelTables::read(const std::filesystem::path& file) {
  std::map<std::string, std::string> constants;
  sim::LineReader first(file);
  const bool preamble = first.next() && first.line().substr(0, 1) == "#";
  if (preamble) {
    std::string_view rest = first.line();
    rest.remove_prefix(std::min(rest.find(':') + 1, rest.size()));
    while (!rest.empty()) {
      const auto end = std::min(rest.find(';'), rest.size());
      std::string_view one = rest.substr(0, end);
      while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
      if (const auto equals = one.find('='); equals != one.npos)
        constants.emplace(one.substr(0, equals), one.substr(equals + 1));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  sim::CsvReader table(file, {.skip_lines = preamble ? 1 : 0});
  const Fields row(table, constants);
  const bool gemm = row.has("gemm_dtype") && row.has("m") && row.has("n") && row.has("k");
  const bool moe = row.has("moe_dtype") && row.has("num_tokens") && row.has("moe_ep_size");
  const bool attends = row.has("batch_size") && row.has("num_heads") && row.has("isl") &&
                       row.has("step") && row.has("kv_cache_dtype");
  const bool attention = attends && row.has("num_key_value_heads") && row.has("head_dim");
  const bool mla = attends && !attention && row.has("gemm_type") && row.has("mla_dtype");
  if (!gemm && !moe && !attention && !mla)
    throw sim::InputError(file.string(), preamble ? 2 : 1, 0,
                          "has not the columns of a gemm, moe, attention or mla module table",
                          "take it out of the folder: the law has no place for its kernels");
  while (table.next()) {
    if (row.has("device")) {
      const std::string device(row.text("device"));
      if (!device_.empty() && device != device_)
        throw sim::InputError(
            file.string(), table.line(), 0,
            fmt::format("is measured on `{}`, others here on `{}`", device, device_),
            "keep the tables of each device in a folder of their own");
      device_ = device;
    }
    const double seconds = row.positive("latency") * 1e-3;
    if (attention || mla) {
      read_attention(row, mla, seconds);
      continue;
    }
    const auto format = format_named(row.text(gemm ? "gemm_dtype" : "moe_dtype"));
    if (!format) continue;
    if (gemm) {
      gemms_[*format].curves[{row.positive("n"), row.positive("k")}].push_back(
          {row.positive("m"), seconds});
    } else {
      // Experts chosen evenly, as the law assumes; other tables skew them.
      if (row.has("distribution") && row.text("distribution") != "balanced") continue;
      const auto whole = [&](const char* name) {
        return static_cast<int>(std::min(row.positive(name), 1e9));
      };
      MoeShape shape{whole("hidden_size"), whole("inter_size"),  whole("topk"),
                     whole("num_experts"), whole("moe_tp_size"), whole("moe_ep_size")};
      if (row.has("kernel_source") &&
          row.text("kernel_source").find("nongated") != std::string_view::npos)
        shape.matrices = 2;
      moes_[{*format, shape}].push_back({row.positive("num_tokens"), seconds});
    }
    ++points_;
  }
}

void KernelTables::read_attention(const Fields& row, bool mla, double seconds) {
  // The law's attention computes in BF16. Kernels of short windows are launches and little else.
  if (row.text(mla ? "mla_dtype" : "attn_dtype") != "bfloat16") return;
  if (row.has("window_size") && row.at_least_zero("window_size") > 0) return;
  AttentionShape shape;
  const auto whole = [&](const char* name) {
    return static_cast<int>(std::min(row.positive(name), 1e9));
  };
  shape.heads = whole("num_heads");
  const auto stored = [&](const char* name) -> std::optional<Precision> {
    const std::string_view text = row.text(name);
    if (text == "fp8") return Precision::fp8;
    const auto format = format_named(text);
    if (format == KernelFormat::bf16) return Precision::bf16;
    if (format == KernelFormat::fp8_block) return Precision::fp8;
    if (format == KernelFormat::nvfp4) return Precision::nvfp4;
    return std::nullopt;
  };
  const auto kv = stored("kv_cache_dtype");
  const auto projections = mla ? stored("gemm_type") : Precision::bf16;
  if (!kv || !projections) return;
  shape.kv = *kv;
  shape.projections = *projections;
  if (mla) {
    // DeepSeek's latent: 512 numbers and 64 with positions (arXiv 2412.19437, section 4.2).
    shape.kind = Attention::mla;
    shape.head_dim = 512 + 64;
  } else {
    shape.kv_heads = whole("num_key_value_heads");
    shape.head_dim = whole("head_dim");
  }
  const double context = row.at_least_zero("step");
  AttentionTable& table = context > 0 ? decodes_ : prompts_;
  table[shape].push_back(
      {row.positive("batch_size"), context > 0 ? context : row.positive("isl"), seconds});
  ++points_;
}

std::optional<double> KernelTables::decode_utilisation(const AttentionShape& shape,
                                                       const AttentionRoof& roof) const {
  const auto found = decodes_.find(shape);
  return found == decodes_.end() ? std::nullopt : models::decode_utilisation(found->second, roof);
}

std::optional<double> KernelTables::prompt_utilisation(const AttentionShape& shape,
                                                       const AttentionRoof& roof) const {
  const auto found = prompts_.find(shape);
  return found == prompts_.end() ? std::nullopt : models::prompt_utilisation(found->second, roof);
}

std::optional<std::string> impossible_attention(const KernelTables& tables,
                                                const GpuParameters& gpu, const LlmParameters& llm,
                                                const ReplicaShape& shape) {
  constexpr double possible = 1.1;  // the slope is known to some percent
  const AttentionShape attention = attention_shape(llm, shape);
  const AttentionRoof roof = attention_roof(gpu, llm, attention);
  const double decode = tables.decode_utilisation(attention, roof).value_or(0);
  const double prompt = tables.prompt_utilisation(attention, roof).value_or(0);
  if (std::max(decode, prompt) <= possible) return std::nullopt;
  return fmt::format(
      "attention of {} on `{}` is {:.2f} times as fast as this GPU's data sheet allows",
      decode > prompt ? "decodes" : "prompts", tables.device(), std::max(decode, prompt));
}

std::optional<double> KernelTables::time(KernelFormat format, const Roof& roof,
                                         const GemmShape& g) const {
  const auto found = gemms_.find(format);
  if (found == gemms_.end()) return std::nullopt;
  const Grid& grid = found->second;
  const auto self = [](double x) { return x; };
  const auto n = bracket(grid.n, g.n, self), k = bracket(grid.k, g.k, self);
  if (!n || !k) return std::nullopt;
  double utilisation = 0;
  for (int corner = 0; corner < 4; ++corner) {
    const bool high_n = (corner & 1) != 0, high_k = (corner & 2) != 0;
    const double weight = (high_n ? n->part : 1 - n->part) * (high_k ? k->part : 1 - k->part);
    if (weight == 0) continue;
    const double at_n = grid.n[n->low + (high_n ? 1 : 0)];
    const double at_k = grid.k[k->low + (high_k ? 1 : 0)];
    const auto curve = grid.curves.find({at_n, at_k});
    if (curve == grid.curves.end()) return std::nullopt;
    const auto m = bracket(curve->second, g.m, [](const Sample& s) { return s.at; });
    if (!m) return std::nullopt;
    for (int end = 0; end < 2; ++end) {
      const double share = weight * (end == 1 ? m->part : 1 - m->part);
      if (share == 0) continue;
      const Sample& s = curve->second[m->low + static_cast<std::size_t>(end)];
      utilisation += share * roof_time(roof, GemmShape{s.at, at_n, at_k}) / s.seconds;
    }
  }
  return roof_time(roof, g) / utilisation;
}

std::optional<double> KernelTables::time(KernelFormat format, const Roof& roof,
                                         const MoeShape& shape, double tokens) const {
  const auto curve = moes_.find({format, shape});
  if (curve == moes_.end()) return std::nullopt;
  const auto at = bracket(curve->second, tokens, [](const Sample& s) { return s.at; });
  if (!at) return std::nullopt;
  double utilisation = 0;
  for (int end = 0; end < 2; ++end) {
    const double share = end == 1 ? at->part : 1 - at->part;
    if (share == 0) continue;
    const Sample& s = curve->second[at->low + static_cast<std::size_t>(end)];
    utilisation += share * roof_time(roof, shape, s.at) / s.seconds;
  }
  return roof_time(roof, shape, tokens) / utilisation;
}

}  // namespace mw::models
