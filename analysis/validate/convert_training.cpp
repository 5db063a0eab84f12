#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "analysis/validate/convert_row.hpp"
#include "analysis/validate/statistics.hpp"

// Published training rates: Megatron-Bridge performance summaries (@067f987, Apache-2.0) and MLPerf
// Training logs (results not verified by MLCommons when used so). Recipe flags that tables leave
// out are those of Megatron-Bridge's performance recipes; layouts of MLPerf runs are in the names
// of their configuration files (config_DGXH100_64x8x288xtp8pp8cp2.sh and its like).
namespace mw::analysis {
namespace {

using Row = PointsWriter::Row;

struct Known {
  const char *written, *name;
};
const char* find(std::initializer_list<Known> all, const std::string& written) {
  for (const auto& known : all)
    if (written == known.written) return known.name;
  return nullptr;
}
const char* model_of(const std::string& written) {
  return find({{"LLAMA3_8B", "llama_3_1_8b"},
               {"LLAMA3_70B", "llama_3_1_70b"},
               {"LLAMA3.1_405B", "llama_3_1_405b"},
               {"Llama-3.1-405B", "llama_3_1_405b"},
               {"Qwen3_30B_a3B", "qwen3_30b_a3b"},
               {"Qwen3_235B_a22B", "qwen3_235b_a22b"},
               {"GPT OSS 120B", "gpt_oss_120b"},
               {"DeepSeek_V3", "deepseek_v3"}},
              written);
}
/// `Blackwell GPU (GB200)`, `NVIDIA H100-SXM5-80GB`, `B200`.
std::string gpu_of(const std::string& written) {
  for (const char* name : {"GB300", "GB200", "B300", "B200", "H200", "H100"})
    if (written.find(name) != std::string::npos) return name;
  return "";
}
const char* precision_of(const std::string& written) {
  // 25.09 does not say; its recipes were FP8 with one scale a tensor.
  return find({{"", "fp8"},
               {"FP8", "fp8"},
               {"FP8-CS", "fp8"},
               {"FP8-CS (FP8-MX)", "fp8"},
               {"FP8-MX", "mxfp8"},
               {"MXFP8", "mxfp8"},
               {"NVFP4", "nvfp4"},
               {"NVFP4 (submission recipe)", "nvfp4"},
               {"BF16", "bf16"}},
              written);
}

/// `26.04.01` as 260401, from `NeMo container 26.04.01`.
int release_in(const std::string& notes) {
  const std::string mark = "container ";
  const auto at = notes.find(mark);
  if (at == std::string::npos) return 0;
  int parts[3] = {0, 0, 0};
  std::size_t part = 0;
  for (std::size_t i = at + mark.size(); i < notes.size() && part < 3; ++i) {
    if (notes[i] == '.')
      ++part;
    else if (notes[i] >= '0' && notes[i] <= '9')
      parts[part] = 10 * parts[part] + (notes[i] - '0');
    else
      break;
  }
  return 10000 * parts[0] + 100 * parts[1] + parts[2];
}
std::string release_text(int release) {
  return fmt::format("NeMo {:02}.{:02}.{:02}", release / 10000, release / 100 % 100, release % 100);
}

/// `4 (8)`: two formats share a line; the first stands for the one that is said first.
std::string first_number(const std::string& text) {
  return text.substr(0, text.find_first_of(" ("));
}

/// What the fit of the catalog's constants saw: docs/models/training.md.
bool fitted(const std::string& model, const std::string& gpu, int gpus) {
  if (model.starts_with("qwen3_235b") || model.starts_with("gpt")) return false;
  if (gpu != "H100" && gpu != "B200" && gpu != "GB200") return false;
  return gpus < 512 || (gpu == "H100" && model == "llama_3_1_405b" && gpus == 512);
}
std::string group_of(const std::string& model, const std::string& gpu, int gpus) {
  const bool experts = model.starts_with("qwen") || model.starts_with("deepseek");
  if (gpu != "H100" && gpu != "B200" && gpu != "GB200")
    return "training 4: a GPU never fitted, from its data sheet";
  if (fitted(model, gpu, gpus))
    return experts ? "training 1: experts, fitted (Qwen3-30B)" : "training 1: dense, fitted";
  if (model.starts_with("gpt_oss")) return "training 5: gpt-oss, never fitted";
  return experts ? "training 3: experts, a model never fitted"
                 : "training 2: dense, a scale never fitted";
}

struct BridgeRow {
  Row out;
  std::string key;
  int release = 0;
  bool broken = false;
};

std::optional<BridgeRow> bridge_row(const NamedFields& row, PointsWriter& writer) {
  const char* model = model_of(row("model"));
  if (!model) {
    writer.leave_out("the model, or its mode (token drop), is not in the catalog");
    return std::nullopt;
  }
  const char* precision = precision_of(row("precision"));
  const std::string gpu = gpu_of(row("hardware")), notes = row("notes");
  if (!precision || gpu.empty()) {
    writer.leave_out("format or GPU not known");
    return std::nullopt;
  }
  BridgeRow out;
  out.release = release_in(notes);
  const int gpus = static_cast<int>(row.number("num_gpus"));
  const std::string name = model;
  const bool blackwell = gpu != "H100" && gpu != "H200";
  // Software of the same kind: the newest of an era stands for it.
  const int era = out.release < 260200 ? 0 : out.release >= 260600 && blackwell ? 2 : 1;
  out.key = fmt::format("{} {} {} {} {} {}", gpu, name, precision, era, gpus, row("seq_len"));
  if (name.starts_with("qwen")) out.key = fmt::format("{} {} {} {}", gpu, name, precision, era);
  // One layer a chunk on two stages, slower than every later layout of the same GPUs by 1.7 and
  // more.
  out.broken = name == "qwen3_30b_a3b" && gpu == "H100" && era == 0;
  Row& r = out.out;
  r["id"] = fmt::format("{} {} x {} {} {}", row("model"), gpus, gpu, precision,
                        release_text(out.release));
  r["kind"] = "training";
  r["model"] = name;
  r["gpu"] = gpu;
  r["n_gpus"] = fmt::format("{}", gpus);
  r["stack"] = release_text(out.release);
  r["precision"] = precision;
  for (const char* c : {"tp", "pp", "cp", "ep", "vpp"}) r[c] = first_number(row(c));
  r["global_batch"] = row("global_batch");
  r["micro_batch"] = row("micro_batch");
  r["seq_len"] = row("seq_len");
  if (notes.find("FSDP=") != std::string::npos) r["sharding"] = "parameters";
  // cpu_offloading_num_layers of the recipes that shard weights on Grace, whose links carry it.
  if (r.contains("sharding") && gpu == "GB200" && precision == std::string("fp8"))
    r["offload_layers"] = name == "llama_3_1_405b" ? "95" : "40";
  // recompute_modules: layernorm, moe_act.
  if (name == "gpt_oss_120b" && gpu != "GB300" && gpu != "B300") r["recompute"] = "activations";
  if (notes.find("LoRA") != std::string::npos) r["frozen"] = "1";
  if (name == "qwen3_235b_a22b" && gpu != "GB200") r["dispatch"] = "copies";
  if (name == "qwen3_235b_a22b" && gpu == "H100") r["overlap_experts"] = "1";
  if (name == "qwen3_30b_a3b" && gpu == "B200" && out.release >= 260201) r["graphs"] = "1";
  r["group"] = group_of(name, gpu, gpus);
  r["measured_tok_s_gpu"] = row("value");
  return out;
}

struct Layout {
  const char *tp, *pp, *vpp, *cp, *mbs;
};
Layout mlperf_layout(const std::string& model, const std::string& gpu, int gpus) {
  if (model == "gpt3_175b") return {"4", "8", "6", "1", gpus > 8192 ? "1" : "2"};
  return {gpu == "H100" ? "8" : "4", "8", "8", "2", "1"};
}
Row mlperf_row(const std::string& id, const std::string& model, const std::string& gpu, int gpus,
               const std::string& precision, double batch) {
  const Layout layout = mlperf_layout(model, gpu, gpus);
  Row r;
  r["id"] = id;
  r["kind"] = "training";
  r["model"] = model;
  r["gpu"] = gpu;
  r["n_gpus"] = fmt::format("{}", gpus);
  r["stack"] = "megatron_26_02";
  r["precision"] = precision;
  r["tp"] = layout.tp;
  r["pp"] = layout.pp;
  r["vpp"] = layout.vpp;
  r["cp"] = layout.cp;
  r["micro_batch"] = layout.mbs;
  r["seq_len"] = model == "gpt3_175b" ? "2048" : "8192";
  r["global_batch"] = fmt::format("{:.0f}", batch);
  return r;
}

void convert_points(const std::string& file, PointsWriter& writer) {
  NamedFields row(file);
  row.require({"source", "hardware", "num_gpus", "model", "precision", "tp", "pp", "cp", "ep",
               "vpp", "global_batch", "micro_batch", "seq_len", "metric", "value", "notes"});
  std::vector<BridgeRow> bridge;
  std::map<std::string, int> newest;
  while (row.next()) {
    if (row("metric") != "tokens_per_s_per_gpu") {
      writer.leave_out("another figure than tokens/s/GPU");
      continue;
    }
    const std::string source = row("source");
    if (source.starts_with("Megatron-Bridge")) {
      if (auto one = bridge_row(row, writer)) {
        newest[one->key] = std::max(newest[one->key], one->release);
        bridge.push_back(std::move(*one));
      }
      continue;
    }
    const char* model = model_of(row("model"));
    const char* precision = precision_of(row("precision"));
    const std::string gpu = gpu_of(row("hardware"));
    if (!source.starts_with("MLPerf") || !model || !precision || gpu.empty()) {
      writer.leave_out("no layout is known of the run");
      continue;
    }
    const int gpus = static_cast<int>(row.number("num_gpus"));
    Row out = mlperf_row(source, model, gpu, gpus, precision, row.number("global_batch"));
    out["group"] = group_of(model, gpu, gpus);
    out["measured_tok_s_gpu"] = row("value");
    writer.add(std::move(out));
  }
  for (auto& one : bridge) {
    if (one.release < newest[one.key] || one.broken) {
      one.out["weak"] = one.broken ? "mended by a later release" : "superseded release";
      one.out["group"] = "training 6: superseded releases";
    }
    writer.add(std::move(one.out));
  }
}

/// Whole runs: the mean of each system's, its steps from the samples at the last evaluation.
void convert_runs(const std::string& file, PointsWriter& writer) {
  NamedFields row(file);
  row.require({"benchmark", "submitter", "system", "minutes", "status", "global_batch_size",
               "last_eval_samples", "nodes", "accel_per_node", "accelerator"});
  struct Run {
    Row row;
    double minutes = 0, steps = 0;
    int count = 0;
  };
  std::map<std::string, Run> runs;
  while (row.next()) {
    const std::string benchmark = row("benchmark"), gpu = gpu_of(row("accelerator"));
    const bool gpt3 = benchmark == "gpt3";
    if (!gpt3 && benchmark != "llama31_405b") {
      writer.leave_out("another benchmark than GPT-3 and 405B");
      continue;
    }
    if (gpu.empty() || row("status") != "success") {
      writer.leave_out("no GPU of the catalog, or no success");
      continue;
    }
    const int gpus = static_cast<int>(row.number("nodes") * row.number("accel_per_node"));
    const double batch = row.number("global_batch_size");
    Run& run = runs[row("round") + " " + row("submitter") + " " + row("system")];
    if (run.count++ == 0) {
      const std::string model = gpt3 ? "gpt3_175b" : "llama_3_1_405b";
      run.row =
          mlperf_row(fmt::format("MLPerf {} {} {}", row("round"), row("submitter"), row("system")),
                     model, gpu, gpus, "fp8", batch);
      run.row["group"] = gpt3 ? "training 7: MLPerf minutes, GPT-3 (never fitted)"
                              : "training 7: MLPerf minutes, 405B";
    }
    run.minutes += row.number("minutes");
    // GPT-3's logs count tokens, 405B's samples.
    run.steps += row.number("last_eval_samples") / (gpt3 ? 2048 : 1) / batch;
  }
  for (auto& [name, run] : runs) {
    run.row["train_steps"] = fmt::format("{:.0f}", run.steps / run.count);
    run.row["measured_minutes"] = fmt::format("{:.6g}", run.minutes / run.count);
    writer.add(std::move(run.row));
  }
}

/// Power of whole servers while they trained, AC, from the meters' own logs: of each node the
/// median of its means over 30 s, which hold dips between steps but neither warm-up nor
/// evaluations; then the mean over nodes and runs. Layouts of Llama 2 70B with adapters are from
/// memory of NVIDIA's configuration files.
void convert_power(const std::string& file, PointsWriter& writer) {
  NamedFields row(file);
  row.require({"meas", "system", "run", "node", "t_ms", "watts"});
  constexpr double window_ms = 30e3;
  struct Node {
    double begin = 0, sum = 0;
    int count = 0;
    std::vector<double> means;
  };
  std::map<std::string, std::map<std::string, Node>> systems;
  while (row.next()) {
    const std::string system = row("system"), node = row("node");
    const bool known = system.find("_gpt3") != std::string::npos ||
                       system.find("_llama2_70b_lora") != std::string::npos;
    if (row("meas") != "smc_ac" || !known || !node.starts_with("node")) {
      writer.leave_out("another workload than GPT-3 and Llama 2 70B, or no AC power of a server");
      continue;
    }
    Node& one = systems[system][row("run") + node];
    const double at = row.number("t_ms");
    if (one.count == 0 && one.means.empty()) one.begin = at;
    if (at - one.begin >= window_ms) {
      one.means.push_back(one.sum / one.count);
      one.begin = at, one.sum = 0, one.count = 0;
    }
    one.sum += row.number("watts");
    ++one.count;
  }
  for (const auto& [system, nodes] : systems) {
    double sum = 0;
    int count = 0;
    for (const auto& [name, node] : nodes) {
      if (node.means.empty()) continue;
      sum += quantile_of(node.means, 0.5);
      ++count;
    }
    if (count == 0) continue;
    const int servers = std::atoi(system.c_str());
    const bool gpt3 = system.find("_gpt3") != std::string::npos;
    Row r = mlperf_row("MLPerf Training v4.0 power " + system, "gpt3_175b", "H100", 8 * servers,
                       "fp8", 2048);
    if (!gpt3) {
      // Packed samples of 8,192 tokens, beyond the entry of Llama 2; Llama 3.1 differs in
      // vocabulary alone.
      r["model"] = "llama_3_1_70b_base";
      r["pp"] = "1";
      r["vpp"] = "";
      r["cp"] = servers > 1 ? "2" : "1";
      r["micro_batch"] = "1";
      r["global_batch"] = "8";
      r["seq_len"] = "8192";
      r["frozen"] = "1";
      r["weak"] = "layout from memory, adapters' own products left out";
    }
    r["rack"] = "hgx_h100_immersed";
    r["group"] = "training 8: power of H100 servers (never fitted)";
    r["measured_wall_w"] = fmt::format("{:.1f}", servers * sum / count);
    writer.add(std::move(r));
  }
}

}  // namespace

Converted convert_training(const std::vector<std::string>& files) {
  PointsWriter writer;
  for (const auto& file : files) {
    if (NamedFields(file).has("last_eval_samples"))
      convert_runs(file, writer);
    else if (NamedFields(file).has("t_ms"))
      convert_power(file, writer);
    else
      convert_points(file, writer);
  }
  return writer.finish();
}

}  // namespace mw::analysis
