#include "analysis/study/sequences.hpp"

#include <boost/random/sobol.hpp>
#include <numeric>

#include "sim/random.hpp"

namespace mw::analysis {
namespace {

enum Purpose : std::uint32_t { draw = 0x5eed0001, slice, shift };

sim::Stream stream(std::uint64_t seed, std::size_t dimension, Purpose purpose) {
  return {seed, static_cast<std::uint32_t>(dimension), purpose};
}

/// Fisher and Yates's shuffle. The modulo's bias is below n / 2^64.
std::vector<std::size_t> shuffled(std::size_t n, sim::Stream s) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[sim::bits(s, i).first % i]);
  return order;
}

}  // namespace

UnitPoints random_points(std::size_t points, std::size_t dimensions, std::uint64_t seed) {
  UnitPoints out(points, std::vector<double>(dimensions));
  for (std::size_t d = 0; d < dimensions; ++d)
    for (std::size_t p = 0; p < points; ++p) out[p][d] = sim::uniform(stream(seed, d, draw), p);
  return out;
}

UnitPoints latin_hypercube(std::size_t points, std::size_t dimensions, std::uint64_t seed) {
  UnitPoints out(points, std::vector<double>(dimensions));
  for (std::size_t d = 0; d < dimensions; ++d) {
    const auto order = shuffled(points, stream(seed, d, slice));
    for (std::size_t p = 0; p < points; ++p)
      out[p][d] = (static_cast<double>(order[p]) + sim::uniform(stream(seed, d, draw), p)) /
                  static_cast<double>(points);
  }
  return out;
}

UnitPoints sobol_points(std::size_t points, std::size_t dimensions, std::uint64_t seed) {
  UnitPoints out(points, std::vector<double>(dimensions));
  if (dimensions == 0) return out;
  boost::random::sobol engine(dimensions);
  for (std::size_t p = 0; p < points; ++p)
    for (std::size_t d = 0; d < dimensions; ++d) {
      // Boost leaves the origin out.
      std::uint64_t digits = p == 0 ? 0 : engine();
      if (seed != 0) digits ^= sim::bits(stream(seed, d, shift), 0).first;
      out[p][d] = sim::unit_interval(digits);
    }
  return out;
}

}  // namespace mw::analysis
