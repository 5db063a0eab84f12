#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "analysis/validate/convert_row.hpp"
#include "analysis/validate/statistics.hpp"
#include "sim/io/jsonl.hpp"

// Request logs of a vLLM server in the layout of casys-kaist/LLMServingSim@5daddb21 (MIT): one JSON
// object a request, and beside it NAME.meta.json with the engine's settings. A point holds the rate
// and the moments of the lengths, not each request: a stream of the same kind, not a replay.
namespace mw::analysis {
namespace {

struct Moments {
  double mean = 0, cv = 0;
};
Moments moments(const std::vector<double>& values) {
  Moments out;
  for (const double v : values) out.mean += v / static_cast<double>(values.size());
  double variance = 0;
  for (const double v : values)
    variance += (v - out.mean) * (v - out.mean) / static_cast<double>(values.size());
  if (out.mean > 0) out.cv = std::sqrt(variance) / out.mean;
  return out;
}

nlohmann::json settings_beside(const std::string& log) {
  const auto cut = log.rfind(".requests.jsonl");
  const std::string path = log.substr(0, cut) + ".meta.json";
  std::ifstream in(path, std::ios::binary);
  if (cut == std::string::npos || !in)
    throw sim::InputError(log, 0, 0, "the engine's settings do not stand beside it",
                          "name the log NAME.requests.jsonl[.gz] and put NAME.meta.json beside it");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("engine_kwargs") ||
      !parsed["engine_kwargs"].is_object())
    throw sim::InputError(path, 0, 0, "is no settings of a vLLM engine",
                          "give it an object `engine_kwargs`");
  return parsed;
}

}  // namespace

Converted convert_server_log(const std::vector<std::string>& files) {
  PointsWriter writer;
  for (const auto& file : files) {
    const nlohmann::json settings = settings_beside(file);
    const auto& engine = settings["engine_kwargs"];
    const auto number = [&](const char* key, int fallback) {
      return engine.contains(key) && engine[key].is_number_integer() ? engine[key].get<int>()
                                                                     : fallback;
    };
    const auto text = [](const nlohmann::json& object, const char* key) {
      return object.contains(key) && object[key].is_string() ? object[key].get<std::string>()
                                                             : std::string();
    };
    sim::JsonlReader log{std::filesystem::path(file)};
    std::vector<double> prompts, outputs, arrivals, ttft, tpot;
    while (log.next()) {
      prompts.push_back(log.number("input_toks"));
      outputs.push_back(log.number("output_toks"));
      arrivals.push_back(log.number("arrival_time"));
      const double first = log.number("first_token_ts");
      ttft.push_back(1e3 * (first - log.number("queued_ts")));
      if (outputs.back() > 1)
        tpot.push_back(1e3 * (log.number("last_token_ts") - first) / (outputs.back() - 1));
    }
    if (arrivals.size() < 2) {
      writer.leave_out(file + ": fewer than two requests");
      continue;
    }
    const auto [first, last] = std::minmax_element(arrivals.begin(), arrivals.end());
    const int tp = number("tensor_parallel_size", 1), dp = number("data_parallel_size", 1);
    const bool spread =
        engine.contains("enable_expert_parallel") && engine["enable_expert_parallel"] == true;
    PointsWriter::Row out;
    out["id"] = std::filesystem::path(file).filename().string();
    out["kind"] = "serving";
    out["group"] = "server logs";
    out["model"] = text(engine, "model");
    out["gpu"] = settings.contains("hardware") && settings["hardware"].is_object()
                     ? text(settings["hardware"], "device_name")
                     : "";
    if (out["gpu"].empty())  // then only the log's name tells it: GPU_MODEL.requests.jsonl
      out["gpu"] = out["id"].substr(0, out["id"].find('_'));
    out["n_gpus"] = std::to_string(tp * dp);
    out["tp"] = std::to_string(tp);
    if (spread) {
      out["ep"] = std::to_string(tp * dp);
      out["attention_dp"] = std::to_string(dp);
    }
    out["precision"] = text(engine, "dtype");
    out["stack"] = "vllm " + text(settings, "vllm_version");
    out["max_num_seqs"] = std::to_string(number("max_num_seqs", 256) * (spread ? dp : 1));
    out["max_num_batched_tokens"] =
        std::to_string(number("max_num_batched_tokens", 2048) * (spread ? dp : 1));
    if (settings.contains("kv_cache") && settings["kv_cache"].contains("num_gpu_blocks") &&
        settings["kv_cache"]["num_gpu_blocks"].is_number_integer())
      out["kv_blocks"] = std::to_string(settings["kv_cache"]["num_gpu_blocks"].get<std::int64_t>() *
                                        (spread ? dp : 1));
    out["n_requests"] = std::to_string(arrivals.size());
    const Moments isl = moments(prompts), osl = moments(outputs);
    out["isl"] = fmt::format("{:.1f}", isl.mean);
    out["osl"] = fmt::format("{:.1f}", osl.mean);
    out["isl_cv"] = fmt::format("{:.3f}", isl.cv);
    out["osl_cv"] = fmt::format("{:.3f}", osl.cv);
    out["rate"] =
        fmt::format("{:.4f}", static_cast<double>(arrivals.size() - 1) / (*last - *first));
    out["measured_ttft_ms"] = fmt::format("{:.3f}", quantile_of(ttft, 0.5));
    out["measured_tpot_ms"] = fmt::format("{:.3f}", moments(tpot).mean);
    writer.add(std::move(out));
  }
  return writer.finish();
}

}  // namespace mw::analysis
