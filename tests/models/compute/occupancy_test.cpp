#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/compute/catalog_file.hpp"
#include "models/compute/law_value.hpp"
#include "models/compute/occupancy.hpp"
#include "models/compute/step_law.hpp"
#include "sim/random.hpp"

using namespace mw;
using namespace mw::models;
using mw::test::read_catalog;

namespace {

/// E[max] of `balls` balls that fall into `bins` bins by chance, exactly: the maximum is at most c
/// in as many of the bins^balls ways as the coefficient of x^balls / balls! in
/// (sum over j up to c of x^j / j!)^bins says.
double exact_maximum(int balls, int bins) {
  const auto at_most = [&](int c) {
    std::vector<double> series(static_cast<std::size_t>(balls) + 1, 0.0);
    series[0] = 1;
    for (int bin = 0; bin < bins; ++bin) {
      std::vector<double> next(series.size(), 0.0);
      for (int have = 0; have <= balls; ++have) {
        double term = series[static_cast<std::size_t>(have)];
        for (int more = 0; more <= c && have + more <= balls; ++more) {
          if (more > 0) term /= more;
          next[static_cast<std::size_t>(have + more)] += term;
        }
      }
      series = next;
    }
    double ways = series.back();
    for (int i = 1; i <= balls; ++i) ways *= double(i) / bins;
    return ways;
  };
  double sum = 0;
  for (int c = 0; c < balls; ++c) sum += 1 - at_most(c);
  return sum;
}

StepLaw law_of(const char* stack, int ranks, const char* llm = "minimax_m2_5") {
  ReplicaShape shape{.gpus = ranks, .tp = 1, .ep = ranks, .attention_dp = ranks};
  shape.weights = Precision::fp8;
  return StepLaw(read_catalog<GpuParameters>("b200"), read_catalog<LlmParameters>(llm),
                 read_catalog<StackParameters>(stack), shape);
}

RankWait wait_of(const StepLinear& lin, const StepLoad& load) {
  const double pairs = static_cast<double>(load.prefill_pairs);
  return rank_wait(lin, 1, load, lin.kv_full_time * static_cast<double>(load.kv_tokens),
                   lin.pair_full_time * pairs);
}

}  // namespace

TEST_CASE("the fullest of several ranks: close to the exact expectation, between its bounds") {
  CHECK(exact_maximum(2, 2) == doctest::Approx(1.5));       // side by side or together, each 1/2
  CHECK(exact_maximum(2, 8) == doctest::Approx(9.0 / 8));   // together in 1 of 8
  CHECK(exact_maximum(3, 3) == doctest::Approx(17.0 / 9));  // 27 ways: 6 of 1, 18 of 2, 3 of 3
  double worst = 0;
  for (const int ranks : {2, 4, 8, 16, 32}) {
    double before = 2;
    for (const int prompts : {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128}) {
      const double share = fullest_share(prompts, ranks, expected_maximum(ranks));
      CHECK(share <= before + 1e-12);  // more prompts spread better
      CHECK(share >= 1.0 / ranks);
      CHECK(share * prompts >= 1);
      before = share;
      const double exact = exact_maximum(prompts, ranks);
      worst = std::max(worst, std::fabs(share * prompts / exact - 1));
    }
    CHECK(fullest_share(1, ranks, expected_maximum(ranks)) == 1);
  }
  MESSAGE("furthest from the exact expected maximum: " << 100 * worst << " %");
  CHECK(worst < 0.25);  // many ranks, fewer prompts than ranks
}

// Sequences are dealt to ranks one after the other, their contexts drawn with a standard deviation
// of 0.4 of the mean, evenly or lognormally: the fullest rank's share of all contexts, over many
// deals.
TEST_CASE("the rank with most context: the closed form against dealt sequences") {
  double worst_few = 0, worst = 0;
  for (const int ranks : {2, 4, 8, 32}) {
    StepLinear lin;
    lin.ranks = ranks;
    lin.crowding = expected_maximum(ranks);
    lin.context_spread = 0.4 * lin.crowding;
    CHECK(fullest_contexts(lin, 1) == doctest::Approx(ranks));  // alone: on one rank, as it is
    for (const int decodes : {3, ranks - 1, ranks, ranks + 1, 2 * ranks + 1, 4 * ranks + ranks / 2,
                              8 * ranks, 32 * ranks + 1}) {
      if (decodes < 2) continue;
      for (const bool even : {true, false}) {
        const int deals = std::clamp(20000 / decodes, 40, 1000);
        double sum = 0;
        std::uint64_t index = 0;
        for (int deal = 0; deal < deals; ++deal) {
          std::vector<double> held(static_cast<std::size_t>(ranks), 0.0);
          double all = 0;
          for (int i = 0; i < decodes; ++i) {
            const sim::Bits draw = sim::bits({7, 1, 2}, index++);
            const double u = sim::unit_interval(draw.first), v = sim::unit_interval(draw.second);
            const double normal = std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
            const double s2 = std::log(1 + 0.4 * 0.4);
            const double context = even ? 1 + 0.4 * std::sqrt(3.0) * (2 * u - 1)
                                        : std::exp(std::sqrt(s2) * normal - s2 / 2);
            held[static_cast<std::size_t>(i % ranks)] += context;
            all += context;
          }
          sum += *std::max_element(held.begin(), held.end()) / all * ranks;
        }
        const double off = std::fabs(fullest_contexts(lin, decodes) / (sum / deals) - 1);
        CAPTURE(ranks);
        CAPTURE(decodes);
        double& most = decodes < 4 * ranks ? worst_few : worst;
        most = std::max(most, off);
      }
    }
  }
  MESSAGE("furthest from the deals: " << 100 * worst_few << " % below four sequences a rank, "
                                      << 100 * worst << " % from there on");
  CHECK(worst_few < 0.27);  // three sequences on 32 ranks
  CHECK(worst < 0.05);
}

TEST_CASE("ranks in lock-step: nothing waits without experts, alone, or with equal work") {
  const StepLoad load{.decodes = 63,
                      .prefill_tokens = 1000,
                      .sampled = 64,
                      .kv_tokens = 63 * 2000,
                      .prefill_pairs = 500000};
  CHECK(wait_of(law_of("vllm_0_19", 1).linear(), load).sum() == 0);
  CHECK(wait_of(law_of("vllm_0_19", 4, "llama_3_1_8b").linear(), load).sum() == 0);
  // Four ranks of equal counts whose contexts do not vary.
  StepLinear even = law_of("vllm_0_19", 4).linear();
  even.context_spread = 0;
  CHECK(wait_of(even, {.decodes = 64, .sampled = 64, .kv_tokens = 64 * 2000}).sum() ==
        doctest::Approx(0));
}

TEST_CASE("ranks in lock-step: the rank with a prompt, and the one with a sequence more") {
  const StepLinear lin = law_of("vllm_0_19", 4).linear();
  // A long prompt alone in the step lies on one rank: its arithmetic takes what it takes there,
  // where spread over four a quarter would do. Weights are read beside it, so little else counts.
  const StepLoad prompt{.prefill_tokens = 8000, .sampled = 1, .prefill_pairs = 32000000};
  const RankWait wait = wait_of(lin, prompt);
  const double arithmetic = 8000 * lin.rank_compute + 4 * 32e6 * lin.pair_full_time;
  CHECK(wait.compute < 0.75 * arithmetic);
  CHECK(wait.compute > 0.70 * arithmetic);
  CHECK(wait.memory == doctest::Approx(6000 * lin.rank_vector));
  CHECK(wait.link == doctest::Approx(6000 * lin.rank_send));
  // One sequence on four ranks: three read no cache, so reading takes four times its even share.
  const StepLoad one{.decodes = 1, .sampled = 1, .kv_tokens = 100000};
  CHECK(wait_of(lin, one).memory - 0.75 * lin.rank_vector ==
        doctest::Approx(3 * 100000 * lin.kv_full_time));
  // Held back until every rank has one, prompts wait for none.
  const RankWait evened = wait_of(law_of("trtllm_1", 4).linear(), prompt);
  CHECK(evened.sum() == doctest::Approx(0));
}

TEST_CASE("ranks in lock-step: shares account for the wait") {
  const StepLaw law = law_of("vllm_0_19", 4);
  const LevelLaw level = law.level(1);
  const StepLoad load{.decodes = 63,
                      .prefill_tokens = 1000,
                      .sampled = 64,
                      .kv_tokens = 63 * 2000,
                      .prefill_pairs = 500000};
  const StepLinear lin = law.linear();
  const StepValue value = law_value(law, lin, level, load);
  const StepShares shares = law.shares(load, level);
  CHECK(shares.time == doctest::Approx(value.time).epsilon(1e-9));
  CHECK(shares.energy == doctest::Approx(value.energy).epsilon(1e-9));
  // The prompt on one rank is slower than none waiting for it.
  StepLinear apart = lin;
  apart.ranks = 1;
  CHECK(value.time > 1.02 * law_value(law, apart, level, load).time);
}
