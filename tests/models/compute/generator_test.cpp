#include "models/compute/generator.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "models/compute/catalog_file.hpp"
#include "models/compute/table.hpp"

using namespace mw::models;

namespace {

GpuParameters gpu_of_rate(double flops, double watts) {
  GpuParameters gpu;
  gpu.bf16.value.value = flops;
  gpu.tdp.value.value = watts;
  return gpu;
}

struct Two {
  GpuParameters slow = gpu_of_rate(1e15, 1000), fast = gpu_of_rate(4e15, 2000);
  GpuByName by_name() const {
    return [this](const std::string& name) {
      return name == "slow" ? &slow : name == "fast" ? &fast : nullptr;
    };
  }
};

GeneratorParameters drawer() {
  GeneratorParameters g;
  g.model = "drawer";
  g.size = {.width = 100, .height = 100, .frames = 1, .steps = 10};
  g.points = {
      {.gpu = "slow", .gpus = 1, .batch = 2, .latency = {10}, .energy = {3000}},
      {.gpu = "slow", .gpus = 1, .batch = 6, .latency = {26}, .energy = {2000}},
      {.gpu = "slow", .gpus = 4, .batch = 2, .ring = 4, .latency = {4}, .energy = {5000}},
      {.gpu = "slow", .gpus = 4, .batch = 2, .ulysses = 4, .latency = {3}, .energy = {4000}},
  };
  return g;
}

GeneratorEstimate estimate(const GeneratorParameters& g, const GeneratorRun& run) {
  static const Two gpus;
  std::string why;
  const auto e = estimate_generator(g, run, gpus.by_name(), why);
  REQUIRE_MESSAGE(e, why);
  CHECK(e->power * e->latency == doctest::Approx(e->energy * run.batch));
  CHECK(e->rate * e->latency == doctest::Approx(run.batch));
  return *e;
}

}  // namespace

TEST_CASE("A measured run is given back as it was measured") {
  const auto e = estimate(drawer(), {.gpu = "slow", .batch = 6});
  CHECK(e.latency == 26);
  CHECK(e.energy == 2000);
  CHECK(e.power == doctest::Approx(6 * 2000 / 26.0));
  CHECK(e.basis == GeneratorBasis::measured);
  CHECK(e.note.empty());
  // Of two layouts the faster, unless one is asked for.
  CHECK(estimate(drawer(), {.gpu = "slow", .gpus = 4, .batch = 2}).latency == 3);
  CHECK(estimate(drawer(), {.gpu = "slow", .gpus = 4, .batch = 2, .ring = 4}).latency == 4);
}

// A batch is a fixed part and a part for each item, in time and in energy: on the line through two
// measured batches, batch 4 of 2 and 6 takes the mean of both.
TEST_CASE("Between two measured batches time and energy of the batch lie on a line") {
  const auto e = estimate(drawer(), {.gpu = "slow", .batch = 4});
  CHECK(e.latency == doctest::Approx((10 + 26) / 2.0));
  CHECK(e.energy * 4 == doctest::Approx((2 * 3000 + 6 * 2000) / 2.0));
  CHECK(e.basis == GeneratorBasis::interpolated);
}

TEST_CASE(
    "Beyond the measured batches each item costs what it does at the last, and it is marked") {
  const auto e = estimate(drawer(), {.gpu = "slow", .batch = 12});
  CHECK(e.latency == doctest::Approx(2 * 26));
  CHECK(e.energy == doctest::Approx(2000));
  CHECK(e.basis == GeneratorBasis::extrapolated);
}

// Between 1 and 4 GPUs, 2 are half way in the logarithm: geometric means.
TEST_CASE("Between two measured numbers of GPUs figures are powers of the ratio") {
  const auto e = estimate(drawer(), {.gpu = "slow", .gpus = 2, .batch = 2});
  CHECK(e.latency == doctest::Approx(std::sqrt(10.0 * 3)));
  CHECK(e.energy == doctest::Approx(std::sqrt(3000.0 * 4000)));
  std::string why;
  const Two gpus;
  CHECK_FALSE(estimate_generator(drawer(), {.gpu = "slow", .gpus = 8}, gpus.by_name(), why));
  CHECK(why == "`drawer` was measured on 1, 4 of slow, not 8");
}

// Steps repeat the same work. With attention a times the other work, n times the pixels are
// n (1 + a n) / (1 + a) times the work.
TEST_CASE("Work grows with steps, and with pixels as attention's share says") {
  GeneratorParameters g = drawer();
  CHECK(estimate(g, {.gpu = "slow", .batch = 2, .steps = 25}).latency == doctest::Approx(25));
  CHECK(estimate(g, {.gpu = "slow", .batch = 2, .width = 200}).latency == doctest::Approx(20));
  g.attention_work.emplace();
  g.attention_work->value = 0.5;
  const auto e = estimate(g, {.gpu = "slow", .batch = 2, .width = 200, .height = 150});
  CHECK(e.latency == doctest::Approx(10 * 3 * (1 + 0.5 * 3) / (1 + 0.5)));
  CHECK(e.energy == doctest::Approx(3000 * 3 * (1 + 0.5 * 3) / (1 + 0.5)));
  CHECK(e.basis == GeneratorBasis::extrapolated);
}

// The same share of twice the rated power is twice the power. Twice the operations per joule take
// 2^-0.289 of the energy, so the batch takes half of that share of the time.
TEST_CASE("A GPU that was not measured follows rated power and efficiency, and is marked") {
  const auto e = estimate(drawer(), {.gpu = "fast", .batch = 2});
  CHECK(e.power == doctest::Approx(2 * 600));
  CHECK(e.energy == doctest::Approx(3000 * std::pow(2, -0.289)));
  CHECK(e.latency == doctest::Approx(10 * std::pow(2, -0.289) / 2));
  CHECK(e.basis == GeneratorBasis::estimated);
  std::string why;
  const Two gpus;
  CHECK_FALSE(estimate_generator(drawer(), {.gpu = "none"}, gpus.by_name(), why));
  CHECK(why == "there is no GPU `none`");
}

TEST_CASE("A generator whose figures contradict each other is refused") {
  mw::sim::Problems problems;
  GeneratorParameters g = drawer();
  g.points[0].ulysses = 2;
  g.size.frames = 2;
  check(g, problems);
  CHECK(problems.items.size() == 2);
}

namespace {

struct Errors {
  std::vector<double> latency, energy, power;
  void add(const GeneratorEstimate& e, const GeneratorPoint& p) {
    const double watts = p.energy.value * p.batch / p.latency.value;
    latency.push_back(std::fabs(e.latency / p.latency.value - 1));
    energy.push_back(std::fabs(e.energy / p.energy.value - 1));
    power.push_back(std::fabs(e.power / watts - 1));
  }
  void print(const std::string& what) const {
    MESSAGE(what << ": " << latency.size() << " rows; mean (median) error of time "
                 << 100 * mw::test::mean(latency) << " (" << 100 * mw::test::median(latency)
                 << ") %, energy " << 100 * mw::test::mean(energy) << " ("
                 << 100 * mw::test::median(energy) << ") %, power " << 100 * mw::test::mean(power)
                 << " (" << 100 * mw::test::median(power) << ") %");
  }
};

}  // namespace

TEST_CASE("ML.ENERGY v3: images and videos, each row left out; and one GPU from the other") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  const std::filesystem::path table =
      std::filesystem::path(data ? data : "") / "inference_energy/mlenergy_v3_configurations.csv";
  if (!data || !std::filesystem::exists(table)) {
    MESSAGE("SKIPPED: no inference_energy/mlenergy_v3_configurations.csv below MILLWRIGHT_DATA");
    return;
  }
  const auto all = read_generators(table, [](const std::string& name) {
    return name == "H100" ? std::string("h100_sxm") : std::string("b200");
  });
  const auto h100 = mw::test::read_catalog<GpuParameters>("h100_sxm");
  const auto b200 = mw::test::read_catalog<GpuParameters>("b200");
  const GpuByName by_name = [&](const std::string& n) { return n == "b200" ? &b200 : &h100; };

  Errors within, to_b200, to_h100;
  std::size_t rows = 0;
  for (const auto& g : all) {
    rows += g.points.size();
    for (const auto& p : g.points) {
      const GeneratorRun run{
          .gpu = p.gpu, .gpus = p.gpus, .batch = p.batch, .ulysses = p.ulysses, .ring = p.ring};
      std::string why;
      // The row itself left out; only where its neighbours in batch remain.
      GeneratorParameters rest = g;
      std::erase_if(rest.points, [&](const GeneratorPoint& q) {
        return q.gpu == p.gpu && q.gpus == p.gpus && q.batch == p.batch && q.ulysses == p.ulysses &&
               q.ring == p.ring;
      });
      const auto near =
          rest.points.empty() ? std::nullopt : estimate_generator(rest, run, by_name, why);
      if (near && near->basis == GeneratorBasis::interpolated) within.add(*near, p);
      // All runs on its GPU left out.
      GeneratorParameters foreign = g;
      std::erase_if(foreign.points, [&](const GeneratorPoint& q) { return q.gpu == p.gpu; });
      const auto e =
          foreign.points.empty() ? std::nullopt : estimate_generator(foreign, run, by_name, why);
      if (e && e->basis == GeneratorBasis::estimated && p.gpus == 1)
        (p.gpu == "b200" ? to_b200 : to_h100).add(*e, p);
    }
  }
  CHECK(rows == 1020);
  within.print("interpolated in batch or GPUs");
  to_b200.print("B200 from H100, held out");
  to_h100.print("H100 from B200, held out");
  CHECK(within.latency.size() > 400);
  CHECK(mw::test::median(within.latency) < 0.05);
  CHECK(mw::test::median(within.energy) < 0.05);
  CHECK(mw::test::mean(within.energy) < 0.1);
  // Nothing of these was fitted: the exponent comes from A100 and H100.
  CHECK(mw::test::mean(to_b200.energy) < 0.12);
  CHECK(mw::test::mean(to_b200.latency) < 0.25);
  CHECK(mw::test::mean(to_h100.latency) < 0.25);
}

// The exponent: median energy ratio of A100 and H100 pairs in which the H100 was loaded.
TEST_CASE("ML.ENERGY v2: A100 to H100, where the exponent of efficiency comes from") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  const auto rows = mw::test::read_table(std::string(data ? data : "") +
                                         "/inference_energy/mlenergy_v2_results.csv");
  if (rows.empty()) {
    MESSAGE("SKIPPED: no inference_energy/mlenergy_v2_results.csv below MILLWRIGHT_DATA");
    return;
  }
  const auto h100 = mw::test::read_catalog<GpuParameters>("h100_sxm");
  const auto a100 = mw::test::read_catalog<GpuParameters>("a100_40gb");
  const auto energy = [](mw::test::Row row) {
    return std::stod(row["Energy/image (J)"].empty() ? row["Energy/video (J)"]
                                                     : row["Energy/image (J)"]);
  };
  std::vector<double> ratios;
  for (auto a : rows) {
    if (a["Batch latency (s)"].empty() || a["gpu_dir"].rfind("A100", 0) != 0) continue;
    for (auto h : rows) {
      if (h["gpu_dir"].rfind("H100", 0) != 0 || h["Model"] != a["Model"] || h["file"] != a["file"])
        continue;
      const double watts =
          energy(h) * std::stod(h["Batch size"]) / std::stod(h["Batch latency (s)"]);
      if (watts >= 0.85 * h100.tdp.value.value) ratios.push_back(energy(a) / energy(h));
    }
  }
  const auto efficiency = [](const GpuParameters& gpu) {
    return gpu.bf16.value.value / gpu.tdp.value.value;
  };
  const double exponent =
      std::log(mw::test::median(ratios)) / std::log(efficiency(h100) / efficiency(a100));
  MESSAGE(ratios.size() << " pairs, median energy ratio " << mw::test::median(ratios)
                        << ", exponent " << exponent);
  CHECK(ratios.size() >= 30);
  CHECK(exponent == doctest::Approx(0.289).epsilon(0.01));
}
