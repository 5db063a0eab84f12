#include <fmt/format.h>

#include "analysis/validate/convert_row.hpp"

// Wall power of MLPerf Inference (closed division, NVIDIA's TensorRT-LLM; results are not verified
// by MLCommons when used so): one server of eight GPUs, plateau of a 1 Hz meter. The layout is not
// in the table; one engine a GPU is taken, as the models fit. Prompt lengths are from memory of the
// data sets (OpenOrca, CNN/DailyMail), output lengths are tokens/s over samples/s. Limits of
// engines and GPUs are those of NVIDIA's own submissions, whose rates these runs have: v4.1
// closed/NVIDIA/configs/llama2-70b (mlcommons/inference_results_v4.1@a2f5d66), v5.1
// closed/NVIDIA/configs/B200-SXM-180GBx8 (as in ykamiset/inference_results_v5.1@e9ccad4).
namespace mw::analysis {

Converted convert_wall(const std::vector<std::string>& files) {
  PointsWriter writer;
  for (const auto& file : files) {
    NamedFields row(file);
    row.require({"system", "model", "scenario", "phase", "samples_1s", "plateau_W", "tokens_per_s",
                 "samples_per_s"});
    while (row.next()) {
      const std::string system = row("system"), model = row("model");
      if (row("phase") != "run_1") {
        writer.leave_out("ranging phase, not the measured run");
        continue;
      }
      if (!(row.number("samples_per_s") > 0)) {
        writer.leave_out("no rate of samples");
        continue;
      }
      PointsWriter::Row out;
      out["id"] = fmt::format("{} {} {} {}", row("round"), system, model, row("scenario"));
      out["kind"] = "wall";
      out["stack"] = "trtllm 1.0";
      out["model"] = model.substr(0, model.rfind("-99"));
      out["n_gpus"] = "8";
      out["tp"] = "1";
      out["kv"] = "fp8";
      if (system.find("B200") != std::string::npos) {
        out["gpu"] = "B200";
        out["precision"] = "nvfp4";
        const bool large = model.starts_with("llama2-70b");
        out["max_num_seqs"] = large ? "2048" : "6000";
        out["max_num_batched_tokens"] = large ? "3584" : "12000";
        out["rack"] =
            system.find("liquid") != std::string::npos ? "hgx_b200_liquid" : "hgx_b200_air";
      } else {
        out["gpu"] = "H200";
        out["precision"] = "fp8";
        out["rack"] = "hgx_h200_air";
        out["max_num_seqs"] = "806";
        out["cap"] = "500";  // Max-Q
      }
      out["isl"] = model.starts_with("llama2-70b") ? "294" : "778";
      out["osl"] = fmt::format("{:.1f}", row.number("tokens_per_s") / row.number("samples_per_s"));
      out["isl_cv"] = "0.6";
      out["osl_cv"] = "0.6";
      if (row("scenario") == "Server") {
        out["rate"] = row("samples_per_s");
        out["n_requests"] =
            fmt::format("{:.0f}", row.number("samples_1s") * row.number("samples_per_s"));
      }
      out["measured_tok_s"] = row("tokens_per_s");
      out["measured_wall_w"] = row("plateau_W");
      out["measured_j_per_token"] = row("J_per_token_wall_plateau");
      writer.add(std::move(out));
    }
  }
  return writer.finish();
}

}  // namespace mw::analysis
