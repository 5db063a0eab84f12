#pragma once
#include <cstdint>
#include <vector>

// Points in the unit cube, for designs. Each is a function of (seed, point, dimension).
namespace mw::analysis {

using UnitPoints = std::vector<std::vector<double>>;  // [point][dimension], each in (0, 1)

/// Independent uniform draws.
UnitPoints random_points(std::size_t points, std::size_t dimensions, std::uint64_t seed);

/// One point in each of n equal slices of every dimension, in an order of its own; where within
/// the slice is drawn. McKay, Beckman, Conover, Technometrics 21 (1979) 239.
UnitPoints latin_hypercube(std::size_t points, std::size_t dimensions, std::uint64_t seed);

/// Sobol's sequence with the direction numbers of Joe and Kuo (SIAM J. Sci. Comput. 30 (2008)
/// 2635), as Boost.Random holds them, shifted by a number of each dimension that is drawn from the
/// seed, in its binary digits (xor), which keeps its equidistribution; seed 0 leaves it unshifted.
/// The first point, the origin, belongs to it (Owen, arXiv:2008.08051).
UnitPoints sobol_points(std::size_t points, std::size_t dimensions, std::uint64_t seed);
inline constexpr std::size_t most_sobol_dimensions = 3667;  // of Boost's table

}  // namespace mw::analysis
