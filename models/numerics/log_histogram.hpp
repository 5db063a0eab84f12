#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "sim/describe.hpp"
#include "sim/host_device.hpp"

namespace mw::models {

/// Counts of positive values in bins of equal relative width, after Tene's HdrHistogram: a bin is a
/// binary exponent and the first six bits of the fraction, so it is at most 1/64 wide and its
/// middle is off by at most 1/128 = 0.8 %. The bin is read off the bits of the double: no
/// logarithm, the same on every machine. Merging adds integers, so the order of merging does not
/// matter.
struct LogHistogram {
  static constexpr int fraction_bits = 6;
  static constexpr int bins_per_octave = 1 << fraction_bits;
  static constexpr int lowest_exponent = -20;  // 2^-20 s = 0.95 us; anything below counts as that
  static constexpr int octaves = 44;           // up to 2^24 s = 194 days

  std::int64_t first = 0;            // bin of counts[0]
  std::vector<std::int64_t> counts;  // from the lowest bin seen to the highest
  std::int64_t total = 0;
  double smallest = 0, largest = 0;  // of the values as given

  void add(double value, std::int64_t times = 1) { add_in(bin_of(value), value, times); }
  /// The same where the value's bin is known already.
  void add_in(std::size_t bin, double value, std::int64_t times) {
    // Below the first bin the difference wraps round to a huge number: one test for both ends.
    std::size_t at = bin - static_cast<std::size_t>(first);
    if (at >= counts.size()) at = grow(bin, bin + 1);
    counts[at] += times;
    if (total == 0 || value < smallest) smallest = value;
    if (total == 0 || value > largest) largest = value;
    total += times;
  }

  /// Moves the extremes as one more value would, without counting it.
  void extend(double value) {
    if (value < smallest) smallest = value;
    if (value > largest) largest = value;
  }

  /// `times`: how often each of its values counts.
  void merge(const LogHistogram& other, std::int64_t times = 1) {
    if (other.total == 0 || times == 0) return;
    // A histogram that was cleared keeps its bins: only those that hold something go over.
    std::size_t from = 0, to = other.counts.size();
    while (other.counts[from] == 0) ++from;
    while (other.counts[to - 1] == 0) --to;
    const auto shift = static_cast<std::size_t>(other.first);
    const std::size_t at = grow(shift + from, shift + to);
    for (std::size_t i = from; i < to; ++i) counts[at + i - from] += other.counts[i] * times;
    if (total == 0 || other.smallest < smallest) smallest = other.smallest;
    if (total == 0 || other.largest > largest) largest = other.largest;
    total += other.total * times;
  }

  /// Counts nothing again, and keeps its memory for the next round.
  void clear() {
    std::fill(counts.begin(), counts.end(), 0);
    total = 0;
    smallest = largest = 0;
  }

  /// The value of rank ceil(q * total), q in [0, 1]; within 0.8 %, and exact at both ends. 0 where
  /// nothing was counted.
  double quantile(double q) const {
    if (total == 0) return 0;
    const double wanted = q * static_cast<double>(total);
    std::int64_t rank = static_cast<std::int64_t>(wanted);
    if (static_cast<double>(rank) < wanted) ++rank;
    if (rank <= 1) return smallest;
    if (rank >= total) return largest;
    std::int64_t seen = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      seen += counts[i];
      if (seen >= rank) return within(middle_of(bin_at(i)));
    }
    return largest;
  }

  /// The same, with the values of a bin taken as spread evenly over it: moves with every value, so
  /// that differences between like histograms can be told.
  double smooth_quantile(double q) const {
    if (total == 0) return 0;
    const double wanted = q * static_cast<double>(total);
    double seen = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const auto here = static_cast<double>(counts[i]);
      if (here > 0 && seen + here >= wanted) {
        // The middle of a bin is half a bin above its lower edge.
        const double middle = middle_of(bin_at(i));
        const double width = 2 * (middle - lower_edge_of(bin_at(i)));
        return within(middle + ((wanted - seen) / here - 0.5) * width);
      }
      seen += here;
    }
    return largest;
  }

  /// Within 0.8 %: from the middles of the bins.
  double mean() const {
    if (total == 0) return 0;
    double sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] > 0) sum += static_cast<double>(counts[i]) * within(middle_of(bin_at(i)));
    }
    return sum / static_cast<double>(total);
  }

  bool operator==(const LogHistogram&) const = default;

  MW_HD static std::size_t bin_of(double value) {
    std::uint64_t bits = 0;
    if (!(value > 0)) return 0;
    std::memcpy(&bits, &value, sizeof bits);
    // Exponent and leading fraction bits are neighbours in IEEE 754: one shift gives the bin.
    const auto raw = static_cast<std::int64_t>(bits >> (52 - fraction_bits));
    const std::int64_t bin = raw - std::int64_t{1023 + lowest_exponent} * bins_per_octave;
    constexpr std::int64_t last = std::int64_t{octaves} * bins_per_octave - 1;
    return static_cast<std::size_t>(bin < 0 ? 0 : bin > last ? last : bin);
  }

 private:
  std::size_t bin_at(std::size_t i) const { return static_cast<std::size_t>(first) + i; }

  /// Makes room for bins [from, to); returns where `from` stands among the counts.
  std::size_t grow(std::size_t from, std::size_t to) {
    if (counts.empty()) first = static_cast<std::int64_t>(from);
    const auto low = static_cast<std::size_t>(first);
    if (from < low) {
      counts.insert(counts.begin(), low - from, 0);
      first = static_cast<std::int64_t>(from);
    }
    const std::size_t at = from - static_cast<std::size_t>(first);
    if (at + (to - from) > counts.size()) counts.resize(at + (to - from), 0);
    return at;
  }

  double within(double value) const {
    return value < smallest ? smallest : value > largest ? largest : value;
  }

  static double middle_of(std::size_t bin) {
    return value_of(lower_bits_of(bin) + (std::uint64_t{1} << (51 - fraction_bits)));
  }
  static double lower_edge_of(std::size_t bin) { return value_of(lower_bits_of(bin)); }
  static std::uint64_t lower_bits_of(std::size_t bin) {
    const auto raw = static_cast<std::uint64_t>(
        static_cast<std::int64_t>(bin) + std::int64_t{1023 + lowest_exponent} * bins_per_octave);
    return raw << (52 - fraction_bits);
  }
  static double value_of(std::uint64_t bits) {
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
};

template <sim::Describes<LogHistogram> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("first", self.first, About{.text = "Bin of the first count", .min = 0});
  visit("counts", self.counts, About{.text = "Values in each bin"});
  visit("total", self.total, About{.text = "Values in all bins", .min = 0});
  visit("smallest", self.smallest, About{.text = "Smallest value"});
  visit("largest", self.largest, About{.text = "Largest value"});
}

}  // namespace mw::models
