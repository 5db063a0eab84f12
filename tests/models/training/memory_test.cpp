#include "models/training/memory.hpp"

#include <doctest/doctest.h>

#include "models/compute/model_size.hpp"
#include "models/training/plan.hpp"
#include "models/training/setup.hpp"
#include "models/training/stages.hpp"

using namespace mw;
using namespace mw::models;
using doctest::Approx;

// Korthikanti et al. (MLSys 2023, section 4.1): a transformer layer keeps 34 s b h bytes beside its
// attention scores, which flash attention does not keep, and two dropout masks, s b h each, which
// nobody has any more: 32 s b h. Tensor parallelism with sequence parallelism divides all by t.
TEST_CASE("a GPT layer keeps 32 bytes a token and hidden element") {
  TrainingSetup s = test::setup_arithmetic();
  s.llm = test::read_catalog<LlmParameters>("gpt3_175b");
  s.job.sequence = 2048;
  s.job.micro_batch = 2;
  const auto layer = layers_of(s.llm, 2048).front();
  const double sbh = 2048.0 * 2 * 12288;
  CHECK(kept_bytes(s, layer) == Approx(32 * sbh).epsilon(1e-12));
  s.job.tp = s.job.gpus = 8;
  CHECK(kept_bytes(s, layer) == Approx(32 * sbh / 8).epsilon(1e-12));
  // Without sequence parallelism inputs of norms and products (2 x 2 h each of two parts) stay
  // whole.
  s.job.sequence_parallel = false;
  CHECK(kept_bytes(s, layer) == Approx((24.0 / 8 + 8) * sbh).epsilon(1e-12));
  s.job.recompute = Recompute::full;
  CHECK(kept_bytes(s, layer) == Approx(2 * sbh).epsilon(1e-12));
}

// Mixed precision with Adam: 2 bytes of weight, 2 of gradient, 12 of state a weight on one GPU;
// ZeRO-1 to 3 divide state, gradients, weights by the ranks (Rajbhandari et al., SC 2020).
TEST_CASE("weights, gradients and optimizer state, whole and sharded") {
  TrainingSetup s = test::setup_arithmetic();
  const double n = total_weights(s.llm);
  s.job.gpus = 8;
  s.job.global_batch = 8;
  const auto of = [&](Sharding sharding) {
    s.job.sharding = sharding;
    return training_memory(s);
  };
  const TrainingMemory whole = of(Sharding::none);
  CHECK(whole.weights == Approx(2 * n).epsilon(1e-12));
  CHECK(whole.gradients == Approx(2 * n).epsilon(1e-12));
  CHECK(whole.optimizer == Approx(12 * n).epsilon(1e-12));
  CHECK(of(Sharding::optimizer).optimizer == Approx(12 * n / 8).epsilon(1e-12));
  CHECK(of(Sharding::optimizer).gradients == Approx(2 * n).epsilon(1e-12));
  CHECK(of(Sharding::gradients).gradients == Approx(2 * n / 8).epsilon(1e-12));
  CHECK(of(Sharding::parameters).weights == Approx(2 * n / 8).epsilon(1e-12));
  CHECK(whole.total() == Approx(whole.weights + whole.gradients + whole.optimizer +
                                whole.activations + whole.buffers + whole.workspace));
}

// 1F1B keeps p - i micro-batches on stage i; interleaving p (1 + (p - 1)/(p v)) on the first; never
// more than there are.
TEST_CASE("micro-batches in flight") {
  TrainingJob job;
  job.gpus = job.pp = 8;
  job.global_batch = 64;
  CHECK(in_flight(job, 0) == 8);
  CHECK(in_flight(job, 7) == 1);
  job.vpp = 4;
  CHECK(in_flight(job, 0) == Approx(8 * (1 + 7.0 / 32)));
  job.global_batch = 8;
  CHECK(in_flight(job, 0) == 8);
}

// Over stages and ranks every weight lies somewhere, once a data-parallel copy.
TEST_CASE("stages hold every layer once") {
  for (const auto& [layers, pp, vpp] :
       {std::tuple{126, 16, 8}, {126, 8, 8}, {80, 4, 5}, {61, 4, 4}, {94, 8, 3}, {94, 8, 1}}) {
    TrainingJob job;
    job.pp = job.gpus = pp;
    job.vpp = vpp;
    int sum = 0;
    for (const auto& stage : split_stages(layers, job)) sum += int(stage.layers.size());
    CHECK(sum == layers);
  }
  // 126 layers on 128 chunks stand between embedding and loss; 80 on 20 go up.
  const auto big = chunk_layers(126, 128);
  CHECK(big.front() == 0);
  CHECK(big.back() == 0);
  CHECK(big[64] == 1);
  CHECK(chunk_layers(80, 20) == std::vector<int>(20, 4));
  // DeepSeek-V3 with its module: `Et*4|(t*4|)*14tmL` and `Et|(tt|)*30mL` of the recipes.
  std::vector<int> four(16, 4), two(32, 2);
  four.back() = 1;
  two.front() = 1, two.back() = 0;
  CHECK(chunk_layers(61, 16, 1) == four);
  CHECK(chunk_layers(61, 32, 1) == two);
}

// Layers whose activations wait in the host's memory keep none on the GPU, but for one in use and
// one on its way.
TEST_CASE("activations that wait in the host's memory") {
  TrainingSetup s = test::setup_arithmetic();
  const double all = training_memory(s).activations;
  const int layers = s.llm.layers;
  s.job.offload_layers = 1;
  CHECK(training_memory(s).activations == Approx(all * (layers - 1) / layers).epsilon(1e-12));
  s.job.offload_layers = layers;
  CHECK(training_memory(s).activations == Approx(all * 2 / layers).epsilon(1e-12));
  s.job.offload_layers = layers + 1;
  CHECK(plan_problems(s).front().at == "offload_layers");
  s.job.offload_layers = 1;
  s.job.pp = 2;
  s.job.gpus *= 2;
  CHECK(plan_problems(s).front().at == "offload_layers");
}
