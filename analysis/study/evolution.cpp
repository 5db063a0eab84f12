#include "analysis/study/evolution.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "analysis/study/sequences.hpp"
#include "sim/random.hpp"

namespace mw::analysis {
namespace {

constexpr double crossover_index = 15, mutation_index = 20;
constexpr double crossover_chance = 0.9, exchange_chance = 0.5;

/// Draws of one child, one after the other.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t generation, std::size_t child)
      : stream_{seed, static_cast<std::uint32_t>(child), 0x5eed0010}, at_(generation << 24) {}
  double uniform() { return sim::uniform(stream_, at_++); }
  std::size_t below(std::size_t n) {
    return std::min(static_cast<std::size_t>(uniform() * static_cast<double>(n)), n - 1);
  }

 private:
  sim::Stream stream_;
  std::uint64_t at_;
};

/// Rank of each: 0 for those that nobody dominates, 1 for those only these do, ...
std::vector<std::size_t> ranks(const std::vector<Individual>& all) {
  const std::size_t n = all.size();
  std::vector<std::size_t> rank(n, 0), above(n, 0), front;
  std::vector<std::vector<std::size_t>> below(n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (i != j && dominates(all[i], all[j])) {
        below[i].push_back(j);
        ++above[j];
      }
  for (std::size_t i = 0; i < n; ++i)
    if (above[i] == 0) front.push_back(i);
  for (std::size_t r = 0; !front.empty(); ++r) {
    std::vector<std::size_t> next;
    for (const std::size_t i : front) {
      rank[i] = r;
      for (const std::size_t j : below[i])
        if (--above[j] == 0) next.push_back(j);
    }
    front = std::move(next);
  }
  return rank;
}

/// How far each one's neighbours on its front are, summed over the objectives in units of their
/// span; infinite at the ends.
std::vector<double> crowding(const std::vector<Individual>& all,
                             const std::vector<std::size_t>& rank) {
  std::vector<double> distance(all.size(), 0);
  const std::size_t last = rank.empty() ? 0 : *std::max_element(rank.begin(), rank.end());
  for (std::size_t r = 0; r <= last; ++r) {
    std::vector<std::size_t> front;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (rank[i] == r) front.push_back(i);
    for (std::size_t o = 0; o < all[0].objectives.size(); ++o) {
      const auto value = [&](std::size_t i) { return all[i].objectives[o]; };
      std::stable_sort(front.begin(), front.end(),
                       [&](std::size_t a, std::size_t b) { return value(a) < value(b); });
      const double span = value(front.back()) - value(front.front());
      distance[front.front()] = distance[front.back()] = std::numeric_limits<double>::infinity();
      if (!(span > 0)) continue;
      for (std::size_t k = 1; k + 1 < front.size(); ++k)
        distance[front[k]] += (value(front[k + 1]) - value(front[k - 1])) / span;
    }
  }
  return distance;
}

/// Simulated binary crossover within [0, 1]: spread about the parents as one bit flipped in binary
/// numbers would, narrowed so that no child leaves the range.
double crossed(double a, double b, Draws& draws) {
  if (std::fabs(a - b) < 1e-14) return a;
  const double low = std::min(a, b), high = std::max(a, b), u = draws.uniform();
  const bool lower = draws.uniform() < 0.5;
  const double room = lower ? low : 1 - high;
  const double beta = 1 + 2 * room / (high - low);
  const double alpha = 2 - std::pow(beta, -(crossover_index + 1));
  const double spread = u <= 1 / alpha ? std::pow(u * alpha, 1 / (crossover_index + 1))
                                       : std::pow(1 / (2 - u * alpha), 1 / (crossover_index + 1));
  const double child = 0.5 * (low + high + (lower ? -spread : spread) * (high - low));
  return std::clamp(child, 0.0, 1.0);
}

/// Polynomial mutation within [0, 1].
double mutated(double x, Draws& draws) {
  const double u = draws.uniform(), power = 1 / (mutation_index + 1);
  const double step =
      u < 0.5 ? std::pow(2 * u + (1 - 2 * u) * std::pow(1 - x, mutation_index + 1), power) - 1
              : 1 - std::pow(2 * (1 - u) + (2 * u - 1) * std::pow(x, mutation_index + 1), power);
  return std::clamp(x + step, 0.0, 1.0);
}

}  // namespace

bool dominates(const Individual& a, const Individual& b) {
  if (a.violation > 0 || b.violation > 0) return a.violation < b.violation;
  bool better = false;
  for (std::size_t o = 0; o < a.objectives.size(); ++o) {
    if (a.objectives[o] > b.objectives[o]) return false;
    better = better || a.objectives[o] < b.objectives[o];
  }
  return better;
}

std::vector<std::size_t> first_front(const std::vector<Individual>& all) {
  const auto rank = ranks(all);
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (rank[i] == 0) out.push_back(i);
  return out;
}

Evolution::Evolution(EvolutionOptions options) : options_(std::move(options)) {}

std::vector<Genome> Evolution::ask() const {
  const std::size_t genes = options_.levels.size();
  if (living_.empty()) return latin_hypercube(options_.population, genes, options_.seed);
  std::vector<Genome> out;
  for (std::size_t child = 0; child < options_.population; ++child) {
    Draws draws(options_.seed, generation_, child);
    // The living stand best first, so the smaller index wins a tournament of two.
    const auto parent = [&]() -> const Genome& {
      const std::size_t a = draws.below(living_.size()), b = draws.below(living_.size());
      return living_[std::min(a, b)].genome;
    };
    const Genome &mother = parent(), &father = parent();
    const bool cross = draws.uniform() < crossover_chance;
    Genome genome(genes);
    for (std::size_t g = 0; g < genes; ++g) {
      const bool exchange = cross && draws.uniform() < exchange_chance;
      const bool mutate = draws.uniform() < 1 / static_cast<double>(genes);
      if (options_.levels[g] > 0) {
        genome[g] = mutate ? draws.uniform() : exchange ? father[g] : mother[g];
      } else {
        genome[g] = exchange ? crossed(mother[g], father[g], draws) : mother[g];
        if (mutate) genome[g] = mutated(genome[g], draws);
      }
    }
    out.push_back(std::move(genome));
  }
  return out;
}

void Evolution::tell(std::vector<Individual> generation) {
  ++generation_;
  // One of a kind: equal ones would fill the population without telling anything.
  for (Individual& one : generation)
    if (std::none_of(living_.begin(), living_.end(),
                     [&](const Individual& old) { return old.genome == one.genome; }))
      living_.push_back(std::move(one));
  const auto rank = ranks(living_);
  const auto distance = crowding(living_, rank);
  std::vector<std::size_t> order(living_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return rank[a] != rank[b] ? rank[a] < rank[b] : distance[a] > distance[b];
  });
  order.resize(std::min(order.size(), options_.population));
  std::vector<Individual> best;
  for (const std::size_t i : order) best.push_back(std::move(living_[i]));
  living_ = std::move(best);
}

}  // namespace mw::analysis
