#include "analysis/calibrate/server_log.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "models/compute/replica.hpp"
#include "scenarios/reader.hpp"
#include "support/scratch.hpp"

using namespace mw;
using namespace mw::analysis;
using namespace mw::models;

namespace {

struct Setup {
  const char *log, *llm, *gpu;
  int tp, dp;
  int max_num_seqs;  // of all ranks, as is the next
  int max_batched_tokens;
  std::int64_t kv_blocks;  // 0: what the memory holds
};

ReplayEngine engine_of(const Setup& s) {
  const scenarios::Catalog catalog;
  ReplicaShape shape;
  shape.tp = s.tp;
  shape.attention_dp = s.dp;
  shape.ep = s.dp;
  shape.gpus = s.tp * s.dp;
  ReplayEngine out;
  out.engine.max_num_seqs = s.max_num_seqs;
  out.engine.max_num_batched_tokens = s.max_batched_tokens;
  if (s.kv_blocks > 0) out.engine.kv_blocks = s.kv_blocks;
  out.table = std::make_shared<const StepTable>(
      build_step_table(scenarios::read_entry<GpuParameters>(catalog, s.gpu),
                       scenarios::read_entry<LlmParameters>(catalog, s.llm),
                       scenarios::read_entry<StackParameters>(catalog, "vllm_0_19_rtx"), shape,
                       s.max_num_seqs, s.max_batched_tokens, 1));
  return out;
}

double mean(const std::vector<LoggedRequest>& log, double (LoggedRequest::*of)() const) {
  double sum = 0;
  for (const auto& r : log) sum += (r.*of)();
  return sum / static_cast<double>(log.size());
}
double median(const std::vector<LoggedRequest>& log, double (LoggedRequest::*of)() const) {
  std::vector<double> values;
  for (const auto& r : log) values.push_back((r.*of)());
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

// One iteration of one request alone lasts T(prompt) with its prompt and t(context) after it. A
// second request that arrives while iteration 1 runs joins iteration 2 if the scheduler looks at
// the queue when iteration 1 ends, and iteration 3 if it planned 2 when 1 began.
TEST_CASE("a scheduler that plans ahead lets an arrival wait one iteration more") {
  ReplayEngine engine = engine_of({"", "llama_3_1_8b", "rtx_pro_6000", 1, 1, 8, 2048, 0});
  const auto step = [&](StepLoad load) {
    return 1e-12 * static_cast<double>(step_cost(engine.table->view(), 0, load).time_ps);
  };
  const double one = step({.prefill_tokens = 1000, .sampled = 1, .prefill_pairs = 500'000});
  const double two = step({.decodes = 1, .sampled = 1, .kv_tokens = 1001});
  const double with_second = step({.decodes = 1,
                                   .prefill_tokens = 600,
                                   .sampled = 2,
                                   .kv_tokens = 1001,
                                   .prefill_pairs = 180'000});
  const double with_second_later = step({.decodes = 1,
                                         .prefill_tokens = 600,
                                         .sampled = 2,
                                         .kv_tokens = 1002,
                                         .prefill_pairs = 180'000});
  const std::vector<LoggedRequest> log = {{.prompt = 1000, .output = 50},
                                          {.arrival = 0.5 * one, .prompt = 600, .output = 50},
                                          {.arrival = 0.6 * one, .prompt = 1, .output = 1}};
  engine.plans_ahead = false;
  const auto at_end = replay({log.begin(), log.begin() + 2}, engine);
  CHECK(at_end[0].first == doctest::Approx(one).epsilon(1e-9));
  CHECK(at_end[1].first == doctest::Approx(one + with_second).epsilon(1e-9));
  engine.plans_ahead = true;
  const auto ahead = replay({log.begin(), log.begin() + 2}, engine);
  CHECK(ahead[1].first == doctest::Approx(one + two + with_second_later).epsilon(1e-9));
  // A third that arrives in the same iteration waits no longer than the second.
  const auto three = replay(log, engine);
  CHECK(three[2].first == three[1].first);
}

TEST_CASE("a server's log: two clocks joined, requests in order, bad lines told") {
  const test::Scratch folder;
  const std::string path = (folder / "log.jsonl").string();
  std::ofstream(path)
      << R"({"input_toks": 7, "output_toks": 3, "arrival_time": 1000.5, "queued_ts": 10.75, "first_token_ts": 11.5, "last_token_ts": 12.5})"
      << "\n"
      << R"({"input_toks": 5, "output_toks": 1, "arrival_time": 1000.0, "queued_ts": 10.0, "first_token_ts": 10.5, "last_token_ts": 10.5})"
      << "\n";
  const auto log = read_server_log(path);
  REQUIRE(log.size() == 2);
  CHECK(log[0].arrival == 0);
  CHECK(log[0].ttft() == 0.5);
  CHECK(log[0].tpot() == 0);
  // Queued a quarter of a second later than the soonest: that wait is part of its 1.0 s.
  CHECK(log[1].arrival == 0.5);
  CHECK(log[1].ttft() == 1.0);
  CHECK(log[1].tpot() == 0.5);
  std::ofstream(path) << R"({"input_toks": 7})"
                      << "\n";
  CHECK_THROWS_AS(read_server_log(path), sim::InputError);
}

TEST_CASE("four logs of real servers, replayed") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  const std::string folder = std::string(data ? data : "") + "/inference/llmservingsim_vllm_ref/";
  const Setup setups[] = {
      // Its attention constants are fitted to this log.
      {"RTXPRO6000_Llama-3.1-8B", "llama_3_1_8b", "rtx_pro_6000", 1, 1, 128, 2048, 0},
      // Predicted but for the link between the cards, one constant for both.
      {"RTXPRO6000_Qwen3-32B", "qwen3_32b", "rtx_pro_6000", 2, 1, 128, 2048, 0},
      {"RTXPRO6000_Qwen3-30B-A3B-Instruct-2507", "qwen3_30b_a3b_instruct_2507", "rtx_pro_6000", 1,
       2, 256, 4096, 0},
      // Bandwidth and tensor rate of the part are fitted to this log; its KV blocks are as logged.
      {"RTX4090_Llama-3.1-8B", "llama_3_1_8b", "rtx_4090", 1, 1, 256, 2048, 2588}};
  for (const Setup& setup : setups) {
    const std::string path = folder + setup.log + ".requests.jsonl.gz";
    if (!data || !std::filesystem::exists(path)) {
      MESSAGE("SKIPPED: no inference/llmservingsim_vllm_ref/" << std::string(setup.log)
                                                              << " below MILLWRIGHT_DATA");
      continue;
    }
    const auto measured = read_server_log(path);
    const auto simulated = replay(measured, engine_of(setup));
    const auto error = [&](const auto& of, double (LoggedRequest::*what)() const) {
      return of(simulated, what) / of(measured, what) - 1;
    };
    const double tpot = error(mean, &LoggedRequest::tpot);
    const double ttft = error(mean, &LoggedRequest::ttft);
    MESSAGE(std::string(setup.log) << ": mean TPOT " << 100 * tpot << " %, mean TTFT " << 100 * ttft
                                   << " %; medians " << 100 * error(median, &LoggedRequest::tpot)
                                   << " %, " << 100 * error(median, &LoggedRequest::ttft) << " %");
    CHECK(measured.size() == 300);
    CHECK(std::fabs(tpot) < 0.05);
    CHECK(std::fabs(ttft) < 0.15);
  }
}
