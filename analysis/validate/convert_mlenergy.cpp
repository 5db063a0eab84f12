#include <tuple>

#include <fmt/format.h>

#include "analysis/validate/convert_row.hpp"
#include "analysis/validate/tasks.hpp"

// The ML.ENERGY benchmark (ml-energy/leaderboard@0cd52da, version 3; leaderboard-v2@c3af7f3).
// Traps: `tensor_parallel` 1 beside `expert_parallel` n means that attention is cut over the same n
// GPUs; Qwen3-Coder-480B-FP8 alone ran with data-parallel attention, which the table does not say;
// max_num_seqs is a limit, and memory often allows fewer; power is that of the GPUs.
namespace mw::analysis {
namespace {

using Run = std::tuple<std::string, std::string, std::string>;  // task, model, max_num_seqs

/// Requests of each run; a GPU or a count of GPUs may be `*`.
struct RunLengths {
  struct One {
    std::string gpu, gpus, requests;
  };
  std::map<Run, std::vector<One>> runs;

  std::string of(const NamedFields& row) const {
    const auto at = runs.find({row("task"), row("model_id"), row("max_num_seqs")});
    std::string found;
    if (at == runs.end()) return found;
    for (const auto& one : at->second)
      if ((one.gpu == "*" || one.gpu == row("gpu_model")) &&
          (one.gpus == "*" || one.gpus == row("num_gpus")))
        found = one.requests;
    return found;
  }
};

PointsWriter::Row item_row(const NamedFields& row, bool video) {
  PointsWriter::Row out;
  out["kind"] = video ? "video" : "image";
  out["batch"] = row("batch_size");
  out["steps"] = row("inference_steps");
  out["width"] = row(video ? "video_width" : "image_width");
  out["height"] = row(video ? "video_height" : "image_height");
  out["frames"] = row("num_frames");
  out["ulysses"] = row("ulysses_degree");
  out["ring"] = row("ring_degree");
  out["measured_latency_s"] = row("batch_latency_s");
  out["measured_j_per_item"] = row(video ? "energy_per_video_joules" : "energy_per_image_joules");
  return out;
}

PointsWriter::Row text_row(const NamedFields& row, const RunLengths& lengths) {
  PointsWriter::Row out;
  out["kind"] = "serving";
  out["task"] = row("task");
  out["stack"] = "vllm_0_11";
  out["precision"] = row("weight_precision");
  out["tp"] = row("tensor_parallel");
  out["ep"] = row("expert_parallel");
  out["attention_dp"] = row("data_parallel");
  if (row("model_id") == "Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8") {
    out["tp"] = "1";
    out["attention_dp"] = out["ep"] = row("num_gpus");
  }
  out["max_num_seqs"] = row("max_num_seqs");
  out["n_requests"] = lengths.of(row);
  out["osl"] = row("avg_output_len");
  out["measured_tok_s"] = row("output_throughput_tokens_per_sec");
  out["measured_itl_ms"] = row("median_itl_ms");
  out["measured_gpu_w"] = row("avg_power_watts");
  out["measured_j_per_token"] = row("energy_per_token_joules");
  return out;
}

}  // namespace

Converted convert_mlenergy_v3(const std::vector<std::string>& files) {
  RunLengths lengths;
  for (const auto& file : files) {
    NamedFields runs(file);
    if (!runs.has("num_requests")) continue;
    runs.require({"task", "model", "gpu", "num_gpus", "max_num_seqs"});
    while (runs.next())
      lengths.runs[{runs("task"), runs("model"), runs("max_num_seqs")}].push_back(
          {runs("gpu"), runs("num_gpus"), runs("num_requests")});
  }
  PointsWriter writer;
  for (const auto& file : files) {
    NamedFields row(file);
    if (row.has("num_requests")) continue;
    row.require({"task", "model_id", "gpu_model", "num_gpus"});
    while (row.next()) {
      const std::string task = row("task");
      const bool image = task == "text-to-image", video = task == "text-to-video";
      PointsWriter::Row out = image || video ? item_row(row, video) : text_row(row, lengths);
      out["id"] = fmt::format("{}:{}", task, row.line());
      out["model"] = row("model_id");
      out["gpu"] = row("gpu_model");
      out["n_gpus"] = row("num_gpus");
      if (task_named(task) && task_named(task)->multimodal)
        out["group"] = fmt::format("serving {} images and videos", row("gpu_model"));
      writer.add(std::move(out));
    }
  }
  return writer.finish();
}

Converted convert_mlenergy_v2(const std::vector<std::string>& files) {
  PointsWriter writer;
  for (const auto& file : files) {
    NamedFields row(file);
    row.require({"category", "Model", "GPU", "TP", "PP", "Energy/req (J)", "Avg Output Tokens"});
    while (row.next()) {
      const std::string category = row("category");
      PointsWriter::Row out;
      out["id"] = fmt::format("{}:{}", category, row.line());
      out["model"] = row("Model");
      out["gpu"] = row("GPU");
      if (category.starts_with("diffusion/")) {
        const bool image = category.ends_with("to-image");
        out["kind"] = image ? "image" : "video";
        out["batch"] = row("Batch size");
        out["steps"] = row("Denoising steps");
        out["frames"] = row("Frames");
        out["measured_latency_s"] = row("Batch latency (s)");
        out["measured_j_per_item"] = row(image ? "Energy/image (J)" : "Energy/video (J)");
        writer.add(std::move(out));
        continue;
      }
      if (category.starts_with("mllm")) {
        writer.leave_out("images in the prompt, whose lengths are not given");
        continue;
      }
      const double tp = row.number("TP"), pp = row.number("PP");
      const double tokens = row.number("Avg Output Tokens");
      out["kind"] = "serving";
      out["stack"] = "vllm 0.5";  // of its time
      out["n_gpus"] = fmt::format("{:g}", tp * pp);
      out["tp"] = fmt::format("{:g}", tp);
      out["pp"] = fmt::format("{:g}", pp);
      out["precision"] = "bf16";
      out["max_num_seqs"] = row("Max BS (reqs)");
      out["osl"] = row("Avg Output Tokens");
      out["isl"] = category.ends_with("/chat") ? "219" : "525";
      out["osl_cv"] = "1";
      out["measured_tok_s"] = row("Token tput (tok/s)");
      if (row.number("Avg TPOT (s)") > 0)
        out["measured_tpot_ms"] = fmt::format("{:.6g}", 1e3 * row.number("Avg TPOT (s)"));
      if (tokens > 0)
        out["measured_j_per_token"] = fmt::format("{:.6g}", row.number("Energy/req (J)") / tokens);
      writer.add(std::move(out));
    }
  }
  return writer.finish();
}

}  // namespace mw::analysis
