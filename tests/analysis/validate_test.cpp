#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <string>

#include "analysis/calibrate/steady_predictor.hpp"
#include "analysis/command.hpp"
#include "analysis/validate/convert.hpp"
#include "analysis/validate/intervals.hpp"
#include "analysis/validate/point.hpp"
#include "analysis/validate/predict.hpp"
#include "analysis/validate/statistics.hpp"
#include "models/compute/step_cost.hpp"
#include "scenarios/reader.hpp"
#include "scenarios/serving.hpp"
#include "sim/input_error.hpp"
#include "support/scratch.hpp"

using namespace mw;
using namespace mw::analysis;

namespace {

const scenarios::Catalog& catalog() {
  static const scenarios::Catalog one;
  return one;
}
const scenarios::Names& names() {
  static const scenarios::Names one(catalog());
  return one;
}
PointFile read(const std::string& text) {
  return read_points_text("points.csv", text, catalog(), names());
}
std::vector<Prediction> predict(const std::vector<Point>& points, int threads = 1) {
  Entries entries(catalog());
  entries.read(points);
  return predict_serving(
      points, entries, threads, [] {}, [] { return false; });
}
std::string model_of(const char* written, std::optional<models::Precision> wanted = {}) {
  const auto found = names().model(written, wanted);
  return std::holds_alternative<scenarios::Unknown>(found)
             ? "?"
             : std::get<scenarios::Names::Model>(found).name;
}
std::string gpu_of(const char* written) {
  const auto found = names().gpu(written);
  return std::holds_alternative<scenarios::Unknown>(found) ? "?" : std::get<std::string>(found);
}
std::string stack_of(const char* written, bool at_once = false) {
  const auto found = names().stack(written, at_once);
  return std::holds_alternative<scenarios::Unknown>(found)
             ? "?"
             : std::get<scenarios::Names::Stack>(found).name;
}
void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}
std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const std::string head = "kind,model,gpu,n_gpus,tp,precision,stack,isl,osl,concurrency,n_requests";

}  // namespace

TEST_CASE("names as people write them") {
  CHECK(model_of("Qwen/Qwen3-32B") == "qwen3_32b");
  CHECK(model_of("qwen/QWEN3-32b") == "qwen3_32b");
  CHECK(model_of("RedHatAI/Qwen3-32B-FP8-dynamic") == "qwen3_32b");
  CHECK(model_of("meta-llama/Llama-3.1-8B") == "llama_3_1_8b");
  CHECK(model_of("meta-llama/Meta-Llama-3.1-8B-Instruct") == "llama_3_1_8b");
  CHECK(model_of("nvidia/DeepSeek-R1-0528-NVFP4") == "deepseek_r1_0528");
  CHECK(model_of("nvidia/DeepSeek-R1-FP4") == "deepseek_r1");
  CHECK(model_of("deepseek-ai/DeepSeek-V3-0324") == "deepseek_v3");
  CHECK(model_of("openai/gpt-oss-120b") == "gpt_oss_120b");
  CHECK(model_of("llama2-70b") == "llama_2_70b");
  // Where FP8 is meant, the FP8 checkpoint of the same release.
  CHECK(model_of("Qwen/Qwen3-235B-A22B") == "qwen3_235b_a22b");
  CHECK(model_of("Qwen/Qwen3-235B-A22B", models::Precision::fp8) == "qwen3_235b_a22b_fp8");
  CHECK(model_of("qwen3_235b_a22b_fp8") == "qwen3_235b_a22b_fp8");
  CHECK(model_of("acme/unheard-of-9b") == "?");
  CHECK(model_of("") == "?");

  CHECK(gpu_of("H100") == "h100_sxm");
  CHECK(gpu_of("NVIDIA H100 80GB HBM3") == "h100_sxm");
  CHECK(gpu_of("h100_sxm") == "h100_sxm");
  CHECK(gpu_of("8xH100") == "h100_sxm");
  CHECK(gpu_of("NVIDIA B200-SXM-180GB") == "b200");
  CHECK(gpu_of("GB200 NVL72") == "gb200");
  CHECK(gpu_of("A100-SXM4-40GB") == "a100_40gb");
  CHECK(gpu_of("NVIDIA GeForce RTX 4090") == "rtx_4090");
  CHECK(gpu_of("NVIDIA RTX PRO 6000 Blackwell Server Edition") == "rtx_pro_6000");
  // Other parts of the same family are not taken for it.
  CHECK(gpu_of("H100 PCIe") == "?");
  CHECK(gpu_of("NVIDIA H100-NVL-94GB") == "?");
  CHECK(gpu_of("NVIDIA GH200 Grace Hopper Superchip 144GB") == "?");
  CHECK(gpu_of("H20") == "?");

  CHECK(stack_of("vllm 0.11.0") == "vllm_0_11");
  CHECK(stack_of("vllm/vllm-openai:v0.17.0-cu130") == "vllm_0_19");
  CHECK(stack_of("vllm", true) == "vllm_0_11");
  CHECK(stack_of("vLLM", false) == "vllm_0_19");
  CHECK(stack_of("TensorRT-LLM 1.2.0rc6") == "trtllm_1");
  CHECK(stack_of("trtllm_1") == "trtllm_1");
  CHECK(stack_of("llama.cpp") == "?");
}

TEST_CASE("every alias names an entry, and every language model has one") {
  for (const auto& name : catalog().list("llms")) CHECK(model_of(name.c_str()) == name);
  for (const auto& name : catalog().list("gpus")) CHECK(gpu_of(name.c_str()) == name);
  for (const auto& name : catalog().list("stacks")) CHECK(stack_of(name.c_str()) == name);
}

TEST_CASE("a row that cannot be read does not stop the others, and says where it is wrong") {
  const PointFile file = read(head + ",shade\n" +
                              "serving,Qwen/Qwen3-8B,H100,1,1,bf16,vllm,256,64,4,8,red\n"
                              "serving,Qwen/Qwen3-9B,H100,1,1,bf16,vllm,256,64,4,8,red\n"
                              "train,Qwen/Qwen3-8B,H100,1,1,bf16,vllm,256,64,4,8,red\n"
                              "serving,Qwen/Qwen3-8B,H100,1,1,bf16,vllm,few,64,-4,8,red\n"
                              "serving,too,few\n"
                              "serving,Qwen/Qwen3-8B,H100,6,4,bf16,vllm,256,64,4,8,red\n"
                              "serving,Qwen/Qwen3-8B,H100,,,,,,,,,\n");
  CHECK(file.rows == 7);
  REQUIRE(file.points.size() == 2);
  REQUIRE(file.problems.size() == 6);
  const auto says = [&](std::size_t i, const char* text) {
    CHECK_MESSAGE(std::string(file.problems[i].what()).find(text) != std::string::npos,
                  file.problems[i].what());
  };
  says(0, "points.csv:3:9: column \"model\": there is no model `Qwen/Qwen3-9B`");
  says(1, "column \"stack\": `vllm` is no training software");
  says(2, "points.csv:4: global_batch: is blank");
  says(3, "points.csv:5:49: column \"concurrency\": `-4` is out of range");
  says(4, "points.csv:6: the record has 3 fields");
  says(5, "points.csv:7:28: column \"n_gpus\": 6 GPUs cannot be split into engines of 4");
  REQUIRE(file.warnings.size() == 1);
  CHECK(file.warnings[0].find("`shade`") != std::string::npos);

  // All but kind, model and gpu may be blank.
  const Point& blank = file.points[1];
  CHECK(blank.n_gpus == 1);
  CHECK(blank.isl == 1024);
  CHECK(blank.pattern == Pattern::at_once);
  CHECK(blank.stack == "vllm_0_11");
  CHECK(!file.defaults.empty());
}

TEST_CASE("layouts as tables write them") {
  const auto one = [](const std::string& fields) {
    const PointFile file =
        read("kind,model,gpu,n_gpus,tp,ep,attention_dp,concurrency\nserving," + fields + "\n");
    REQUIRE_MESSAGE(file.points.size() == 1, fields);
    return file.points[0];
  };
  // ML.ENERGY: experts alone are said to be spread; attention is cut over the same GPUs.
  const Point spread = one("openai/gpt-oss-120b,H100,4,1,4,1,");
  CHECK(spread.tp == 4);
  CHECK(spread.replicas == 1);
  // InferenceX: tp counts the GPUs of an engine with data-parallel attention.
  const Point ranks = one("deepseek-ai/DeepSeek-R1,B200,8,8,8,8,64");
  CHECK(ranks.tp == 1);
  CHECK(ranks.attention_dp == 8);
  CHECK(ranks.replicas == 1);
  // More GPUs than an engine has: several engines.
  const Point many = one("meta-llama/Llama-3.1-8B,B200,8,1,,,64");
  CHECK(many.replicas == 8);
}

TEST_CASE("any bytes as a points file: problems, never a crash") {
  const std::string good = head + "\nserving,Qwen/Qwen3-8B,H100,1,1,bf16,vllm,256,64,4,8\n";
  const auto survives = [](const std::string& text) {
    try {
      const PointFile file = read(text);
      return file.points.size() <= file.rows;
    } catch (const sim::InputError&) {
      return true;
    }
  };
  CHECK(rc::check("random bytes", [&](const std::string& text) { return survives(text); }));
  CHECK(rc::check("a good file with a few bytes changed", [&] {
    std::string text = good;
    const auto changes = *rc::gen::inRange(1, 6);
    for (int i = 0; i < changes; ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
      text[at] = static_cast<char>(*rc::gen::inRange(0, 256));
    }
    return survives(text);
  }));
}

TEST_CASE("one user, one request: first token and token time are those of the step table") {
  // A prompt of 256 is one iteration; each of the 63 tokens after the first is one more, with the
  // context growing by one. So TTFT = c(prefill), TPOT = mean of c(decode at 256 + i), and the
  // throughput is 64 tokens over their sum.
  PointFile file = read(head + "\nserving,Qwen/Qwen3-8B,H100,1,1,bf16,vllm,256,64,1,1\n");
  REQUIRE(file.points.size() == 1);
  file.points[0].shortest = 1;
  Entries entries(catalog());
  entries.read(file.points);
  const Point& point = file.points[0];
  const auto& gpu = entries.gpus.at(point.gpu);
  const auto service = service_of(point, entries);
  sim::Problems problems;
  const auto plan = scenarios::plan_serving(service, gpu, entries.link_domain(point.gpu), problems);
  REQUIRE(problems.items.empty());
  const auto table = scenarios::serving_table(service, gpu, plan);
  const auto cost = [&](const models::StepLoad& load) {
    return models::step_cost(table->view(), 0, load);
  };
  const auto first = cost({.prefill_tokens = 256, .sampled = 1, .prefill_pairs = 256 * 256 / 2});
  double rest_s = 0, joules = 1e-9 * double(first.energy_nj);
  for (int i = 0; i < 63; ++i) {
    const auto step = cost({.decodes = 1, .sampled = 1, .kv_tokens = 256 + i + 1});
    rest_s += 1e-12 * double(step.time_ps);
    joules += 1e-9 * double(step.energy_nj);
  }
  const double first_s = 1e-12 * double(first.time_ps);
  // A client also waits on the way there and back.
  const double way_s = entries.stacks.at(point.stack).request_latency.value.value;
  const Prediction p = predict(file.points)[0];
  CHECK(*p.predicted[Figure::ttft_ms] == doctest::Approx(1e3 * (way_s + first_s)).epsilon(1e-6));
  CHECK(*p.predicted[Figure::tpot_ms] == doctest::Approx(1e3 * rest_s / 63).epsilon(1e-6));
  CHECK(*p.predicted[Figure::tok_s] == doctest::Approx(64 / (first_s + rest_s)).epsilon(1e-6));
  CHECK(*p.predicted[Figure::gpu_w] == doctest::Approx(joules / (first_s + rest_s)).epsilon(1e-6));
  CHECK(*p.predicted[Figure::j_per_token] == doctest::Approx(joules / 64).epsilon(1e-6));
}

TEST_CASE("prompts alone and answers of one length: all users stay in step") {
  // Four users ask together; their 4 x 256 prompt tokens are one iteration, and no decode goes on
  // beside it. So all answers end in one iteration, and the next round is like the first: each
  // waits for the pass of all four prompts.
  PointFile file =
      read(head + ",shortest\nserving,Qwen/Qwen3-8B,H100,1,1,bf16,sglang,256,64,4,40,1\n");
  REQUIRE(file.points.size() == 1);
  Entries entries(catalog());
  entries.read(file.points);
  const Point& point = file.points[0];
  const auto& gpu = entries.gpus.at(point.gpu);
  const auto service = service_of(point, entries);
  sim::Problems problems;
  const auto plan = scenarios::plan_serving(service, gpu, entries.link_domain(point.gpu), problems);
  const auto table = scenarios::serving_table(service, gpu, plan);
  const double pass_s =
      1e-12 *
      double(models::step_cost(
                 table->view(), 0,
                 {.prefill_tokens = 4 * 256, .sampled = 4, .prefill_pairs = 4 * 256 * 256 / 2})
                 .time_ps);
  const double way_s = entries.stacks.at(point.stack).request_latency.value.value;
  const Prediction p = predict(file.points)[0];
  CHECK(p.run.ttft_mean_s == doctest::Approx(way_s + pass_s).epsilon(1e-6));
  CHECK(p.run.ttft_median_s == doctest::Approx(way_s + pass_s).epsilon(1e-6));

  // A run of its own wait: added to each first token, whatever the stack says.
  file.points[0].request_latency_s = way_s + 1;
  CHECK(predict(file.points)[0].run.ttft_mean_s ==
        doctest::Approx(way_s + 1 + pass_s).epsilon(1e-6));
}

TEST_CASE("launches of latent attention bound a short prompt, not a long one") {
  // 61 layers of 2.3 ms beside the pass, by the fourth-power norm: t = (pass^4 + 0.14^4)^(1/4).
  const std::string row = "serving,deepseek-ai/DeepSeek-R1,B200,8,8,fp8,trtllm,";
  const PointFile file =
      read(head + ",shortest\n" + row + "256,8,1,1,1\n" + row + "32768,8,1,1,1\n");
  REQUIRE(file.points.size() == 2);
  const auto p = predict(file.points);
  const auto stack = scenarios::read_entry<models::StackParameters>(catalog(), "trtllm_1");
  const double launches = 61 * stack.latent_prompt_launch.value.value;
  const double latency = stack.request_latency.value.value;
  CHECK(p[0].run.ttft_mean_s > latency + launches);
  CHECK(p[0].run.ttft_mean_s < latency + 1.2 * launches);
  // Four passes of a chunk each, long beside the launches of one.
  CHECK(p[1].run.ttft_mean_s > latency + 4 * launches);
}

TEST_CASE("all at once: while the batch is full, its size over the iteration is the throughput") {
  const PointFile file = read(
      "kind,model,gpu,stack,max_num_seqs,n_requests,isl,osl\n"
      "serving,Qwen/Qwen3-8B,H100,vllm_0_11,64,640,200,400\n"
      "serving,Qwen/Qwen3-8B,H100,vllm_0_11,64,64,200,400\n");
  REQUIRE(file.points.size() == 2);
  const auto predictions = predict(file.points);
  const Prediction& p = predictions[0];
  CHECK(p.run.window == Window::batch_full);
  CHECK(p.run.completed == 640);
  CHECK(p.run.running == doctest::Approx(64).epsilon(0.01));
  // From 64 first tokens until 65 requests are left, all prompts of the first fill before it.
  CHECK(p.run.from_s > 0);
  CHECK(p.run.to_s < p.run.end_s);
  CHECK(p.run.decodes / p.run.iteration_s == doctest::Approx(p.run.tok_s).epsilon(0.01));
  CHECK(p.weak.empty());
  // Nobody ever waits: no steady state, and said so.
  CHECK(predictions[1].run.window == Window::most_run);
  CHECK(std::count(predictions[1].weak.begin(), predictions[1].weak.end(), "no steady state") == 1);
}

// The first batch of a long prompt is worked off while nobody's answer is long enough to end: that
// time belongs to no steady state. With prompts of 4,000 tokens and places for 64 it is a good part
// of the run, and a window that held it would show fewer running and more watts than the time after
// it.
TEST_CASE("all at once: the first fill of the batch is not counted") {
  const PointFile file = read(
      "kind,model,gpu,stack,max_num_seqs,n_requests,isl,osl,isl_cv,osl_cv,kv_blocks\n"
      "serving,Qwen/Qwen3-8B,H100,vllm_0_11,64,192,4000,200,0,0,100000\n");
  REQUIRE(file.points.size() == 1);
  const Prediction p = predict(file.points)[0];
  const auto& run = p.run;
  REQUIRE(run.window == Window::batch_full);
  // 64 prompts of 4,000 tokens in steps of 8,192 are 32 steps, each longer than a mean one after
  // it.
  CHECK(run.from_s > 32 * run.iteration_s);
  CHECK(run.running == doctest::Approx(64).epsilon(0.02));
}

// TensorRT-LLM's performance overview (docs/source/developer-guide/perf-overview.md at
// 03e27c7d5ff0): trtllm-bench sends all requests at once and divides their output tokens by the
// whole time, filling and emptying included, which long answers make most of. Nothing was fitted to
// these rows.
TEST_CASE("all at once, counted whole: DeepSeek with data-parallel attention on 4 B200") {
  const PointFile file = read(
      "kind,model,gpu,n_gpus,tp,ep,attention_dp,precision,kv,stack,isl,osl,n_requests,max_num_seqs,"
      "isl_cv,osl_cv,counted,measured_tok_s_gpu\n"
      "serving,deepseek-ai/"
      "DeepSeek-R1-0528,B200,4,1,4,4,nvfp4,fp8,trtllm_1,1024,1024,3000,8192,0,0,"
      "whole,6430\n"
      "serving,deepseek-ai/"
      "DeepSeek-R1-0528,B200,4,1,4,4,nvfp4,fp8,trtllm_1,1024,8192,1500,8192,0,0,"
      "whole,3862\n"
      "serving,deepseek-ai/"
      "DeepSeek-R1-0528,B200,4,1,4,4,nvfp4,fp8,trtllm_1,1024,32768,1000,8192,0,0,"
      "whole,1451\n"
      "serving,deepseek-ai/"
      "DeepSeek-R1-0528,B200,4,1,4,4,nvfp4,fp8,trtllm_1,8192,1024,1500,8192,0,0,"
      "whole,1168\n");
  REQUIRE(file.points.size() == 4);
  const auto predictions = predict(file.points);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& run = predictions[i].run;
    CHECK(run.window == Window::whole);
    CHECK(run.tok_s * run.end_s ==
          doctest::Approx(double(file.points[i].n_requests) * file.points[i].osl).epsilon(1e-3));
    const double ours = *predictions[i].predicted[Figure::tok_s_gpu];
    const double theirs = *file.points[i].measured[Figure::tok_s_gpu];
    MESSAGE(file.points[i].isl << " in, " << file.points[i].osl << " out: " << ours << " against "
                               << theirs << " tokens/s a GPU");
    CHECK(ours == doctest::Approx(theirs).epsilon(0.10));
  }
  const PointFile bad = read(
      "kind,model,gpu,concurrency,counted\n"
      "serving,Qwen/Qwen3-8B,H100,,half\n"
      "serving,Qwen/Qwen3-8B,H100,8,steady\n");
  REQUIRE(bad.problems.size() == 2);
  CHECK(std::string(bad.problems[0].what())
            .find("`half` is no part of a run; write steady or whole") != std::string::npos);
  CHECK(std::string(bad.problems[1].what())
            .find("`steady` goes with requests that come all at once") != std::string::npos);
}

TEST_CASE("prompts that are asked again are found in the engine's cache, as far as it holds them") {
  const std::string rows =
      "kind,model,gpu,stack,max_num_seqs,n_requests,isl,osl,isl_cv,osl_cv,kv_blocks,"
      "distinct_prompts\n"
      "serving,Qwen/Qwen3-8B,H100,vllm_0_11,16,400,800,100,0,0,20000,\n"
      "serving,Qwen/Qwen3-8B,H100,vllm_0_11,16,400,800,100,0,0,20000,100\n"
      "serving,Qwen/Qwen3-8B,H100,vllm_0_11,16,400,800,100,0,0,2000,100\n"
      "serving,nvidia/NVIDIA-Nemotron-Nano-9B-v2,H100,vllm_0_11,16,400,800,100,0,0,20000,100\n";
  const PointFile file = read(rows);
  REQUIRE(file.points.size() == 4);
  const auto p = predict(file.points);
  CHECK(p[0].run.cached_share == 0);
  // 49 of a prompt's 50 blocks lie before its last token; three of four passes find them.
  CHECK(p[1].run.cached_share == doctest::Approx(0.98 * 300 / 384).epsilon(0.05));
  CHECK(*p[1].predicted[Figure::tok_s] > 1.2 * *p[0].predicted[Figure::tok_s]);
  // 32,000 tokens hold 16 requests of 900 and 19 more, not the 84 between a prompt and its return.
  CHECK(p[2].run.cached_share == 0);
  CHECK(p[3].run.cached_share == 0);  // state-space layers: servers keep no such cache
  // The steady estimate says the same by its closed form.
  Entries entries(catalog());
  entries.read(file.points);
  const auto steady = SteadyPredictor(file.points, entries).predict();
  CHECK(steady[1].tok_s / steady[0].tok_s ==
        doctest::Approx(*p[1].predicted[Figure::tok_s] / *p[0].predicted[Figure::tok_s])
            .epsilon(0.1));
  CHECK(steady[2].tok_s == doctest::Approx(steady[0].tok_s).epsilon(0.01));
  // Users of a closed loop ask from one list too.
  const PointFile loop = read(
      "kind,model,gpu,stack,concurrency,n_requests,isl,osl,shortest,kv_blocks,distinct_prompts\n"
      "serving,Qwen/Qwen3-8B,H100,vllm_0_19,8,80,800,100,1,20000,20\n");
  REQUIRE(loop.points.size() == 1);
  CHECK(predict(loop.points)[0].run.cached_share == doctest::Approx(0.98 * 60 / 80).epsilon(0.02));
  const PointFile bad = read("kind,model,gpu,distinct_prompts\nserving,Qwen/Qwen3-8B,H100,0\n");
  REQUIRE(bad.problems.size() == 1);
  CHECK(std::string(bad.problems[0].what())
            .find("column \"distinct_prompts\": `0` is out of range") != std::string::npos);
}

TEST_CASE("a power limit slows a run and is kept") {
  const std::string row = "serving,Qwen/Qwen3-32B,H100,1,1,bf16,vllm_0_19,4096,64,16,64,";
  const PointFile file = read(head + ",cap\n" + row + "\n" + row + "400\n");
  REQUIRE(file.points.size() == 2);
  const auto p = predict(file.points);
  CHECK(*p[1].predicted[Figure::gpu_w] < 401);
  CHECK(*p[0].predicted[Figure::gpu_w] > 500);
  CHECK(*p[1].predicted[Figure::tok_s] < *p[0].predicted[Figure::tok_s]);
  CHECK(p[1].shares.bound == models::Bound::power);
}

TEST_CASE("a point's figures do not depend on its neighbours or on threads") {
  // The two rows share a step table of 512 sequences; alone the first has one of 32.
  const std::string columns = "kind,model,gpu,n_gpus,stack,max_num_seqs,n_requests,isl,osl\n";
  const std::string small = "serving,openai/gpt-oss-20b,H100,1,vllm_0_11,32,128,200,300\n";
  const std::string large = "serving,openai/gpt-oss-20b,H100,1,vllm_0_11,512,1024,200,300\n";
  const PointFile alone = read(columns + small);
  const PointFile both = read(columns + small + large);
  const auto a = predict(alone.points, 1), b = predict(both.points, 2);
  for (std::size_t f = 0; f < figure_count; ++f)
    CHECK(a[0].predicted.values[f] == b[0].predicted.values[f]);
}

TEST_CASE("errors are summed up as they say") {
  const ErrorSummary e = summarise({0.1, -0.2, 0.3, -0.4});
  CHECK(e.rows == 4);
  CHECK(e.mape == doctest::Approx(0.25));
  CHECK(e.median == doctest::Approx(0.25));
  CHECK(e.p90 == doctest::Approx(0.4));
  CHECK(e.bias == doctest::Approx(-0.05));
}

TEST_CASE("a bar is missed by the median of a group, of its clean rows if some are weak") {
  GroupError all{"serving b200 vllm", "", false, Figure::ttft_ms, {}, {}};
  all.model.rows = 10;
  all.model.median = 0.30;
  GroupError clean = all;
  clean.clean = true;
  clean.model.median = 0.20;
  GroupError family = all;
  family.family = "llama_3";
  const std::vector<Bar> bars = {bar_of("ttft_ms=25")};
  CHECK(missed_bars({all, family}, bars).size() == 1);
  CHECK(missed_bars({all, clean, family}, bars).empty());
  CHECK(missed_bars({all, clean}, {bar_of("ttft_ms=19.5")}).size() == 1);
  CHECK(missed_bars({all}, {bar_of("tpot_ms=1")}).empty());
  for (const char* wrong : {"ttft_ms", "ttft_ms=", "ttft_ms=-3", "ttft=25", "ttft_ms=5 %"})
    CHECK_THROWS_AS(bar_of(wrong), sim::InputError);
}

TEST_CASE("silicon rows carry the settings of their servers, and say which do not repeat") {
  const test::Scratch scratch;
  const auto table = scratch / "silicon.csv";
  const std::string row = "sglang,0.5.9,deepseek-ai/DeepSeek-R1,b200_sxm,agg,1024,1024,nvfp4,32,8,";
  write(table,
        "id,silicon_data_source,backend,backend_version,model_path,system,mode,isl,osl,"
        "gemm_quant_mode,batch_size,tp_size,silicon_ttft_ms,silicon_tpot_ms\n"
        "a,silicon_concurrency=32;," +
            row + "500,15\n" + "b,silicon_concurrency=32;," + row + "1600,16\n");
  const Converted converted = convert("aic_silicon", {table.string()});
  const PointFile file = read(converted.csv);
  REQUIRE(file.points.size() == 2);
  CHECK(file.points[0].admission_interval == 30);
  CHECK(file.points[0].max_num_batched_tokens == 16384);
  CHECK(file.points[0].weak.empty());
  CHECK(file.points[1].weak == "first tokens came three times as soon in another run");
}

TEST_CASE("intervals hold nine in ten of the residuals they were made from") {
  // Measured over predicted is k/100 for k = 60 ... 159: low and high are the 5th and 95th.
  std::vector<Point> points;
  std::vector<Prediction> predictions;
  for (int k = 60; k < 160; ++k) {
    Point p;
    p.gpu = "h100_sxm";
    p.stack = "vllm_0_19";
    p.measured[Figure::tok_s] = k;
    Prediction q;
    q.predicted[Figure::tok_s] = 100;
    points.push_back(p);
    predictions.push_back(q);
  }
  const Intervals intervals(Residuals{"", residuals_of(points, predictions)});
  int inside = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto one = intervals.of(points[i], predictions[i], Figure::tok_s);
    REQUIRE(one);
    CHECK(!one->extrapolated);
    inside += *points[i].measured[Figure::tok_s] >= one->low &&
              *points[i].measured[Figure::tok_s] <= one->high;
  }
  CHECK(inside >= 90);
  CHECK(inside <= 92);
  // On a GPU that no row knows: wider, and said so.
  points[0].gpu = "b200";
  const auto known = intervals.of(points[1], predictions[1], Figure::tok_s);
  const auto wider = intervals.of(points[0], predictions[0], Figure::tok_s);
  REQUIRE(wider);
  CHECK(wider->extrapolated);
  CHECK(wider->low < known->low);
  CHECK(wider->high > known->high);
}

TEST_CASE("millwright validate: report, files and exit codes") {
  const test::Scratch scratch;
  const auto points = scratch / "points.csv";
  const auto json = scratch / "out.json", csv = scratch / "out.csv";
  const std::string columns = "kind,model,gpu,concurrency,n_requests,isl,osl,measured_tpot_ms\n";
  write(points, columns +
                    "serving,Qwen/Qwen3-8B,H100,8,32,256,128,7.5\n"
                    "serving,Qwen/Qwen3-8B,B200,8,32,256,128,\n");
  auto said = test::millwright(
      {"validate", points.string(), "-q", "--json", json.string(), "--csv", csv.string()});
  CHECK(said.code == 0);
  CHECK(said.out.find("2 of 2 rows predicted") != std::string::npos);
  CHECK(said.out.find("Where a column was blank") != std::string::npos);
  const auto all = nlohmann::json::parse(slurp(json));
  REQUIRE(all["rows"].size() == 2);
  CHECK(all["rows"][0]["prediction"]["tpot_ms"] > 1);
  CHECK(all["rows"][0]["error"].contains("tpot_ms"));
  CHECK(!all["rows"][1].contains("measured"));
  double shares = 0;
  for (const auto& share : all["rows"][0]["time_shares"]) shares += share.get<double>();
  CHECK(shares == doctest::Approx(1));
  const std::string lines = slurp(csv);
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 3);

  // One row too large for its GPU, one unknown: the other is still predicted, and the code is 2.
  write(points, columns +
                    "serving,Qwen/Qwen3-8B,H100,8,32,256,128,7.5\n"
                    "serving,meta-llama/Llama-3.1-405B-Instruct,H100,8,32,256,128,\n"
                    "serving,Qwen/Qwen3-8B,H101,8,32,256,128,\n");
  said = test::millwright({"validate", points.string(), "-q"});
  CHECK(said.code == 2);
  CHECK(said.out.find("1 of 3 rows predicted") != std::string::npos);
  CHECK(said.err.find("points.csv:3: ") != std::string::npos);
  CHECK(said.err.find("points.csv:4:23: column \"gpu\": there is no GPU `H101`") !=
        std::string::npos);

  // Bars: the exit code tells.
  write(points, columns + "serving,Qwen/Qwen3-8B,H100,8,32,256,128,7.5\n");
  CHECK(test::millwright({"validate", points.string(), "-q", "--bar", "tpot_ms=500"}).code == 0);
  said = test::millwright({"validate", points.string(), "-q", "--bar", "tpot_ms=0.001"});
  CHECK(said.code == 3);
  CHECK(said.err.find("serving h100_sxm vllm_0_19: tpot_ms is off by ") != std::string::npos);
  CHECK(test::millwright({"validate", points.string(), "--bar", "speed=1"}).code == 2);

  CHECK(test::millwright({"validate"}).code == 2);
  CHECK(test::millwright({"validate", (scratch / "none.csv").string()}).code == 2);
  CHECK(test::millwright({"validate", "--convert", "tea_leaves", points.string()}).code == 2);
  CHECK(test::millwright({"validate", "--convert", "mlenergy_v3", points.string()}).code == 2);
  CHECK(test::millwright({"validate", "--columns"}).out.find("measured_tpot_ms") !=
        std::string::npos);
}
