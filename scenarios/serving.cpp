#include "scenarios/serving.hpp"

#include <algorithm>
#include <cmath>

#include "models/compute/pipeline.hpp"

#include "sim/io/data_folder.hpp"

namespace mw::scenarios {
namespace {

using namespace mw::models;

ReplicaShape shape_of(const ServiceBlock& service, int link_domain) {
  const auto& e = service.engine;
  ReplicaShape shape;
  shape.gpus = e.gpus;
  shape.attention_dp = e.attention_dp.value_or(1);
  shape.pp = e.pp;
  shape.tp = e.tp.value_or(std::max(1, e.gpus / (shape.attention_dp * shape.pp)));
  shape.ep = e.ep.value_or(service.model.value.experts > 0 ? shape.tp * shape.attention_dp : 1);
  shape.nvlink_domain = link_domain;
  shape.weights = service.precision;
  shape.kv = e.kv;
  if (e.speculation) {
    shape.speculation.tokens = e.speculation->tokens;
    shape.speculation.acceptance = e.speculation->acceptance;
    shape.speculation.draft_layers = e.speculation->draft_layers;
    if (e.speculation->draft_model)
      shape.speculation.draft_model = e.speculation->draft_model->value;
  }
  return shape;
}

EngineParameters engine_of(const EngineBlock& block) {
  const auto& stack = block.stack.value;
  EngineParameters engine;
  engine.max_num_seqs = block.max_num_seqs;
  // The stack's limit is that of an engine process, and each data-parallel rank has one.
  engine.max_num_batched_tokens = block.max_num_batched_tokens.value_or(
      stack.max_batched_tokens * block.attention_dp.value_or(1));
  engine.block_size = block.block_size.value_or(stack.block_size);
  engine.kv_blocks = block.kv_blocks;
  engine.stepping = block.stepping;
  engine.scheduling = block.scheduling;
  engine.preemption = block.preemption;
  engine.batching = block.batching.value_or(stack.batching);
  engine.admission_interval = block.admission_interval;
  engine.batch_wait = block.batch_wait;
  engine.batch_wait_tokens =
      static_cast<int>(std::ceil(block.batch_wait_fill * engine.max_num_batched_tokens));
  return engine;
}

}  // namespace

ServingPlan plan_serving(const ServiceBlock& service, const GpuParameters& gpu, int link_domain,
                         sim::Problems& problems) {
  ServingPlan plan{shape_of(service, link_domain), engine_of(service.engine)};
  sim::Problems found;
  check(plan.engine, found);
  for (auto& item : fit_problems(gpu, service.model.value, service.engine.stack.value, plan.shape,
                                 service.engine.max_num_seqs))
    found.items.push_back(std::move(item));
  if (plan.shape.speculation.on())
    found.add("speculation", "the engine cannot yet draw how many drafted tokens are accepted",
              "leave it out");
  for (const auto& item : found.items)
    problems.add("engine" + (item.at.empty() ? "" : "." + item.at), item.problem, item.advice);
  if (const auto& folder = service.engine.kernel_tables) {
    plan.tables = std::make_shared<const KernelTables>(sim::data_folder() / *folder);
    if (const auto impossible =
            impossible_attention(*plan.tables, gpu, service.model.value, plan.shape))
      problems.add("engine.kernel_tables", *impossible,
                   "take tables that were measured on this GPU, or the attention tables out");
  }
  return plan;
}

std::shared_ptr<const StepTable> serving_table(const ServiceBlock& service,
                                               const GpuParameters& gpu, const ServingPlan& plan) {
  return std::make_shared<const StepTable>(build_step_table(
      gpu, service.model.value, service.engine.stack.value, plan.shape, plan.engine.max_num_seqs,
      plan.engine.max_num_batched_tokens, service.engine.clock_levels, plan.tables));
}

double serving_network_bytes(const ServiceBlock& service, const GpuParameters& gpu,
                             const ServingPlan& plan) {
  return network_bytes_per_token(gpu, service.model.value, service.engine.stack.value, plan.shape);
}

std::shared_ptr<const StepLaw> serving_law(const ServiceBlock& service, const GpuParameters& gpu,
                                           const ServingPlan& plan) {
  return std::make_shared<const StepLaw>(gpu, service.model.value, service.engine.stack.value,
                                         plan.shape, plan.tables);
}

void add_swap(EngineParameters& engine, const ServiceBlock& service, const GpuParameters& gpu,
              const StepTable& table) {
  if (engine.preemption != Preemption::swap) return;
  const int gpus = service.engine.gpus;
  const double block_bytes = table.kv_bytes_per_token * engine.block_size;
  if (block_bytes <= 0) return;
  engine.swap_blocks =
      static_cast<std::int64_t>(service.engine.swap_space.value * gpus / block_bytes);
  engine.swap_block_ps = static_cast<std::int64_t>(
      std::ceil(1e12 * block_bytes / (gpu.host_bandwidth.value.value * gpus)));
}

}  // namespace mw::scenarios
