#include "models/training/layer_pass.hpp"

#include <algorithm>
#include <cmath>

#include "models/compute/kernel_cost.hpp"
#include "models/compute/model_size.hpp"

namespace mw::models {
namespace {

using P = StepPart;

/// Core attention's backward pass takes 2.5 times the forward's products: five of them against two
/// (Dao, arXiv 2307.08691, section 4).
constexpr double attention_backward = 2.5;
/// Share of the memory operations' traffic that the forward pass makes. Assumed: the backward pass
/// reads what the forward wrote, and the gradients.
constexpr double forward_traffic = 1.0 / 3;

double cube_norm(double x, double y) {
  const double sum = x * x * x + y * y * y;
  return sum > 0 ? sim::portable::pow(sum, 1.0 / 3) : 0;
}

struct Rates {
  double products, attention, head, memory;
};
Rates rates_of(const TrainingSetup& s, double clock) {
  const double g = s.gpu_factor * clock;
  return {gemm_share(s.stack, s.gpu, s.job.precision) * training_rate(s.gpu, s.job.precision) * g,
          attention_share(s.stack, s.gpu) * s.gpu.bf16.value.value * g,
          gemm_share(s.stack, s.gpu, TrainingPrecision::bf16) * s.gpu.bf16.value.value * g,
          s.gpu.memory_bandwidth.value.value};
}

/// Energy on the core's supply follows the square of its voltage.
double core_scale(const GpuParameters& gpu, double clock) {
  const double ratio = core_voltage(gpu, clock) / core_voltage(gpu, 1);
  return ratio * ratio;
}
double byte_energy(const GpuParameters& gpu, double core) {
  const double share = gpu.memory_core_share.value;
  return gpu.memory_energy.value.value * (1 - share + share * core);
}

struct Adder {
  PassCost& out;
  double forward_share;
  void operator()(P part, double time, double energy) const {
    out.time.at(part, StepPhase::forward) += forward_share * time;
    out.time.at(part, StepPhase::backward) += (1 - forward_share) * time;
    out.energy.at(part, StepPhase::forward) += forward_share * energy;
    out.energy.at(part, StepPhase::backward) += (1 - forward_share) * energy;
  }
};

double bytes_of(const CollectiveCost& c, double ranks) {
  return (c.link_bytes + c.scale_out_bytes) / ranks;
}

/// Ranks that are `stride` GPUs apart share fewer links.
Fabric strided(Fabric f, int stride) {
  f.domain = std::max(1, f.domain / stride);
  return f;
}

}  // namespace

double product_bytes(TrainingPrecision precision) {
  return bytes_per_element(units_of(precision));
}

PassCost layer_pass(const TrainingSetup& s, const Fabric& fabric, const LayerWork& layer,
                    double clock) {
  const TrainingJob& job = s.job;
  const auto& stack = s.stack;
  const Rates rate = rates_of(s, clock);
  const double core = core_scale(s.gpu, clock);
  const double h = s.llm.hidden;
  const double tokens = job.rank_tokens();
  const double own = tokens / job.tp;  // with sequence parallelism, and towards experts
  const double again = job.recompute == Recompute::full ? 1 : 0;  // forward passes more
  const double product_energy = flop_energy(s.gpu, units_of(job.precision)) * core;
  const double per_byte = byte_energy(s.gpu, core);
  const double vector_power = s.gpu.vector_share.value * s.gpu.tdp.value.value * core;
  PassCost out;

  // Recomputed forwards belong to the backward pass.
  const double gradients = job.frozen ? 1 : 2;  // of inputs, and of weights
  const double passes = 1 + gradients + again;
  const Adder thirds{out, 1 / passes};
  const double dense_flops = 2 * passes * own * layer.dense_weights;
  thirds(P::gemm, dense_flops / rate.products, dense_flops * product_energy);
  const double expert_flops = 2 * passes * own * layer.active_experts;
  thirds(P::experts, expert_flops / (rate.products * stack.expert_gemm.value),
         expert_flops * product_energy);

  const double attention_passes = 1 + attention_backward + again;
  const double attention_flops =
      attention_passes * layer.attention_flops * job.micro_batch / (double(job.cp) * job.tp);
  Adder{out, 1 / attention_passes}(P::attention, attention_flops / rate.attention,
                                   attention_flops * flop_energy(s.gpu, Precision::bf16) * core);

  // Weights are read in the forward pass and for both gradients; gradients are accumulated in place
  // (read and written, 2 bytes each).
  const double stored = product_bytes(job.precision);
  const double local = layer.dense_weights / job.tp + layer.expert_weights / job.ep;
  const double accumulated = job.frozen ? 0 : 4;
  const double weight_bytes = local * (passes * stored + accumulated);
  Adder{out, stored / (passes * stored + accumulated)}(P::weights, weight_bytes / rate.memory,
                                                       weight_bytes * per_byte);

  const double repeated = 1 + forward_traffic * (job.recompute == Recompute::none ? 0 : 1);
  const Adder traffic{out, forward_traffic / repeated};
  // Without sequence parallelism norms and residuals (the part that goes with the hidden width) are
  // done on every tensor-parallel rank.
  const double norm_tokens = job.sequence_parallel ? own : tokens;
  const double element_bytes =
      stack.activation_traffic.value * activation_bytes * repeated *
      (job.precision == TrainingPrecision::nvfp4 ? stack.nvfp4_traffic.value : 1);
  const double activation_traffic = element_bytes * (20 * h * norm_tokens + 12 * layer.inner * own);
  const double activation_time = activation_traffic / rate.memory;
  traffic(P::activations, activation_time,
          activation_traffic * per_byte + activation_time * vector_power);
  // What unfused kernels take beyond the least traffic is counted as time, not as bytes.
  const double permuted =
      activation_bytes * repeated * 12 * layer.per_token * (h + layer.expert_inner) * own;
  const double permute_time = permute_traffic(stack, s.gpu) * permuted / rate.memory;
  traffic(P::permute, permute_time, permuted * per_byte + permute_time * vector_power);

  const double link_energy = s.gpu.link_energy.value.value;
  const double hidden_tensor = job.overlap_tensor ? stack.exposed_tensor.value : 1;
  const Adder halves{out, 1 / (2 + again)};
  // An all-gather before and a reduce-scatter behind each of a layer's two parts, forward and
  // backward; experts take the place of the second.
  const double parts = (layer.experts ? 1.0 : 2.0) * (2 + again);
  if (job.tp > 1) {
    const double bytes = tokens * h * activation_bytes;
    const CollectiveCost gather = all_gather(fabric, job.tp, bytes);
    const CollectiveCost scatter = reduce_scatter(fabric, job.tp, bytes);
    halves(P::tensor, hidden_tensor * parts * (gather.time() + scatter.time()),
           link_energy * parts * (bytes_of(gather, job.tp) + bytes_of(scatter, job.tp)));
  }
  if (job.cp > 1) {
    // Keys and values of all other ranks forward, they and their gradients backward.
    const double kv = tokens * layer.kv_width / job.tp * activation_bytes * job.cp;
    const CollectiveCost gather = all_gather(strided(fabric, job.tp), job.cp, kv);
    const double rounds = 3 + again;
    halves(P::context, hidden_tensor * rounds * gather.time(),
           link_energy * rounds * bytes_of(gather, job.cp));
  }

  double exchange_time = 0;
  if (layer.experts && job.ep > 1) {
    const ExchangeLoad load{
        job.ep, 1, own, layer.per_token, h * activation_bytes, h * activation_bytes};
    double rounds = 2 + again;  // there and back
    CollectiveCost one = expert_exchange(fabric, load, ExpertExchange::one_sided);
    if (job.dispatch == TokenDispatch::copies) {
      one = all_to_all(fabric, job.ep, own * layer.per_token * h * activation_bytes);
      rounds *= 2;
    }
    exchange_time = rounds * one.time();
    halves(P::exchange, 0, link_energy * rounds * bytes_of(one, job.ep));
  }
  const double work = out.time.sum();
  const double exposed = job.overlap_experts ? cube_norm(work, exchange_time) - work
                                             : stack.exposed_experts.value * exchange_time;
  halves(P::exchange, exposed, 0);
  if (layer.experts) {
    const double busy = work + exposed;
    const bool graphs = job.graphs.value_or(graphs_by_default(stack, s.gpu, s.domain));
    const double launching =
        (graphs ? stack.moe_layer_host_graphs : stack.moe_layer_host).value.value;
    halves(P::host, cube_norm(busy, launching) - busy, 0);
  } else {
    halves(P::gaps, stack.layer_gap.value.value / clock, 0);
  }
  return out;
}

PassCost head_pass(const TrainingSetup& s, double clock) {
  const double core = core_scale(s.gpu, clock);
  const double own = s.job.rank_tokens() / s.job.tp;
  const double flops = (s.job.frozen ? 4 : 6) * own * head_weights(s.llm);
  const double logits = s.stack.activation_traffic.value * 16 * own * s.llm.vocab;
  const Rates rate = rates_of(s, clock);
  PassCost out;
  Adder{out, 1.0 / 3}(
      P::head, s.stack.head_time.value * (flops / rate.head + logits / rate.memory),
      flops * flop_energy(s.gpu, Precision::bf16) * core + logits * byte_energy(s.gpu, core));
  return out;
}

PassCost step_end(const TrainingSetup& s, const Fabric& fabric, double dense_weights,
                  double expert_weights) {
  const TrainingJob& job = s.job;
  const bool sharded_weights = job.sharding == Sharding::parameters;
  const double exposed = job.overlap_data ? s.stack.exposed_data.value : 1;
  const double weight_bytes = std::min(2.0, product_bytes(job.precision));
  PassCost out;
  if (job.frozen) return out;
  double exchange = 0, bytes = 0;
  const auto among = [&](const Fabric& f, int ranks, double weights) {
    if (ranks <= 1 || weights <= 0) return;
    const CollectiveCost scatter = reduce_scatter(f, ranks, weights * job.gradient_bytes);
    const CollectiveCost gather = all_gather(f, ranks, weights * weight_bytes);
    // ZeRO-3 gathers for each pass of each micro-batch and scatters its gradients.
    const double rounds = sharded_weights ? job.micro_batches() : 1;
    const double gathers = sharded_weights ? 2 * rounds : 1;
    exchange += rounds * scatter.time() + gathers * gather.time();
    bytes += rounds * bytes_of(scatter, ranks) + gathers * bytes_of(gather, ranks);
  };
  among(strided(fabric, job.tp), job.dense_replicas(), dense_weights);
  among(strided(fabric, job.ep), job.expert_replicas(), expert_weights);
  out.time.at(P::data, StepPhase::step) = exposed * exchange;
  out.energy.at(P::data, StepPhase::step) = bytes * s.gpu.link_energy.value.value;

  // Norms, zeroing and casts pass over all that a GPU holds (assumed 12 bytes a weight); Adam reads
  // and writes master weight and two moments, reads the gradient, writes the weight.
  const auto part = [&](double weights, int ranks) {
    return job.sharding == Sharding::none ? weights : weights / ranks;
  };
  const double updated =
      part(dense_weights, job.dense_replicas()) + part(expert_weights, job.expert_replicas());
  const double held = sharded_weights ? updated : dense_weights + expert_weights;
  const double adam = 2.0 * (4 + 2 * job.moment_bytes) + job.gradient_bytes + 4;
  const double traffic = 12 * held + adam * updated;
  const double time = traffic / s.gpu.memory_bandwidth.value.value;
  out.time.at(P::optimizer, StepPhase::step) = time;
  out.energy.at(P::optimizer, StepPhase::step) =
      traffic * s.gpu.memory_energy.value.value +
      time * s.gpu.vector_share.value * s.gpu.tdp.value.value;
  return out;
}

}  // namespace mw::models
