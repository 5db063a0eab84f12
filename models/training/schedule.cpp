#include "models/training/schedule.hpp"

#include <algorithm>
#include <string>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using Program = std::vector<PipelineOp>;

PipelineOp op(Instruction instruction, int stage, int microbatch) {
  return {.instruction = instruction, .stage = stage, .part = stage, .microbatch = microbatch};
}

Program gpipe(const PipelineParameters& p, int stage) {
  Program program;
  for (int m = 0; m < p.microbatches; ++m) program.push_back(op(Instruction::forward, stage, m));
  for (int m = p.microbatches; m-- > 0;) program.push_back(op(Instruction::backward, stage, m));
  return program;
}

Program one_f_one_b(const PipelineParameters& p, int stage) {
  Program program;
  const int warm_up = std::min(p.stages - 1 - stage, p.microbatches);
  int forwards = 0;
  while (forwards < warm_up) program.push_back(op(Instruction::forward, stage, forwards++));
  for (int m = 0; m < p.microbatches; ++m) {
    if (forwards < p.microbatches) program.push_back(op(Instruction::forward, stage, forwards++));
    program.push_back(op(Instruction::backward, stage, m));
  }
  return program;
}

/// Narayanan et al. 2021, section 2.2: groups of `stages` microbatches go through all chunks before
/// the next group does. The k-th forward of a stage and its k-th backward follow from k alone.
Program interleaved(const PipelineParameters& p, int stage) {
  const int all = p.microbatches * p.chunks, group = p.stages * p.chunks;
  const auto kth = [&](int k, Instruction instruction) {
    const int within = k % group;
    const int chunk = within / p.stages;
    const int deep = instruction == Instruction::forward ? chunk : p.chunks - 1 - chunk;
    return PipelineOp{.instruction = instruction,
                      .stage = stage,
                      .part = deep * p.stages + stage,
                      .microbatch = k / group * p.stages + within % p.stages};
  };
  const int warm_up = std::min(2 * (p.stages - 1 - stage) + (p.chunks - 1) * p.stages, all);
  Program program;
  int forwards = 0;
  while (forwards < warm_up) program.push_back(kth(forwards++, Instruction::forward));
  for (int k = 0; k < all; ++k) {
    if (forwards < all) program.push_back(kth(forwards++, Instruction::forward));
    program.push_back(kth(k, Instruction::backward));
  }
  return program;
}

/// Qi et al. 2024, section 3: `depth` 1 (H1) or 2 (H2). A stage runs depth (p - s) - (depth - 1)
/// forwards ahead, and holds back the weight gradients of depth s microbatches, so that all stages
/// keep the activations of at most depth (p - 1) + 1 microbatches.
Program zero_bubble(const PipelineParameters& p, int stage, int depth) {
  const int ahead = std::min(depth * (p.stages - 1 - stage) + 1, p.microbatches);
  const int held = depth * stage;
  Program program;
  int forwards = 0, weights = 0;
  while (forwards < ahead) program.push_back(op(Instruction::forward, stage, forwards++));
  for (int m = 0; m < p.microbatches; ++m) {
    program.push_back(op(Instruction::backward_input, stage, m));
    if (m >= held) program.push_back(op(Instruction::backward_weight, stage, weights++));
    if (forwards < p.microbatches) program.push_back(op(Instruction::forward, stage, forwards++));
  }
  while (weights < p.microbatches)
    program.push_back(op(Instruction::backward_weight, stage, weights++));
  return program;
}

/// One stage of DualPipe. Copy 0 enters at stage 0, copy 1 at the last stage, half of the
/// microbatches each. Seen from a stage, `near` is the copy whose input is the nearer end.
struct DualPipeStage {
  const PipelineParameters& p;
  int stage;
  Program program{};
  int forwards[2] = {}, backwards[2] = {};  // done so far of near and far
  std::vector<PipelineOp> held{};           // weight gradients, first in first out
  std::size_t released = 0;

  int copy(int far) const { return (stage < p.stages / 2 ? 0 : 1) ^ far; }
  int part(int far) const { return copy(far) == 0 ? stage : p.stages - 1 - stage; }
  int number(int far, int count) const { return copy(far) * (p.microbatches / 2) + count; }
  PipelineOp make(Instruction instruction, int far, int count) const {
    return {.instruction = instruction,
            .stage = stage,
            .part = part(far),
            .microbatch = number(far, count),
            .copy = copy(far)};
  }
  void forward(int far) { program.push_back(make(Instruction::forward, far, forwards[far]++)); }
  void backward(int far, bool split) {
    if (split) held.push_back(make(Instruction::backward_weight, far, backwards[far]));
    program.push_back(
        make(split ? Instruction::backward_input : Instruction::backward, far, backwards[far]++));
  }
  void weight() { program.push_back(held[released++]); }
  void both(int forward_far, int backward_far) {
    PipelineOp pair = make(Instruction::overlapped, forward_far, forwards[forward_far]++);
    pair.other_part = part(backward_far);
    pair.other_microbatch = number(backward_far, backwards[backward_far]++);
    program.push_back(pair);
  }
};

/// The eight phases of DeepSeek-V3's report, figure 5, as the counts of forwards, pairs and
/// backwards that a stage at distance `r` from its nearer end runs. Forwards fill up, pairs make up
/// the steady part, and split backwards with held weight gradients fill the drain.
Program dualpipe(const PipelineParameters& p, int stage) {
  const int half = p.stages / 2, r = std::min(stage, p.stages - 1 - stage);
  const int inner = half - 1 - r;
  DualPipeStage s{p, stage};
  for (int i = 0; i < 2 * inner; ++i) s.forward(0);
  for (int i = 0; i <= r; ++i) {
    s.forward(0);
    s.forward(1);
  }
  for (int i = 0; i < inner; ++i) {
    s.backward(1, true);
    s.weight();
    s.forward(1);
  }
  for (int i = 0; i < p.microbatches / 2 - p.stages + r + 1; ++i) {
    if (i == 0 && r == half - 1) {  // the two middle stages: their first pair would wait on itself
      s.forward(0);
      s.backward(1, false);
    } else {
      s.both(0, 1);
    }
    s.both(1, 0);
  }
  for (int i = 0; i < inner; ++i) {
    s.backward(1, false);
    s.both(1, 0);
  }
  bool split = false;
  for (int i = 0; i <= r; ++i) {
    if (i == (r + 1) / 2 && r % 2 == 1) split = true;
    s.backward(1, split);
    if (i == (r + 1) / 2 && r % 2 == 0) split = true;
    s.backward(0, split);
  }
  for (int i = 0; i < inner; ++i) {
    s.weight();
    s.backward(0, true);
  }
  while (s.released < s.held.size()) s.weight();
  return std::move(s.program);
}

}  // namespace

void check(const PipelineParameters& p, sim::Problems& problems) {
  if (p.schedule == Schedule::interleaved) {
    if (p.microbatches % p.stages != 0)
      problems.add("microbatches", "an interleaved pipeline needs a multiple of its stages",
                   "take " + std::to_string((p.microbatches / p.stages + 1) * p.stages) +
                       " microbatches, or another schedule");
  } else if (p.chunks != 1) {
    problems.add("chunks", "only `interleaved` has several chunks a stage",
                 "leave `chunks` out, or set `schedule: interleaved`");
  }
  if (p.schedule == Schedule::dualpipe) {
    if (p.stages % 2 != 0)
      problems.add("stages", "DualPipe needs an even number of stages",
                   "take " + std::to_string(p.stages + 1));
    if (p.microbatches % 2 != 0 || p.microbatches < 2 * p.stages)
      problems.add(
          "microbatches",
          "DualPipe needs an even number of microbatches, at least twice its stages",
          "take " + std::to_string(std::max(2 * p.stages, p.microbatches + 1)) + " or more");
  }
}

std::int32_t parts_of(const PipelineParameters& p) {
  return p.stages * p.chunks;
}

std::int32_t stage_of(const PipelineParameters& p, std::int32_t part, std::int32_t copy) {
  return copy == 0 ? part % p.stages : p.stages - 1 - part;
}

std::vector<std::vector<PipelineOp>> program_order(const PipelineParameters& p) {
  std::vector<Program> programs;
  for (int stage = 0; stage < p.stages; ++stage) {
    switch (p.schedule) {
      case Schedule::gpipe:
        programs.push_back(gpipe(p, stage));
        break;
      case Schedule::one_f_one_b:
        programs.push_back(one_f_one_b(p, stage));
        break;
      case Schedule::interleaved:
        programs.push_back(interleaved(p, stage));
        break;
      case Schedule::zb_h1:
        programs.push_back(zero_bubble(p, stage, 1));
        break;
      case Schedule::zb_h2:
        programs.push_back(zero_bubble(p, stage, 2));
        break;
      case Schedule::dualpipe:
        programs.push_back(dualpipe(p, stage));
        break;
    }
  }
  return programs;
}

std::optional<double> bubble_time(const PipelineParameters& p, double forward, double input,
                                  double weight) {
  const double gaps = p.stages - 1;
  const bool fills = weight <= forward && weight <= input;
  switch (p.schedule) {
    case Schedule::gpipe:
    case Schedule::one_f_one_b:
      return gaps * (forward + input + weight);
    case Schedule::interleaved:
      return gaps * (forward + input + weight) / p.chunks;
    case Schedule::zb_h1:
      if (!fills || p.microbatches < p.stages) return std::nullopt;
      return gaps * (forward + input - weight);
    case Schedule::zb_h2:
      if (!fills || p.microbatches < 2 * p.stages - 1) return std::nullopt;
      return gaps * (forward + input - 2 * weight);
    case Schedule::dualpipe:
      if (!fills || (p.stages / 2 - 1) * input > p.stages / 2 * forward) return std::nullopt;
      return (p.stages / 2 - 1) * (2 * forward + input - weight);
  }
  return std::nullopt;
}

}  // namespace mw::models
