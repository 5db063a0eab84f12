#include "models/site/regime.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "models/compute/catalog_file.hpp"

namespace mw::models {
namespace {

using mw::test::read_catalog;

RegimeLaw llama_on_h100() {
  ReplicaShape shape;
  shape.weights = Precision::fp8;
  return {std::make_shared<const StepLaw>(read_catalog<GpuParameters>("h100_sxm"),
                                          read_catalog<LlmParameters>("llama_3_1_8b"),
                                          read_catalog<StackParameters>("vllm_0_19"), shape),
          8192};
}

/// `n` iterations of `decodes` sequences each, for requests of the given lengths.
PodCounts counted(std::int64_t n, std::int64_t decodes, std::int64_t prompt, std::int64_t output) {
  PodCounts c;
  c.iterations = n;
  c.output_tokens = n * decodes;
  c.completed = c.arrivals = c.output_tokens / output;
  c.completed_prompt_tokens = c.prompt_tokens = c.completed * prompt;
  c.completed_output_tokens = c.completed * output;
  return c;
}

double sum(const Regime& regime) {
  double all = 0;
  for (const double share : regime.time_shares) all += share;
  return all;
}

}  // namespace

TEST_CASE("Where nothing ran or no law is given there is no regime") {
  CHECK_FALSE(regime_of(llama_on_h100(), {}, 0));
  CHECK_FALSE(regime_of({}, counted(1000, 16, 100, 100), 0));
}

TEST_CASE("Long answers at a small batch wait for memory, long prompts for arithmetic") {
  // 8 billion weights in FP8 are 8 GB: 2.4 ms at 3.35 TB/s. One token a sequence needs 16 GFLOP, so
  // 16 of them 0.13 ms at 1979 TFLOP/s; 8192 prompt tokens need 66 ms.
  const auto decoding = regime_of(llama_on_h100(), counted(100'000, 16, 200, 1000), 0);
  REQUIRE(decoding);
  CHECK(decoding->bound == Bound::memory);
  CHECK(sum(*decoding) == doctest::Approx(1));
  const auto prompts = regime_of(llama_on_h100(), counted(10'000, 4, 8000, 8), 0);
  REQUIRE(prompts);
  CHECK(prompts->bound == Bound::compute);
  CHECK(sum(*prompts) == doctest::Approx(1));
  CHECK(prompts->share(Bound::memory) < decoding->share(Bound::memory));
  CHECK(decoding->share(Bound::power) == 0);
}

TEST_CASE("Time that the engines took beyond the law's full clock belongs to the power limit") {
  // Iterations that only decode, all alike: at the clock f they take T(f). Counted at T(0.6), the
  // share of power is 1 - T(1)/T(0.6), found without being told the clock.
  const RegimeLaw how = llama_on_h100();
  PodCounts c = counted(1000, 64, 500, 200);
  c.prompt_tokens = 0;
  StepLoad load;
  load.decodes = load.sampled = 64;
  load.kv_tokens = 64 * 600;
  const double full = how.law->shares(load, how.law->level(1)).time;
  const double slow = how.law->shares(load, how.law->level(0.6)).time;
  const double busy_s = slow * static_cast<double>(c.iterations);
  c.capped_iterations = 900;
  const auto regime = regime_of(how, c, busy_s);
  REQUIRE(regime);
  CHECK(regime->share(Bound::power) == doctest::Approx(1 - full / slow).epsilon(1e-6));
  CHECK(sum(*regime) == doctest::Approx(1));
  // The same time without a limit is not blamed on power.
  c.capped_iterations = 0;
  CHECK(regime_of(how, c, busy_s)->share(Bound::power) == 0);
}

}  // namespace mw::models
