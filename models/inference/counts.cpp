#include "models/inference/counts.hpp"

#include <array>
#include <bit>

namespace mw::models {

void add(PodCounts& sum, const PodCounts& more) {
  // All fields are 64-bit integers: a fleet adds up the counts of each of its pods in every epoch.
  // Nanojoules and picoseconds of a large site outgrow them in a run, which must not stop it: they
  // wrap around, and whoever needs those sums keeps them otherwise.
  using Fields = std::array<std::uint64_t, sizeof(PodCounts) / sizeof(std::uint64_t)>;
  auto fields = std::bit_cast<Fields>(sum);
  const auto terms = std::bit_cast<Fields>(more);
  for (std::size_t i = 0; i < fields.size(); ++i) fields[i] += terms[i];
  sum = std::bit_cast<PodCounts>(fields);
}

}  // namespace mw::models
