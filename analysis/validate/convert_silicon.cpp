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
      // The tool's own runs say neither; their first tokens show no bursts, which fixed lengths
      // would bring.
      const bool own = source.find("auto-gap") != std::string::npos;
      out["shortest"] = "0.8";
      out["kv"] = own || precision == "bf16" || precision.empty() ? "bf16" : "fp8";
      out["ttft"] = "mean";
      out["measured_ttft_ms"] = row("silicon_ttft_ms");
      out["measured_tpot_ms"] = row("silicon_tpot_ms");
      if (const std::string why = weak_reason(row); !why.empty()) out["weak"] = why;
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
