#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "models/compute/catalog_file.hpp"
#include "models/compute/law_value.hpp"
#include "models/compute/step_table.hpp"
#include "models/compute/table.hpp"

// The power manager of a GPU lowers the clock until the average power fits. What that does to time
// and energy, in closed form and against kernels that were measured at the ceiling.
namespace {

using namespace mw::models;
using mw::test::median;
using mw::test::read_catalog;

constexpr double knee_ratio = 0.55, knee_volts = 0.7;

StepLinear part_of(double idle, double ceiling) {
  StepLinear lin;
  lin.idle_power = idle;
  lin.power_ceiling = ceiling;
  lin.knee_ratio = knee_ratio;
  lin.knee_volts = knee_volts;
  return lin;
}
double volts_at(double ratio) {
  return 1 - (1 - knee_volts) * (1 - ratio) / (1 - knee_ratio);
}

}  // namespace

// Arithmetic alone takes T / f at the clock ratio f and asks for p0 + E f V(f)^2 / T. At the
// ceiling c that is c, so f V^2 = (c - p0) T / E, and the iteration takes T / f and c T / f joules.
TEST_CASE("at the ceiling arithmetic slows down to the clock whose power it is") {
  const double idle = 100, seconds = 0.02, joules = 20;  // asks for 1100 W at the highest clock
  ClockedStep step;
  step.top_gpu = step.elastic = seconds;
  step.core = joules;
  for (const double ceiling : {500.0, 700.0, 900.0, 1099.0}) {
    double low = knee_ratio, high = 1;
    for (int i = 0; i < 60; ++i) {
      const double f = 0.5 * (low + high);
      (f * volts_at(f) * volts_at(f) < (ceiling - idle) * seconds / joules ? low : high) = f;
    }
    const StepValue held = held_at_ceiling(part_of(idle, ceiling), step);
    CHECK(held.time == doctest::Approx(seconds / low).epsilon(2e-4));
    CHECK(held.energy == doctest::Approx(ceiling * held.time).epsilon(1e-12));
    CHECK(held.gpu_time == held.time);
  }
}

// Memory does not wait for the core's clock: only the voltage falls, at no cost in time, down to
// the knee. Below it nothing more is saved. With energy E on the core's supply and 0 elsewhere:
// p0 + E V^2 / t = c as long as V is above the knee's; then E V_k^2 + p0 t = c t, so
// t = E V_k^2 / (c - p0).
TEST_CASE("at the ceiling memory gives up voltage first, and waits only below the knee") {
  const double idle = 100, seconds = 0.02, joules = 20;
  ClockedStep step;
  step.top_gpu = seconds;
  step.core = joules;
  const double at_knee = idle + joules * knee_volts * knee_volts / seconds;  // 590 W
  for (const double ceiling : {600.0, 800.0, 1000.0}) {
    const StepValue held = held_at_ceiling(part_of(idle, ceiling), step);
    CHECK(held.time == doctest::Approx(seconds).epsilon(1e-12));
    CHECK(held.energy == doctest::Approx(ceiling * seconds).epsilon(1e-12));
  }
  for (const double ceiling : {150.0, 300.0, at_knee}) {
    const StepValue held = held_at_ceiling(part_of(idle, ceiling), step);
    CHECK(held.time ==
          doctest::Approx(joules * knee_volts * knee_volts / (ceiling - idle)).epsilon(1e-12));
    CHECK(held.energy == doctest::Approx(ceiling * held.time).epsilon(1e-12));
  }
}

// Whatever the work: never above the ceiling, never faster than without it, untouched below it, and
// no jump where it begins to bind.
TEST_CASE("the ceiling costs time where it binds and nothing where it does not") {
  for (const char* name : {"h100_sxm", "b200"}) {
    GpuParameters gpu = read_catalog<GpuParameters>(name);
    const auto llm = read_catalog<LlmParameters>("qwen3_32b");
    const auto stack = read_catalog<StackParameters>("vllm_0_11");
    const ReplicaShape shape{.gpus = 2, .tp = 2};
    const double ceiling = 2 * gpu.power_ceiling.value * gpu.tdp.value.value;
    const StepTable held = build_step_table(gpu, llm, stack, shape, 512, 8192, 3);
    gpu.power_ceiling.value = 1e9;
    const StepTable free = build_step_table(gpu, llm, stack, shape, 512, 8192, 3);
    int bound = 0, unbound = 0;
    for (int level = 0; level < 3; ++level) {
      double last = 0, last_free = 0;
      for (std::int32_t prompt = 0; prompt <= 8000; prompt += 40) {
        const StepLoad load{.decodes = 64,
                            .prefill_tokens = prompt,
                            .sampled = 64,
                            .kv_tokens = 64 * 2000,
                            .prefill_pairs = prompt * 500LL};
        const StepValue a = step_value(held.view(), level, load);
        const StepValue b = step_value(free.view(), level, load);
        CHECK(a.energy / a.time <= ceiling * (1 + 1e-12));
        CHECK(a.time >= b.time);
        if (b.energy <= ceiling * b.time) {
          ++unbound;
          CHECK(a.time == b.time);
          CHECK(a.energy == b.energy);
        } else {
          ++bound;
          CHECK(a.energy < b.energy);
        }
        // Steps of 40 tokens: what the ceiling adds grows smoothly with them.
        if (prompt > 0) CHECK(a.time - last < 1.6 * (b.time - last_free) + 1e-6);
        last = a.time;
        last_free = b.time;
      }
    }
    CHECK(unbound > 100);
    if (std::string(name) == "h100_sxm") CHECK(bound > 20);
  }
}

TEST_CASE(
    "large matrix products of H200 and GB200 run at the power ceiling, about as fast as held") {
  // aiconfigurator's gemm tables with power (random numbers, large in all three sizes): the ceiling
  // is what they draw, and the law, at the highest clock nothing but its share of the data sheet,
  // must slow down to what they reach.
  const char* data = std::getenv("MILLWRIGHT_DATA");
  if (data == nullptr) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to a folder with inference/aic_kernels/");
    return;
  }
  const auto stack = read_catalog<StackParameters>("vllm_0_19");
  struct Case {
    const char *gpu, *file;
  };
  for (const Case& c : {Case{"h200", "h200_sxm__gemm__vllm_0.22.0.csv.gz"},
                        Case{"gb200", "gb200__gemm__vllm_0.22.0.csv.gz"}}) {
    const auto gpu = read_catalog<GpuParameters>(c.gpu);
    std::vector<double> rate, watts;
    for (const auto& r :
         mw::test::read_kernel_table(std::string(data) + "/inference/aic_kernels/" + c.file)) {
      const double m = std::stod(r.at("m")), n = std::stod(r.at("n")), k = std::stod(r.at("k"));
      if (r.at("gemm_dtype") != "bfloat16" || m < 2048 || n < 4096 || k < 4096) continue;
      rate.push_back(2e3 * m * n * k / std::stod(r.at("latency")));
      watts.push_back(std::stod(r.at("power")));
    }
    if (rate.empty()) {
      MESSAGE("SKIPPED: no " << std::string(c.file));
      continue;
    }
    const double tdp = gpu.tdp.value.value;
    const double full = gpu.bf16.value.value * gpu.compute_factor.value * stack.dense_compute.value;
    StepLinear lin = part_of(gpu.idle.value.value, gpu.power_ceiling.value * tdp);
    lin.knee_ratio = gpu.knee_clock.value / gpu.max_clock.value;
    lin.knee_volts = gpu.knee_voltage.value.value / gpu.max_voltage.value.value;
    ClockedStep second;  // of products at the highest clock
    second.top_gpu = second.elastic = 1;
    second.busy_power = gpu.busy_share.value * tdp;
    second.core = full * gpu.flop_energy.value.value;
    const double held = full / held_at_ceiling(lin, second).time;
    MESSAGE(std::string(c.gpu) << ": " << rate.size() << " products, median "
                               << median(rate) * 1e-12 << " TFLOP/s at " << median(watts)
                               << " W; law " << full * 1e-12 << " at the highest clock, "
                               << held * 1e-12 << " at the ceiling of " << lin.power_ceiling
                               << " W");
    CHECK(median(watts) == doctest::Approx(lin.power_ceiling).epsilon(0.02));
    CHECK(held < 0.9 * full);
    CHECK(held == doctest::Approx(median(rate)).epsilon(0.15));
  }
}
