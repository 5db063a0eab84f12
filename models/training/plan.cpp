#include "models/training/plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace mw::models {
namespace {

int nearest_divisor(int of, int wanted) {
  int best = 1;
  for (int k = 1; k <= of; ++k)
    if (of % k == 0 && std::abs(k - wanted) < std::abs(best - wanted)) best = k;
  return best;
}
int nearest_multiple(int of, int wanted) {
  return std::max(1, (wanted + of / 2) / of) * of;
}
bool heads_divide(const LlmParameters& llm, int tp) {
  if (llm.heads % tp != 0) return false;
  if (llm.attention == Attention::mla) return true;
  return llm.kv_heads % tp == 0 || tp % llm.kv_heads == 0;
}
int nearest_tp(const LlmParameters& llm, int wanted) {
  int best = 1;
  for (int tp = 1; tp <= llm.heads; ++tp)
    if (heads_divide(llm, tp) && std::abs(tp - wanted) < std::abs(best - wanted)) best = tp;
  return best;
}
const char* name_of(TrainingPrecision p) {
  return enum_names(p)[static_cast<std::size_t>(p)];
}

void add_division_problems(const TrainingSetup& s, sim::Problems& problems) {
  const TrainingJob& job = s.job;
  const LlmParameters& llm = s.llm;
  if (training_rate(s.gpu, job.precision) <= 0)
    problems.add("precision",
                 fmt::format("is {}, but the GPU has no such tensor rate", name_of(job.precision)),
                 s.gpu.fp8.value.value > 0 ? "set precision: fp8 or bf16" : "set precision: bf16");
  const int model = job.tp * job.cp * job.pp;
  if (job.gpus % model != 0) {
    problems.add(
        "gpus", fmt::format("is {}, which tp x cp x pp = {} does not divide", job.gpus, model),
        fmt::format("the nearest that it does is gpus: {}", nearest_multiple(model, job.gpus)));
    return;  // ranks mean nothing yet
  }
  if (!heads_divide(llm, job.tp))
    problems.add("tp",
                 fmt::format("is {}, which does not divide {} heads over {} KV heads evenly",
                             job.tp, llm.heads, llm.kv_heads),
                 fmt::format("the nearest that does is tp: {}", nearest_tp(llm, job.tp)));
  if (job.tp > s.domain)
    problems.add("tp",
                 fmt::format("is {}, more than the {} GPUs that NVLink joins", job.tp, s.domain),
                 fmt::format("set tp: {} at most", s.domain));
  if (s.gpu.scale_out_bandwidth.value.value <= 0 && job.gpus > s.domain)
    problems.add(
        "gpus",
        fmt::format("is {}, more than the {} GPUs that NVLink joins, and the GPU has no "
                    "network of its own",
                    job.gpus, s.domain),
        fmt::format("use at most {} GPUs, or give the GPU a scale_out_bandwidth", s.domain));
  if (job.sequence % (job.cp > 1 ? 2 * job.cp : 1) != 0)
    problems.add("cp",
                 fmt::format("is {}: a sequence of {} tokens does not fall into {} equal pieces, "
                             "two a rank",
                             job.cp, job.sequence, 2 * job.cp),
                 fmt::format("the nearest that does is cp: {}",
                             std::max(1, nearest_divisor(job.sequence, 2 * job.cp) / 2)));
  if (job.ep > 1 && llm.moe_layers == 0) {
    problems.add("ep", "is above 1, but the model has no experts", "set ep: 1");
  } else if (job.ep > 1 && llm.experts % job.ep != 0) {
    problems.add(
        "ep", fmt::format("is {}, which does not divide {} experts", job.ep, llm.experts),
        fmt::format("the nearest that does is ep: {}", nearest_divisor(llm.experts, job.ep)));
  } else if (job.stage_gpus() % job.ep != 0) {
    problems.add(
        "ep",
        fmt::format("is {}, which does not divide the {} GPUs of a stage", job.ep,
                    job.stage_gpus()),
        fmt::format("the nearest that does is ep: {}", nearest_divisor(job.stage_gpus(), job.ep)));
  }
  const int samples = job.dp() * job.micro_batch;
  if (job.global_batch % samples != 0) {
    problems.add("global_batch",
                 fmt::format("is {}, which {} data-parallel ranks x micro-batches of {} do not "
                             "divide",
                             job.global_batch, job.dp(), job.micro_batch),
                 fmt::format("the nearest that they do is global_batch: {}",
                             nearest_multiple(samples, job.global_batch)));
    return;
  }
  if (job.chunks() > 1 && job.pp == 1)
    problems.add("vpp", "cuts stages into chunks, but there is one stage", "leave vpp out");
  if (job.pp * job.chunks() > llm.layers + 2)
    problems.add("vpp",
                 fmt::format("makes {} chunks, more than {} layers, embedding and loss fill",
                             job.pp * job.chunks(), llm.layers),
                 fmt::format("set pp x vpp to {} at most", llm.layers + 2));
  if (job.chunks() > 1 && job.micro_batches() % job.pp != 0)
    problems.add("vpp",
                 fmt::format("interleaves {} micro-batches on {} stages, which does not go up",
                             job.micro_batches(), job.pp),
                 fmt::format("the nearest that does is global_batch: {}",
                             nearest_multiple(samples * job.pp, job.global_batch)));
  if (job.sequence > llm.max_context)
    problems.add(
        "sequence",
        fmt::format("is {}, beyond the model's {} tokens", job.sequence, llm.max_context),
        fmt::format("set sequence: {} at most, or the model's max_context", llm.max_context));
  if (job.offload_layers > llm.layers)
    problems.add("offload_layers",
                 fmt::format("is {}, but the model has {} layers", job.offload_layers, llm.layers),
                 fmt::format("write {} at most", llm.layers));
  if (job.mtp > 0 && job.frozen)
    problems.add("mtp", "predicts further tokens, but the weights are frozen", "set mtp: 0");
}

bool divides(const TrainingSetup& s) {
  sim::Problems problems;
  add_division_problems(s, problems);
  return problems.items.empty();
}

using Change = bool (*)(TrainingJob&);
/// From what costs least to what costs most.
constexpr Change ways[] = {
    [](TrainingJob& j) {
      if (j.sharding != Sharding::none || j.frozen) return false;
      j.sharding = Sharding::optimizer;
      return true;
    },
    [](TrainingJob& j) {
      if (j.recompute != Recompute::none) return false;
      j.recompute = Recompute::activations;
      return true;
    },
    [](TrainingJob& j) {
      if (j.micro_batch % 2 != 0) return false;
      j.micro_batch /= 2;
      return true;
    },
    [](TrainingJob& j) {
      j.pp *= 2;
      return true;
    },
    [](TrainingJob& j) {
      j.tp *= 2;
      return true;
    },
    [](TrainingJob& j) {
      j.cp *= 2;
      return true;
    },
    [](TrainingJob& j) {
      if (j.ep == 1) return false;
      j.ep *= 2;
      return true;
    },
    [](TrainingJob& j) {
      if (j.recompute == Recompute::full) return false;
      j.recompute = Recompute::full;
      return true;
    },
    [](TrainingJob& j) {
      if (j.sharding == Sharding::parameters || j.pp > 1) return false;
      j.sharding = Sharding::parameters;
      return true;
    },
};

}  // namespace

void check(const TrainingJob& job, sim::Problems& problems) {
  if (job.gradient_bytes != 2 && job.gradient_bytes != 4)
    problems.add("gradient_bytes", fmt::format("is {}", job.gradient_bytes), "write 2 or 4");
  if (job.sharding == Sharding::parameters && job.pp > 1)
    problems.add("sharding", "shards weights beside pipeline stages, which is not modelled",
                 "set pp: 1, or sharding: optimizer");
  if (job.offload_layers > 0 && job.pp > 1)
    problems.add("offload_layers", "needs whole models, but there are pipeline stages",
                 "set pp: 1, or leave offload_layers out");
}

std::string changes(const TrainingJob& a, const TrainingJob& b) {
  std::string out;
  const auto say = [&](const char* name, auto from, auto to) {
    if (from != to) out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", name, to);
  };
  const auto named = [](auto e) { return std::string(enum_names(e)[static_cast<std::size_t>(e)]); };
  say("gpus", a.gpus, b.gpus);
  say("tp", a.tp, b.tp);
  say("pp", a.pp, b.pp);
  say("cp", a.cp, b.cp);
  say("ep", a.ep, b.ep);
  say("micro_batch", a.micro_batch, b.micro_batch);
  say("recompute", named(a.recompute), named(b.recompute));
  say("sharding", named(a.sharding), named(b.sharding));
  return out;
}

std::optional<TrainingJob> nearest_fit(const TrainingSetup& setup) {
  const auto fits = [&](const TrainingJob& job) {
    TrainingSetup s = setup;
    s.job = job;
    return divides(s) && training_memory(s).fits();
  };
  for (const Change one : ways) {
    TrainingJob job = setup.job;
    if (one(job) && fits(job)) return job;
  }
  for (const Change one : ways)
    for (const Change two : ways) {
      TrainingJob job = setup.job;
      if (one(job) && two(job) && fits(job)) return job;
    }
  // More of the same on more GPUs: data-parallel ranks share the optimizer, stages all else.
  for (int times = 2; times <= 64; times *= 2) {
    TrainingJob job = setup.job;
    job.gpus *= times;
    if (fits(job)) return job;
    job.pp *= times;
    if (fits(job)) return job;
  }
  return std::nullopt;
}

std::vector<sim::Problems::Item> layout_problems(const TrainingSetup& s) {
  sim::Problems problems;
  check(s.job, problems);
  add_division_problems(s, problems);
  return problems.items;
}

std::vector<sim::Problems::Item> plan_problems(const TrainingSetup& s) {
  sim::Problems problems;
  problems.items = layout_problems(s);
  if (!problems.items.empty()) return problems.items;
  const TrainingMemory m = training_memory(s);
  if (!m.fits()) {
    const auto other = nearest_fit(s);
    problems.add(
        "gpus",
        fmt::format("is too few: stage {} needs {:.1f} GB of each GPU's {:.1f} (weights {:.1f}, "
                    "gradients {:.1f}, optimizer {:.1f}, activations {:.1f}, buffers {:.1f}, "
                    "workspace {:.1f})",
                    m.stage, m.total() / 1e9, m.usable / 1e9, m.weights / 1e9, m.gradients / 1e9,
                    m.optimizer / 1e9, m.activations / 1e9, m.buffers / 1e9, m.workspace / 1e9),
        other ? "the nearest that fits is " + changes(s.job, *other)
              : "use many more GPUs, or a GPU with more memory");
  }
  return problems.items;
}

}  // namespace mw::models
