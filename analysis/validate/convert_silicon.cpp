#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "analysis/validate/convert_row.hpp"

// NVIDIA aiconfigurator's silicon data (ai-dynamo/aiconfigurator@095f58a5, silicon_sample.csv;
// Apache-2.0): closed loops, most from InferenceX. Traps: the users are in the text of the source;
// `batch_size` is users over data-parallel groups; where experts are spread, the sizes of a group
// are written multiplied (tp 64 = 8 x 8 for 8 GPUs); the format is sometimes not said, then
// the checkpoint as published is taken; speculative decoding is not said.
namespace mw::analysis {
namespace {

struct Layout {
  int gpus = 0, tp = 1, ep = 1, attention_dp = 1;
};

int whole(const NamedFields& row, const char* column) {
  return static_cast<int>(row.number(column));
}

/// The layout meant; gpus = 0 where the sizes contradict each other.
Layout layout_of(const NamedFields& row) {
  const int tp = std::max(1, whole(row, "tp_size"));
  const int adp = std::max(1, whole(row, "attention_dp_size"));
  const int moe_tp = std::max(1, whole(row, "moe_tp_size"));
  const int moe_ep = std::max(1, whole(row, "moe_ep_size"));
  if (adp == 1 && moe_tp == moe_ep && moe_ep > 1 && tp == moe_tp * moe_ep)
    return {moe_ep, moe_ep, moe_ep, 1};
  if (adp == 1 && tp <= 8) return {tp, tp, std::min(moe_ep, tp), 1};
  if (tp == 1 && moe_tp == moe_ep && adp == moe_tp * moe_ep) return {moe_ep, 1, moe_ep, moe_ep};
  if (tp > 1 && tp == adp && moe_ep == tp * adp) return {tp, 1, tp, tp};
  if (tp == 1 && adp <= 8) return {adp, 1, std::min(moe_ep, adp), adp};
  return {};
}

std::string after(const std::string& text, const std::string& key) {
  const auto at = text.find(key);
  if (at == std::string::npos) return "";
  const auto begin = at + key.size();
  return text.substr(begin, text.find_first_not_of("0123456789", begin) - begin);
}

/// Settings of InferenceX's servers (SemiAnalysisAI/InferenceX, benchmarks/single_node,
/// dsr1_fp{4,8}_b200{,_trt}.sh, gptoss_fp4_b200_trt.sh; llama70b of October 2025): which new
/// requests an iteration takes, and how many of their tokens.
void server_settings(PointsWriter::Row& out, const std::string& backend, bool four_bit) {
  const int users = std::stoi(out["concurrency"]), isl = std::stoi(out["isl"]);
  const int osl = std::stoi(out["osl"]), tp = std::stoi(out["tp"]);
  const std::string& model = out["model"];
  const bool deepseek = model.find("DeepSeek") != std::string::npos;
  const bool balanced = isl == 1024 && osl == 1024;
  const auto batch_wait = [&](const char* iterations, const char* fill) {
    out["batch_wait"] = iterations;
    out["batch_wait_fill"] = fill;
  };
  if (backend == "sglang" && deepseek) {
    out["admission_interval"] = users >= 16 && (four_bit || tp == 8) ? "30" : "10";
    out["max_num_batched_tokens"] = four_bit ? "16384" : tp == 8 ? "32768" : "8192";
  } else if (backend == "trtllm" && deepseek) {
    out["max_num_batched_tokens"] = std::to_string(std::max(8192, (users + isl + 127) / 64 * 64));
    if (!four_bit && balanced && users >= 64) batch_wait("40", "0.8");
  } else if (backend == "trtllm" && model.find("gpt-oss") != std::string::npos) {
    out["max_num_batched_tokens"] = "20000";
  } else if (backend == "trtllm" && model.find("Llama") != std::string::npos) {
    out["max_num_batched_tokens"] = "16384";
    if (balanced && tp < 8) batch_wait("20", "0.9");
  }
}

/// Runs of one model on as many GPUs under one load, whatever version and day.
std::string configuration_of(const NamedFields& row) {
  std::string model = row("model_path");
  // One architecture; the tables call the same runs both.
  if (model.find("DeepSeek") != std::string::npos) model = "DeepSeek";
  const Layout layout = layout_of(row);
  std::string key =
      fmt::format("{}|{}|{} GPUs|{}", row("backend"), model, layout.gpus, layout.attention_dp);
  for (const char* column : {"system", "isl", "osl", "gemm_quant_mode", "batch_size"})
    key += "|" + row(column);
  return key;
}

/// Some first rounds waited half a minute, as for kernels that were compiled then: their mean is
/// seconds where other runs of the same have tenths.
std::map<std::string, double> least_first_token(const std::vector<std::string>& files) {
  std::map<std::string, double> least;
  for (const auto& file : files) {
    NamedFields row(file);
    while (row.next()) {
      if (row("mode") != "agg") continue;
      const double ms = row.number("silicon_ttft_ms");
      const auto [at, first] = least.emplace(configuration_of(row), ms);
      if (!first) at->second = std::min(at->second, ms);
    }
  }
  return least;
}

/// Settings of the run that the table does not tell, by what they did to it.
std::string weak_reason(const NamedFields& row) {
  if (row.number("silicon_ttft_ms") > row.number("osl") * row.number("silicon_tpot_ms"))
    return "first tokens wait longer than answers take";
  // Twice as fast as the same points of other versions.
  const std::string version = row("backend_version");
  if (row("backend") == "trtllm" && row("model_path").find("DeepSeek") != std::string::npos &&
      (version == "1.2.0rc6.post3" || version == "1.1.0rc2.post2" || version == "1.3.0rc1"))
    return "tokens were drafted";
  if (row("isl") == "4000") return "behind another front end";
  return "";
}

}  // namespace

Converted convert_aic_silicon(const std::vector<std::string>& files) {
  PointsWriter writer;
  std::set<PointsWriter::Row> seen;
  const auto least = least_first_token(files);
  for (const auto& file : files) {
    NamedFields row(file);
    row.require({"silicon_data_source", "backend", "backend_version", "model_path", "system",
                 "mode", "isl", "osl", "gemm_quant_mode", "batch_size", "tp_size",
                 "silicon_ttft_ms", "silicon_tpot_ms"});
    while (row.next()) {
      if (row("mode") != "agg") {
        writer.leave_out("prefill and decode on GPUs of their own");
        continue;
      }
      const std::string model = row("model_path"), source = row("silicon_data_source");
      std::string precision = row("gemm_quant_mode");
      if (row("moe_quant_mode").find("fp4") != std::string::npos) precision = "nvfp4";
      if (model.find("gpt-oss") != std::string::npos) precision = "mxfp4";
      if (precision == "int4_wo") precision = "int4";
      if (precision == "float16") precision = "bf16";
      const Layout layout = layout_of(row);
      if (layout.gpus == 0) {
        writer.leave_out("sizes of the parallel groups contradict each other");
        continue;
      }
      const std::string users = after(source, "silicon_concurrency=");
      PointsWriter::Row out;
      out["id"] = row("id");
      out["kind"] = "serving";
      out["model"] = model;
      out["gpu"] = row("system");
      out["n_gpus"] = std::to_string(layout.gpus);
      out["tp"] = std::to_string(layout.tp);
      out["ep"] = std::to_string(layout.ep);
      out["attention_dp"] = std::to_string(layout.attention_dp);
      out["precision"] = precision;
      out["stack"] = row("backend") + " " + row("backend_version");
      out["isl"] = row("isl");
      out["osl"] = row("osl");
      out["concurrency"] = users.empty()
                               ? fmt::format("{:g}", row.number("batch_size") * layout.attention_dp)
                               : users;
      // InferenceX draws lengths from four fifths up and caches KV in FP8 beside narrow weights.
      // The tool's own runs say neither. Those of SGLang show users in step, as answers of one
      // length bring them about where prompts go alone. Those of the others show no bursts: who
      // finishes together does not come back at one moment, as it does here, so lengths are spread.
      const bool own = source.find("auto-gap") != std::string::npos;
      out["shortest"] = own && row("backend") == "sglang" ? "1" : "0.8";
      // Release candidates before 1.1 answer later; one value, fitted to their first tokens.
      if (own && row("backend") == "trtllm") out["request_latency_ms"] = "126";
      out["kv"] = own || precision == "bf16" || precision.empty() ? "bf16" : "fp8";
      if (!own && layout.attention_dp == 1)
        server_settings(out, row("backend"), precision == "nvfp4");
      out["ttft"] = "mean";
      out["measured_ttft_ms"] = row("silicon_ttft_ms");
      out["measured_tpot_ms"] = row("silicon_tpot_ms");
      if (const std::string why = weak_reason(row); !why.empty()) {
        out["weak"] = why;
      } else if (row.number("silicon_ttft_ms") > 3 * least.at(configuration_of(row))) {
        out["weak"] = "first tokens came three times as soon in another run";
      }
      PointsWriter::Row same = out;
      same.erase("id");
      if (!seen.insert(same).second) {
        writer.leave_out("the same measurement again");
        continue;
      }
      writer.add(std::move(out));
    }
  }
  return writer.finish();
}

}  // namespace mw::analysis
