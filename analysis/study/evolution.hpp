#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

// Search by NSGA-II: Deb, Pratap, Agarwal, Meyarivan, IEEE Trans. Evolutionary Computation 6 (2002)
// 182. Own, because the libraries at hand ask for one point at a time and want numbers, where
// a study has runs to fill all cores with and factors that are names.
namespace mw::analysis {

/// A place in the unit cube, one number of [0, 1] for each factor.
using Genome = std::vector<double>;

struct Individual {
  Genome genome;
  std::vector<double> objectives;  // all to be minimised
  double violation = 0;            // 0: feasible; less is nearer to it
};

/// Whether `a` is better: feasible where `b` is not, or nearer to it; of feasible ones, no worse in
/// every objective and better in one.
bool dominates(const Individual& a, const Individual& b);

/// Indices of those that nobody dominates.
std::vector<std::size_t> first_front(const std::vector<Individual>& all);

struct EvolutionOptions {
  std::size_t population = 24;  // at least 4
  std::uint64_t seed = 1;
  // By factor: 0 for a range, otherwise the number of its levels, which have no order.
  std::vector<std::size_t> levels;
};

/// Generations, asked for and told of in turn. The same answers give the same questions.
class Evolution {
 public:
  explicit Evolution(EvolutionOptions options);

  /// The next generation: at first a Latin hypercube, then children of the best so far by
  /// tournament, simulated binary crossover and polynomial mutation (Deb and Agrawal, Complex
  /// Systems 9 (1995) 115, with their usual distribution indices, 15 and 20); levels are inherited
  /// from either parent, or drawn anew.
  std::vector<Genome> ask() const;
  /// What the generation came to, in its order. The best of it and of those before live on.
  void tell(std::vector<Individual> generation);

  const std::vector<Individual>& living() const { return living_; }

 private:
  EvolutionOptions options_;
  std::vector<Individual> living_;  // best rank first, within a rank the least crowded
  std::uint64_t generation_ = 0;
};

}  // namespace mw::analysis
