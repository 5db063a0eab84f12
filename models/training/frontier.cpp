#include "models/training/frontier.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/training/frontier_flow.hpp"
#include "sim/index.hpp"
#include "sim/invariant.hpp"

namespace mw::models {
namespace {

/// Costs per step as integers, so that flows are exact and a cut's arcs are saturated to the bit.
/// slope[d] is what the step from d to d - 1 costs, for d above the shortest; it does not rise with
/// d. run_down[d]: how many steps from d downwards cost the same; run_up[d]: from d upwards.
struct Slopes {
  std::int32_t shortest = 0, longest = 0;
  std::vector<std::int64_t> slope{};
  std::vector<std::int32_t> run_down{}, run_up{};

  std::int64_t faster(std::int32_t d) const {  // the upper bound of the flow
    return d > shortest ? slope[sim::idx(d - shortest - 1)] : unbounded;
  }
  std::int64_t slower(std::int32_t d) const {  // the lower bound
    return d < longest ? slope[sim::idx(d - shortest)] : 0;
  }
};

Slopes slopes_of(const CostCurve& curve, double scale) {
  Slopes s{.shortest = curve.shortest, .longest = curve.longest()};
  const std::size_t n = curve.cost.size() - 1;
  s.slope.resize(n);
  std::int64_t at_most = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i < n; ++i) {
    const auto rounded =
        static_cast<std::int64_t>(std::llround((curve.cost[i] - curve.cost[i + 1]) * scale));
    s.slope[i] = at_most = std::clamp<std::int64_t>(rounded, 0, at_most);
  }
  s.run_down.assign(n, 1);
  s.run_up.assign(n, 1);
  for (std::size_t i = 1; i < n; ++i)
    if (s.slope[i] == s.slope[i - 1]) s.run_down[i] = s.run_down[i - 1] + 1;
  for (std::size_t i = n; i-- > 1;)
    if (s.slope[i] == s.slope[i - 1]) s.run_up[i - 1] = s.run_up[i] + 1;
  return s;
}

/// The factor that makes costs integers: the sum of all that could ever be paid stays below 2^60.
double scale_of(const FrontierProblem& p) {
  double all = 0;
  for (const std::size_t c : p.curve_of) all += p.curves[c].cost.front() - p.curves[c].cost.back();
  if (!(all > 0)) return 1;
  return std::exp2(std::floor(60 - std::log2(all)) - 1);
}

class Solver {
 public:
  explicit Solver(const FrontierProblem& problem)
      : p_(problem), n_(problem.graph->size()), scale_(scale_of(problem)) {
    for (const CostCurve& curve : p_.curves) slopes_.push_back(slopes_of(curve, scale_));
    for (std::size_t i = 0; i < n_; ++i) d_.push_back(slopes_[p_.curve_of[i]].longest);
    start();
  }

  Frontier solve() {
    Frontier f;
    f.slowest = d_;
    double cost = 0;
    for (std::size_t i = 0; i < n_; ++i) cost += p_.curves[p_.curve_of[i]].at(d_[i]);
    std::int64_t paid = 0;
    const double base = cost;
    while (flow_.maximise()) {
      const std::int32_t steps = room();
      const double slope = static_cast<double>(flow_.value()) / scale_;
      f.corners.push_back({time_[sink()], cost, slope, f.changes.size()});
      move(steps, f.changes);
      paid += flow_.value() * steps;
      cost = base + static_cast<double>(paid) / scale_;
    }
    f.corners.push_back({time_[sink()], cost, 0, f.changes.size()});
    return f;
  }

 private:
  const FrontierProblem& p_;
  std::size_t n_;
  double scale_;
  std::vector<Slopes> slopes_;
  std::vector<std::int32_t> d_;      // duration of each op
  std::vector<std::int64_t> time_;   // of each node: begin and end of each op, source, sink
  std::vector<std::int64_t> fixed_;  // least time along each arc after the ops' own
  FrontierFlow flow_;

  std::size_t source() const { return 2 * n_; }
  std::size_t sink() const { return 2 * n_ + 1; }

  const Slopes& slopes(std::size_t op) const { return slopes_[p_.curve_of[op]]; }

  /// Earliest times at the slowest durations, and the network: arc i is op i, then the waits.
  void start() {
    time_.assign(2 * n_ + 2, 0);
    const OpGraph& g = p_.graph->graph;
    for (std::size_t i = 0; i < n_; ++i) flow_.add_arc(2 * i, 2 * i + 1);
    fixed_.assign(n_, 0);
    const auto add_wait = [&](std::size_t from, std::size_t to, std::int64_t least) {
      flow_.add_arc(from, to);
      fixed_.push_back(least);
    };
    for (const std::size_t v : p_.graph->order) {
      const auto [begin, end] = boost::in_edges(v, g);
      if (begin == end) add_wait(source(), 2 * v, 0);
      for (auto e = begin; e != end; ++e) {
        const std::size_t u = boost::source(*e, g);
        const std::int64_t least = g[*e].crosses ? p_.transfer : 0;
        add_wait(2 * u + 1, 2 * v, least);
        time_[2 * v] = std::max(time_[2 * v], time_[2 * u + 1] + least);
      }
      time_[2 * v + 1] = time_[2 * v] + d_[v];
      if (boost::out_degree(v, g) == 0) add_wait(2 * v + 1, sink(), 0);
      time_[sink()] = std::max(time_[sink()], time_[2 * v + 1]);
    }
    flow_.finish(source(), sink());
    for (std::size_t a = 0; a < flow_.arcs(); ++a) set_bounds(a);
  }

  std::int64_t spare(std::size_t arc) const {
    const std::int64_t least = arc < n_ ? d_[arc] : fixed_[arc];
    return time_[flow_.to(arc)] - time_[flow_.from(arc)] - least;
  }

  /// A flow runs along critical arcs only: between the gain of a slower and the price of a faster
  /// step on ops, without limit on waits.
  void set_bounds(std::size_t arc) {
    if (spare(arc) > 0)
      flow_.set_bounds(arc, 0, 0);
    else if (arc < n_)
      flow_.set_bounds(arc, slopes(arc).slower(d_[arc]), slopes(arc).faster(d_[arc]));
    else
      flow_.set_bounds(arc, 0, unbounded);
  }

  /// How many steps the present cut can move before a bound changes that matters to it.
  std::int32_t room() const {
    std::int64_t steps = std::numeric_limits<std::int32_t>::max();
    for (const std::size_t arc : flow_.cut()) {
      const bool forwards = flow_.on_source_side(flow_.from(arc));
      const std::int64_t slack = spare(arc);
      if (forwards && slack > 0) {
        steps = std::min(steps, slack);
      } else if (arc < n_) {
        const Slopes& s = slopes(arc);
        if (forwards)
          steps = std::min<std::int64_t>(steps, s.run_down[sim::idx(d_[arc] - s.shortest - 1)]);
        else if (slack == 0 && d_[arc] < s.longest)
          steps = std::min<std::int64_t>(steps, s.run_up[sim::idx(d_[arc] - s.shortest)]);
      }
    }
    return static_cast<std::int32_t>(steps);
  }

  void move(std::int32_t steps, std::vector<DurationChange>& changes) {
    for (const std::size_t arc : flow_.cut()) {
      if (arc >= n_ || spare(arc) > 0) continue;
      const bool forwards = flow_.on_source_side(flow_.from(arc));
      if (!forwards && d_[arc] == slopes(arc).longest) continue;
      d_[arc] += forwards ? -steps : steps;
      changes.push_back({static_cast<std::uint32_t>(arc), forwards ? -1 : 1});
    }
    for (std::size_t node = 0; node < time_.size(); ++node)
      if (!flow_.on_source_side(node)) time_[node] -= steps;
    for (const std::size_t arc : flow_.cut()) set_bounds(arc);
  }
};

/// The corner from which `time` is reached: the last that is not faster.
std::size_t corner_before(const Frontier& f, std::int64_t time) {
  MW_INVARIANT(time <= f.longest() && time >= f.shortest(), "a time within the frontier");
  const auto after = std::partition_point(f.corners.begin(), f.corners.end(),
                                          [&](const FrontierCorner& c) { return c.time >= time; });
  return sim::idx(after - f.corners.begin() - 1);
}

}  // namespace

Frontier solve_frontier(const FrontierProblem& problem) {
  return Solver(problem).solve();
}

double cost_at(const Frontier& f, std::int64_t time) {
  const FrontierCorner& c = f.corners[corner_before(f, time)];
  return c.cost + c.slope * static_cast<double>(c.time - time);
}

std::vector<std::int32_t> durations_at(const Frontier& f, std::int64_t time) {
  std::vector<std::int32_t> d = f.slowest;
  for (std::size_t i = 0; i < f.corners.size() && f.corners[i].time > time; ++i) {
    const bool last = i + 1 == f.corners.size();
    const std::size_t end = last ? f.changes.size() : f.corners[i + 1].change;
    const auto steps = static_cast<std::int32_t>(
        f.corners[i].time - std::max(time, last ? time : f.corners[i + 1].time));
    for (std::size_t c = f.corners[i].change; c < end; ++c)
      d[f.changes[c].op] += f.changes[c].by * steps;
  }
  return d;
}

}  // namespace mw::models
