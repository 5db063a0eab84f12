#include "models/training/schedule.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>

#include "models/training/pipeline_graph.hpp"
#include "sim/index.hpp"

using namespace mw;
using namespace mw::models;

namespace {

constexpr Schedule all[] = {Schedule::gpipe, Schedule::one_f_one_b, Schedule::interleaved,
                            Schedule::zb_h1, Schedule::zb_h2,       Schedule::dualpipe};

struct StageTimes {
  double forward, input, weight, overlapped;
};

std::vector<double> durations(const PipelineGraph& g, const StageTimes& t, int chunks) {
  std::vector<double> d;
  for (std::size_t i = 0; i < g.size(); ++i) {
    switch (g.op(i).instruction) {
      case Instruction::forward:
        d.push_back(t.forward / chunks);
        break;
      case Instruction::backward:
        d.push_back((t.input + t.weight) / chunks);
        break;
      case Instruction::backward_input:
        d.push_back(t.input / chunks);
        break;
      case Instruction::backward_weight:
        d.push_back(t.weight / chunks);
        break;
      case Instruction::overlapped:
        d.push_back(t.overlapped);
        break;
    }
  }
  return d;
}

double longest_bubble(const PipelineParameters& p, const StageTimes& t) {
  const PipelineGraph g = pipeline_graph(p);
  const auto d = durations(g, t, p.chunks);
  const auto bubbles = bubbles_of(g, d, earliest_times(g, d, 0));
  return *std::max_element(bubbles.begin(), bubbles.end());
}

bool valid(const PipelineParameters& p) {
  sim::Problems problems;
  check(p, problems);
  return problems.items.empty();
}

}  // namespace

// The graph's longest path against the papers' algebra, for any times in the forms' range.
TEST_CASE("bubbles of equal stages are those of the closed forms") {
  CHECK(rc::check([] {
    PipelineParameters p;
    p.schedule = *rc::gen::elementOf(std::vector<Schedule>(std::begin(all), std::end(all)));
    p.stages =
        p.schedule == Schedule::dualpipe ? 2 * *rc::gen::inRange(1, 6) : *rc::gen::inRange(1, 10);
    p.microbatches = p.stages * *rc::gen::inRange(2, 5);
    p.chunks = p.schedule == Schedule::interleaved ? *rc::gen::inRange(1, 5) : 1;
    RC_ASSERT(valid(p));
    StageTimes t{};
    t.weight = *rc::gen::inRange(1, 50);
    t.forward = t.weight + *rc::gen::inRange(0, 50);
    t.input = t.weight + *rc::gen::inRange(0, 50);
    if (p.schedule == Schedule::dualpipe) t.input = std::min(t.input, t.forward);
    t.overlapped = t.forward + t.input + t.weight;
    const auto form = bubble_time(p, t.forward, t.input, t.weight);
    RC_ASSERT(form.has_value());
    RC_ASSERT(std::abs(longest_bubble(p, t) - *form) < 1e-9 * (1 + *form) + 1e-9 * t.forward);
  }));
}

// 8 stages, 32 microbatches, F = B = W = 1: 21, 21, 21/4, 7, 0 and 6 (= 3 (3 + 1 - 2)).
TEST_CASE("bubbles of eight stages, in numbers") {
  const auto bubble = [](Schedule s, int chunks) {
    return longest_bubble({s, 8, 32, chunks}, {1, 1, 1, 3});
  };
  CHECK(bubble(Schedule::gpipe, 1) == 21);
  CHECK(bubble(Schedule::one_f_one_b, 1) == 21);
  CHECK(bubble(Schedule::interleaved, 4) == doctest::Approx(5.25));
  CHECK(bubble(Schedule::zb_h1, 1) == 7);
  CHECK(bubble(Schedule::zb_h2, 1) == 0);
  CHECK(bubble(Schedule::dualpipe, 1) == 6);
}

// A pair that overlaps well shortens the iteration: the steady part by what each pair saves.
TEST_CASE("DualPipe gains from overlap") {
  const auto time = [](int microbatches, double pair) {
    const PipelineGraph g = pipeline_graph({Schedule::dualpipe, 8, microbatches, 1});
    return earliest_times(g, durations(g, {10, 10, 8, pair}, 1), 0).total;
  };
  // Two microbatches more are two pairs more on each stage.
  CHECK(time(32, 24) - time(30, 24) == doctest::Approx(2 * 24));
  CHECK(time(32, 28) - time(30, 28) == doctest::Approx(2 * 28));
  CHECK(time(32, 24) < time(32, 28) - 16 * 4);
}

TEST_CASE("no closed form where weight gradients outlast the gaps, or microbatches run out") {
  CHECK(!bubble_time({Schedule::zb_h1, 4, 16, 1}, 1, 1, 1.1));
  CHECK(!bubble_time({Schedule::zb_h2, 4, 6, 1}, 1, 1, 1));
  CHECK(bubble_time({Schedule::zb_h2, 4, 7, 1}, 1, 1, 1) == 0);
}

// Each part sees each microbatch once forwards and once backwards, weight gradients follow.
TEST_CASE("every schedule does all the work, once") {
  for (const Schedule s : all) {
    const PipelineParameters p{s, 6, 24, s == Schedule::interleaved ? 3 : 1};
    std::map<std::tuple<int, int>, int> forwards, backwards, weights;
    for (const auto& ops : program_order(p)) {
      for (const PipelineOp& op : ops) {
        const bool pair = op.instruction == Instruction::overlapped;
        if (pair || op.instruction == Instruction::forward) {
          CHECK(stage_of(p, op.part, op.copy) == op.stage);
          ++forwards[{op.part, op.microbatch}];
        }
        const std::tuple back{pair ? op.other_part : op.part,
                              pair ? op.other_microbatch : op.microbatch};
        if (op.instruction != Instruction::forward &&
            op.instruction != Instruction::backward_weight)
          ++backwards[back];
        if (op.instruction != Instruction::forward && op.instruction != Instruction::backward_input)
          ++weights[back];
      }
    }
    for (const auto* counted : {&forwards, &backwards, &weights}) {
      CHECK(counted->size() == sim::idx(parts_of(p) * p.microbatches));
      for (const auto& [key, count] : *counted) CHECK(count == 1);
    }
  }
}

// 1F1B holds p - s microbatches on stage s, GPipe all; interleaved p (1 + (p-1)/(p v)) stages'
// worth, that is p v + p - 1 chunks, on the first; ZB-H1 p on each, ZB-H2 2p - 1, DualPipe p + 1.
TEST_CASE("activations held at most") {
  const auto peaks = [](Schedule s, int chunks) {
    return peak_activations(pipeline_graph({s, 8, 32, chunks}));
  };
  const auto f1b = peaks(Schedule::one_f_one_b, 1);
  for (int s = 0; s < 8; ++s) CHECK(f1b[sim::idx(s)] == 8 - s);
  CHECK(peaks(Schedule::gpipe, 1) == std::vector<std::int32_t>(8, 32));
  CHECK(peaks(Schedule::interleaved, 4).front() == 8 * 4 + 8 - 1);
  CHECK(peaks(Schedule::zb_h1, 1) == std::vector<std::int32_t>(8, 8));
  CHECK(peaks(Schedule::zb_h2, 1) == std::vector<std::int32_t>(8, 15));
  CHECK(peaks(Schedule::dualpipe, 1) == std::vector<std::int32_t>(8, 9));
}

namespace {

/// Orders of one stage: sequences of F, B (and W), microbatches in order, each after its former.
void orders(int m, bool split, int held, std::vector<int>& now, std::array<int, 3> done,
            std::vector<std::vector<int>>& found) {
  const int kinds = split ? 3 : 2;
  if (done[sim::idx(kinds - 1)] == m) {
    found.push_back(now);
    return;
  }
  for (int k = 0; k < kinds; ++k) {
    const int before = k == 0 ? m : done[sim::idx(k - 1)];
    if (done[sim::idx(k)] >= before) continue;
    if (k == 0 && done[0] - done[sim::idx(kinds - 1)] >= held) continue;
    auto more = done;
    ++more[sim::idx(k)];
    now.push_back(k);
    orders(m, split, held, now, more, found);
    now.pop_back();
  }
}

/// Time of an iteration in which each stage keeps to its order, found by running it.
int played(const std::vector<const std::vector<int>*>& order, const int (&time)[3]) {
  const std::size_t p = order.size();
  std::vector<std::size_t> at(p, 0);
  std::vector<int> free(p, 0);
  std::vector<std::array<std::vector<int>, 3>> ends(p);
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t s = 0; s < p; ++s) {
      while (at[s] < order[s]->size()) {
        const auto k = sim::idx((*order[s])[at[s]]);
        const std::size_t m = ends[s][k].size();
        int ready = free[s];
        if (k == 0 && s > 0) {
          if (ends[s - 1][0].size() <= m) break;
          ready = std::max(ready, ends[s - 1][0][m]);
        }
        if (k == 1) {
          const auto& needs = s + 1 < p ? ends[s + 1][1] : ends[s][0];
          if (needs.size() <= m) break;
          ready = std::max(ready, needs[m]);
        }
        free[s] = ready + time[k];
        ends[s][k].push_back(free[s]);
        ++at[s];
        moved = true;
      }
    }
  }
  for (std::size_t s = 0; s < p; ++s)
    if (at[s] < order[s]->size()) return std::numeric_limits<int>::max();  // stuck
  return *std::max_element(free.begin(), free.end());
}

/// The shortest iteration over all orders of all stages.
int shortest(int p, int m, bool split, int held, const int (&time)[3]) {
  std::vector<std::vector<int>> found;
  std::vector<int> now;
  orders(m, split, held, now, {}, found);
  std::vector<std::size_t> pick(sim::idx(p), 0);
  int best = std::numeric_limits<int>::max();
  while (true) {
    std::vector<const std::vector<int>*> order;
    for (const std::size_t i : pick) order.push_back(&found[i]);
    best = std::min(best, played(order, time));
    std::size_t s = 0;
    while (s < pick.size() && ++pick[s] == found.size()) pick[s++] = 0;
    if (s == pick.size()) return best;
  }
}

double total(const PipelineParameters& p, const StageTimes& t) {
  const PipelineGraph g = pipeline_graph(p);
  return earliest_times(g, durations(g, t, p.chunks), 0).total;
}

}  // namespace

// No order of whole backwards beats (m + p - 1)(F + B) on equal stages, and 1F1B and GPipe meet it.
TEST_CASE("1F1B is the shortest of all orders, by trying them all") {
  for (const auto& [p, m] : {std::pair{2, 4}, {3, 3}, {3, 4}, {4, 2}}) {
    const int least = shortest(p, m, false, m, {2, 3, 0});
    CHECK(least == (m + p - 1) * 5);
    CHECK(total({Schedule::one_f_one_b, p, m, 1}, {2, 1.5, 1.5, 0}) == least);
    CHECK(total({Schedule::gpipe, p, m, 1}, {2, 1.5, 1.5, 0}) == least);
  }
}

// With the backward split and at most p microbatches held, ZB-H1 is the shortest order.
TEST_CASE("ZB-H1 is the shortest of all orders with its memory, by trying them all") {
  for (const auto& [p, m] : {std::pair{2, 3}, {2, 4}, {3, 3}}) {
    const int least = shortest(p, m, true, p, {3, 4, 2});
    CHECK(total({Schedule::zb_h1, p, m, 1}, {3, 4, 2, 0}) == least);
  }
}

TEST_CASE("the critical path is as long as the iteration, and has no slack") {
  const PipelineGraph g = pipeline_graph({Schedule::one_f_one_b, 4, 8, 1});
  std::vector<double> d;
  for (std::size_t i = 0; i < g.size(); ++i) d.push_back(1 + 0.37 * static_cast<double>(i % 7));
  constexpr double transfer = 0.25;
  const double all_time = earliest_times(g, d, transfer).total;
  const auto path = critical_path(g, d, transfer);
  const auto slack = slack_of(g, d, transfer);
  double sum = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    sum += d[path[i]];
    if (i > 0 && g.op(path[i]).stage != g.op(path[i - 1]).stage) sum += transfer;
    CHECK(slack[path[i]] == doctest::Approx(0).epsilon(1e-12));
  }
  CHECK(sum == doctest::Approx(all_time));
  for (const double s : slack) CHECK(s >= -1e-12);
  // An op longer by its slack leaves the iteration as it was; by more, it does not.
  for (std::size_t i = 0; i < g.size(); i += 5) {
    auto longer = d;
    longer[i] += slack[i];
    CHECK(earliest_times(g, longer, transfer).total == doctest::Approx(all_time));
    longer[i] += 0.1;
    CHECK(earliest_times(g, longer, transfer).total == doctest::Approx(all_time + 0.1));
  }
}

TEST_CASE("shapes that a schedule cannot have are refused") {
  CHECK(!valid({Schedule::interleaved, 4, 6, 2}));
  CHECK(!valid({Schedule::one_f_one_b, 4, 6, 2}));
  CHECK(!valid({Schedule::dualpipe, 3, 12, 1}));
  CHECK(!valid({Schedule::dualpipe, 4, 6, 1}));
  CHECK(valid({Schedule::dualpipe, 4, 8, 1}));
}
