#pragma once
#include <array>
#include <cstdint>
#include <cstring>

namespace mw::models {

/// The inverse of the gamma distribution (given shape, scale 1) as a table: a draw costs a look-up
/// and a cubic instead of a rejection with logarithms. From portable arithmetic alone, so the same
/// on every machine.
///
/// With u the probability below and v = min(u, 1 - u), a cell is a sixteenth of an octave of v, on
/// either side of the median; in it a cubic meets value and slope at both ends. The error is below
/// 1e-6 of the value for shapes from `least_shape` to `most_shape` (the tests measure it).
class GammaQuantile {
 public:
  static constexpr double least_shape = 0.3, most_shape = 100;

  explicit GammaQuantile(double shape);

  /// 2^-53 <= u <= 1 - 2^-53, as sim::unit_interval gives it; not 1/2 itself.
  double at(double u) const {
    const bool upper = u > 0.5;
    const double v = upper ? 1 - u : u;
    std::uint64_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    const Cell& cell = cells_[(bits >> cell_shift) - first_cell + (upper ? side : 0)];
    const std::uint64_t start_bits = bits >> cell_shift << cell_shift;
    double start;
    std::memcpy(&start, &start_bits, sizeof start);
    const double d = v - start;
    return cell.a + d * (cell.b + d * (cell.c + d * cell.d));
  }

 private:
  static constexpr int per_octave_bits = 4, octaves = 52;  // 2^-53 to 1/2
  static constexpr int cell_shift = 52 - per_octave_bits;
  static constexpr std::uint64_t first_cell = std::uint64_t{1023 - 53} << per_octave_bits;
  static constexpr std::size_t side = octaves << per_octave_bits;

  struct Cell {
    double a = 0, b = 0, c = 0, d = 0;
  };
  std::array<Cell, 2 * side> cells_;
};

}  // namespace mw::models
