#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "models/compute/catalog_file.hpp"
#include "models/compute/step_law.hpp"
#include "models/compute/step_table.hpp"
#include "models/compute/table.hpp"
#include "models/inference/engine.hpp"

// What a power limit does: the engine's choice of clock, on the law of every other iteration.
namespace {

using namespace mw::models;
using mw::test::mean;
using mw::test::read_catalog;

constexpr int levels = 100;

/// An iteration known only by measurement: one second and `watts` at the highest clock, with the
/// given share of arithmetic. What it draws above idle and busy power is energy per work, a tenth
/// of it off the core's supply (memory devices: HBM draws 10 to 15 % of such boards).
StepTable measured_work(const GpuParameters& gpu, double watts, double compute_share) {
  StepTable table;
  table.max_sequences = table.max_tokens = 1;
  const double idle = gpu.idle.value.value;
  const double ceiling = gpu.tdp.value.value * gpu.power_ceiling.value;
  const double asked = std::min(watts, ceiling);
  const double above = std::max(asked - idle, 0.0);
  const double busy = std::min(gpu.busy_share.value * gpu.tdp.value.value, above / 2);
  const double dynamic = above - busy;
  table.linear.idle_power = idle;
  table.linear.power_ceiling = ceiling;
  const double lowest = gpu.min_clock.value / gpu.max_clock.value;
  for (int i = 0; i < levels; ++i) {
    LevelLaw at;
    at.clock_ratio = 1 - (1 - lowest) * i / (levels - 1);
    at.stretch = 1 / at.clock_ratio;
    const double volts = core_voltage(gpu, at.clock_ratio) / gpu.max_voltage.value.value;
    at.core_scale = volts * volts;
    at.busy_power = busy * at.clock_ratio * at.core_scale;
    table.level_laws.push_back(at);
    table.token_time.push_back(0);
    table.token_time.push_back(1 - compute_share + compute_share * at.stretch);
    table.sampled_time.insert(table.sampled_time.end(), 2, 0);
  }
  table.token_core_energy = {0, 0.9 * dynamic};
  table.token_other_energy = {0, 0.1 * dynamic};
  table.sampled_core_energy = table.sampled_other_energy = {0, 0};
  table.decode_rows.resize(2 * levels);
  return table;
}

struct Response {
  double speed = 1, watts = 0;
};
Response at_limit(const StepTable& table, const StepLoad& load, double limit_w) {
  const int level = level_for_power(table, load, std::llround(limit_w * 1000));
  const StepValue free = step_value(table.view(), 0, load);
  const StepValue held = step_value(table.view(), level, load);
  return {free.time / held.time, held.energy / held.time};
}

}  // namespace

TEST_CASE("A limit costs little down to the knee of the voltage and much below it") {
  // Only arithmetic, power P = idle + (busy f + energy f) V^2 with f the clock ratio. Above the
  // knee V falls with f, so that power falls faster than speed; below it power falls in proportion
  // to speed at best, and idle power is paid for longer: energy per work must rise.
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const StepTable table = measured_work(gpu, 500, 1);
  const StepLoad load{.decodes = 1};
  const auto energy = [&](double f) {
    const auto at = std::lround((1 - f) * (levels - 1) / (1 - table.clock_ratio(levels - 1)));
    return step_value(table.view(), static_cast<int>(at), load).energy;
  };
  const double knee = gpu.knee_clock.value / gpu.max_clock.value;
  CHECK(energy(knee) < 0.85 * energy(1));
  CHECK(energy(0.5 * knee) > energy(knee));
  // No limit, no loss; and never more than the limit where some clock meets it.
  CHECK(at_limit(table, load, 700).speed == 1);
  for (double limit = 200; limit < 500; limit += 10) {
    CHECK(at_limit(table, load, limit).watts <= limit);
    CHECK(at_limit(table, load, limit).speed <= at_limit(table, load, limit + 10).speed);
  }
}

TEST_CASE("Zeus: training of six networks under power limits, V100 and A40") {
  // Time per epoch against the driver's power limit (Zeus, NSDI 2023; ml-energy/zeus@75a8b93). The
  // law has the clocks, voltages and idle powers of the catalog, and of the work only its power
  // without a limit and one share of arithmetic for all networks and both GPUs.
  const char* data = std::getenv("MILLWRIGHT_DATA");
  if (data == nullptr) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to check power limits against Zeus");
    return;
  }
  constexpr double compute_share = 0.7;
  for (const char* name : {"v100", "a40"}) {
    CAPTURE(std::string(name));
    const auto gpu = read_catalog<GpuParameters>(name);
    using Work = std::tuple<std::string, std::string, std::string, std::string>;
    std::map<Work, std::map<double, std::pair<double, double>>> sweeps;  // limit -> seconds, W
    for (const auto& r :
         mw::test::read_table(std::string(data) + "/training/zeus/summary_power_" + name + ".csv"))
      sweeps[{r.at("dataset"), r.at("network"), r.at("batch_size"), r.at("optimizer")}]
            [std::stod(r.at("power_limit"))] = {std::stod(r.at("time_per_epoch")),
                                                std::stod(r.at("average_power"))};
    REQUIRE(sweeps.size() > 40);
    std::vector<double> speed, power;
    for (const auto& [work, sweep] : sweeps) {
      const auto [free_seconds, free_watts] = sweep.rbegin()->second;
      const StepTable table = measured_work(gpu, free_watts, compute_share);
      for (const auto& [limit, point] : sweep) {
        if (limit == sweep.rbegin()->first) continue;
        const Response r = at_limit(table, {.decodes = 1}, limit);
        speed.push_back(std::fabs(r.speed / (free_seconds / point.first) - 1));
        power.push_back(std::fabs(r.watts / point.second - 1));
      }
    }
    MESSAGE(std::string(name) << ": " << speed.size() << " points, speed " << 100 * mean(speed)
                              << " %, power " << 100 * mean(power) << " %");
    CHECK(mean(speed) < 0.09);
    CHECK(mean(power) < 0.10);
  }
}

TEST_CASE("Half the power costs prompts a quarter of their speed and decoding next to nothing") {
  // Splitwise (ISCA 2024; Mutinifni/splitwise-sim@8f99e7d) plans H100 at half their rated power
  // with prompts 1.30 times as long and tokens as fast as before: the same factors for every row of
  // its table, so a rule and not a measurement of each. By the law: arithmetic fills the time of
  // prompts and takes most of the power, so the clock must fall; decoding at these batches reads
  // weights, and its power is nearer to the limit to begin with.
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const auto llm = read_catalog<LlmParameters>("llama_2_70b");
  const auto stack = read_catalog<StackParameters>("vllm_0_11");
  for (const int gpus : {4, 8}) {
    CAPTURE(gpus);
    ReplicaShape shape;
    shape.gpus = shape.tp = gpus;
    shape.weights = Precision::bf16;
    const StepTable table = build_step_table(gpu, llm, stack, shape, 64, 8192, 50);
    const double limit = 0.5 * gpus * gpu.tdp.value.value;
    for (const int prompt : {512, 2048, 8192}) {
      CAPTURE(prompt);
      const StepLoad prefill{.prefill_tokens = prompt,
                             .sampled = 1,
                             .prefill_pairs = std::int64_t{prompt} * prompt / 2};
      const StepLoad decode{.decodes = 16, .sampled = 16, .kv_tokens = 16 * prompt};
      const double slow = 1 / at_limit(table, prefill, limit).speed;
      const double kept = at_limit(table, decode, limit).speed;
      MESSAGE(gpus << " GPUs, prompt " << prompt << ": prompts x " << slow << ", decoding x "
                   << 1 / kept);
      CHECK(slow > 1.30 / 1.25);
      CHECK(slow < 1.30 * 1.25);
      CHECK(kept > 0.91);
      CHECK(kept > 1 / slow);
    }
  }
}
