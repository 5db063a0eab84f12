#include "models/training/overlap.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

#include "models/training/overlapped_pipeline.hpp"

using namespace mw;
using namespace mw::models;

namespace {

GpuParameters gpu() {
  GpuParameters g;
  g.bf16.value = {312e12};
  g.memory_bandwidth.value = {1.555e12};
  g.link_bandwidth.value = {300e9};
  g.tdp.value = {400};
  g.idle.value = {63};
  g.max_clock.value = {1410e6};
  g.knee_clock.value = {776e6};
  g.knee_voltage.value = {0.742};
  g.max_voltage.value = {1.05};
  g.busy_share.value = 0.108;
  g.flop_energy.value = {1.79e-12};
  g.memory_energy.value = {129e-12};
  g.memory_core_share.value = 0.73;
  g.link_energy.value = {250e-12};
  g.power_ceiling.value = 0.97;
  return g;
}

/// Kernels of arithmetic alone, one tera-operation each, without gaps.
OverlapParameters plain() {
  OverlapParameters p;
  p.tensor_efficiency = 0.5;
  p.kernel_gap = {0};
  p.collective_start = {0};
  p.crowding = 1;
  return p;
}
OverlapPartition three(double sent) {
  return {.kernels = {{.flops = 1e12}, {.flops = 1e12}, {.flops = 1e12}}, .sent = sent};
}
constexpr double alone = 1e12 / (0.5 * 312e12);  // s of one kernel at the highest clock
constexpr double top = 1410e6;

LlmParameters small_model() {
  LlmParameters llm;
  llm.layers = 28;
  llm.hidden = 3072;
  llm.heads = 24;
  llm.kv_heads = 8;
  llm.head_dim = 128;
  llm.dense_inter = 8192;
  llm.mlp_matrices = 3;
  llm.vocab = 128256;
  return llm;
}

}  // namespace

// In turn: kernels, then bytes over the smaller of the links' rate and the multiprocessors'.
TEST_CASE("in turn, times add up and the collective is exposed") {
  const double sent = 24e9 * 0.01;  // 12 multiprocessors of 20 GB/s send it in 1 ms
  const OverlapCost c = overlap_cost(gpu(), plain(), three(sent), {3, 12, top}, 85);
  CHECK(c.exposed == doctest::Approx(sent / 240e9));
  CHECK(c.time == doctest::Approx(3 * alone + c.exposed));
  const OverlapCost few = overlap_cost(gpu(), plain(), three(sent), {3, 6, top}, 85);
  CHECK(few.exposed == doctest::Approx(2 * c.exposed));
}

// While the collective runs, kernels have the share 1 - n/N of the multiprocessors: in its time x
// they do (1 - n/N) x of work, and the rest at full speed. T = 3 a + x n/N.
TEST_CASE("a hidden collective costs its share of the multiprocessors") {
  const double x = 0.5 * alone;
  const OverlapCost c = overlap_cost(gpu(), plain(), three(240e9 * x), {0, 12, top}, 85);
  CHECK(c.exposed == 0);
  CHECK(c.time == doctest::Approx(3 * alone + x * 12 / 108));
  // Across the end of a kernel too.
  const double y = 1.7 * alone;
  CHECK(overlap_cost(gpu(), plain(), three(240e9 * y), {1, 12, top}, 85).time ==
        doctest::Approx(3 * alone + y * 12 / 108));
}

// Exposed seconds cost the waiting power, and nothing else changes.
TEST_CASE("exposed communication burns static power") {
  const double sent = 240e9 * 2e-3;
  const OverlapCost with = overlap_cost(gpu(), plain(), three(sent), {3, 12, top}, 85);
  const OverlapCost without = overlap_cost(gpu(), plain(), three(0), {3, 12, top}, 85);
  CHECK(with.energy - without.energy == doctest::Approx(85 * 2e-3 + sent * 250e-12));
}

// Arithmetic goes with the clock, its energy with the square of the voltage.
TEST_CASE("clock stretches arithmetic and saves its energy") {
  const OverlapCost fast = overlap_cost(gpu(), plain(), three(0), {3, 2, top}, 85);
  const OverlapCost slow = overlap_cost(gpu(), plain(), three(0), {3, 2, 940e6}, 85);
  CHECK(slow.time / fast.time == doctest::Approx(1.5));
  const double volts = core_voltage(gpu(), 940.0 / 1410) / 1.05;
  const double dynamic = 3e12 * 1.79e-12;
  CHECK(fast.energy == doctest::Approx(dynamic + (63 + 43.2) * fast.time));
  CHECK(slow.energy == doctest::Approx(dynamic * volts * volts +
                                       (63 + 43.2 * 940 / 1410 * volts * volts) * slow.time));
}

// Whatever the partition: all choices lie on the Pareto front, and none of the settings beats it.
TEST_CASE("no setting is both faster and cheaper than the choices kept") {
  CHECK(rc::check([] {
    OverlapPartition p;
    const int kernels = *rc::gen::inRange(1, 5);
    for (int i = 0; i < kernels; ++i)
      p.kernels.push_back(
          {.flops = *rc::gen::inRange(0, 100) * 1e10, .bytes = *rc::gen::inRange(1, 100) * 1e7});
    p.sent = *rc::gen::inRange(0, 100) * 1e7;
    const std::vector<double> clocks = {900e6, 1200e6, top};
    const auto kept = overlap_choices(gpu(), OverlapParameters{}, p, clocks, 85);
    const OverlapSetting some{*rc::gen::inRange(0, kernels + 1), 2 * *rc::gen::inRange(1, 14),
                              clocks[static_cast<std::size_t>(*rc::gen::inRange(0, 3))]};
    const OverlapCost c = overlap_cost(gpu(), OverlapParameters{}, p, some, 85);
    const bool met = std::any_of(kept.begin(), kept.end(), [&](const OverlapChoice& k) {
      return k.cost.time <= c.time * (1 + 1e-12) &&
             k.cost.energy - 85 * k.cost.time <= c.energy - 85 * c.time + 1e-9;
    });
    RC_ASSERT(met);
  }));
}

// The joint choices are the lower hull of the sum: no pick of one choice for each lies below it.
TEST_CASE("partitions chosen jointly are the hull of their sum") {
  const std::vector<double> clocks = {900e6, 1050e6, 1200e6, top};
  const auto a = overlap_choices(gpu(), plain(), three(1e9), clocks, 85);
  OverlapPartition reading{.kernels = {{.flops = 1e11, .bytes = 5e9}}, .sent = 5e8};
  const auto b = overlap_choices(gpu(), plain(), reading, clocks, 85);
  const auto joint = joint_choices({a, b}, {2, 3}, 85);
  const auto eta = [](double energy, double time) { return energy - 85 * time; };
  for (std::size_t i = 0; i + 1 < joint.size(); ++i) {
    const double slope =
        (eta(joint[i + 1].energy, joint[i + 1].time) - eta(joint[i].energy, joint[i].time)) /
        (joint[i + 1].time - joint[i].time);
    for (const auto& x : a)
      for (const auto& y : b) {
        const double time = 2 * x.cost.time + 3 * y.cost.time;
        const double cost = eta(2 * x.cost.energy + 3 * y.cost.energy, time);
        CHECK(cost >= eta(joint[i].energy, joint[i].time) + slope * (time - joint[i].time) - 1e-6);
      }
  }
}

// A layer's products do 2 operations for each weight and token, forwards, and twice that backwards.
TEST_CASE("a layer's work is that of its weights and its attention") {
  const LlmParameters llm = small_model();
  OverlappedJob job{.tensor = 8, .context = 1, .microbatch = 8, .sequence = 4096, .pipeline = {}};
  const auto flops = [&](bool backward) {
    double sum = 0;
    for (const auto& p : layer_partitions(llm, job, 1, backward))
      for (const auto& k : p.kernels) sum += k.flops;
    return sum;
  };
  const double weights = 3072.0 * (3072 + 2048) + 3072.0 * 3072 + 3 * 3072.0 * 8192;
  const double tokens = 8 * 4096;
  const double attention = 4 * tokens * 4096 / 2 * 3072 / 8;
  CHECK(flops(false) == doctest::Approx(2 * tokens * weights / 8 + attention));
  CHECK(flops(true) == doctest::Approx(4 * tokens * weights / 8 + 2.5 * attention));
  // Two all-reduces of tokens x hidden in BF16: each rank of a ring of 8 sends 2 (7/8) of it.
  double sent = 0;
  for (const auto& p : layer_partitions(llm, job, 1, false)) sent += p.sent;
  CHECK(sent == doctest::Approx(2 * 2 * 7.0 / 8 * tokens * 3072 * 2));
}

// 28 layers and a head of 3.4 layers' work: 16 and 12 + 3.4 are the least uneven halves.
TEST_CASE("layers are split so that the longest stage is shortest") {
  OverlappedJob job{
      .tensor = 8, .microbatch = 8, .balanced = true, .pipeline = {Schedule::one_f_one_b, 2, 8, 1}};
  CHECK(stage_layers(small_model(), job) == std::vector<double>{16, 12});
  job.balanced = false;
  CHECK(stage_layers(small_model(), job) == std::vector<double>{14, 14});
}

// Kareus may do all that the nanobatch plans do, so its frontier cannot lie above theirs.
TEST_CASE("planning overlap too can only gain") {
  std::vector<double> clocks;
  for (int f = 900; f <= 1410; f += 30) clocks.push_back(f * 1e6);
  const OverlappedJob job{.tensor = 8,
                          .microbatch = 8,
                          .sequence = 4096,
                          .recompute = true,
                          .pipeline = {Schedule::one_f_one_b, 2, 8, 1}};
  const auto frontier = [&](OverlapMethod method) {
    return *pipeline_frontier(
        overlapped_pipeline(gpu(), OverlapParameters{}, small_model(), job, clocks, 85, method));
  };
  const auto nano = frontier(OverlapMethod::nanobatches), joint = frontier(OverlapMethod::joint);
  CHECK(joint.shortest() < nano.shortest());
  for (int i = 0; i <= 10; ++i) {
    const double time = nano.shortest() + i * (nano.longest() - nano.shortest()) / 10;
    const auto at = [&](const PipelineFrontier& f) {
      return energy_at(f, std::clamp<std::int64_t>(std::llround(time / f.step),
                                                   f.frontier.shortest(), f.frontier.longest()));
    };
    CHECK(at(joint) <= at(nano) * 1.002);  // a step's rounding
  }
}
