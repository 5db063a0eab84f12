#include "models/numerics/log_histogram.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <vector>

using mw::models::LogHistogram;

// Every value from a microsecond to months comes back within 1 % of itself: alone, it is smallest
// and largest, so a second and a third value around it make the bins answer.
TEST_CASE("a quantile is within 1 % of the value at its rank") {
  for (double v = 1e-6; v < 1.6e7; v *= 1.00917) {
    LogHistogram h;
    h.add(1e-6);
    h.add(v);
    h.add(1.6e7);
    CHECK(h.quantile(0.5) == doctest::Approx(v).epsilon(0.01));
  }
}

TEST_CASE("quantiles of random values lie within 1 % of the sorted list's") {
  CHECK(rc::check([] {
    const auto exponents = *rc::gen::nonEmpty<std::vector<int>>();
    std::vector<double> values;
    LogHistogram h;
    for (int e : exponents) {
      values.push_back(std::exp2((e % 3000) / 200.0));  // 2^-15 to 2^15
      h.add(values.back());
    }
    std::sort(values.begin(), values.end());
    for (const double q : {0.0, 0.01, 0.5, 0.9, 0.99, 1.0}) {
      const auto rank = static_cast<std::size_t>(
          std::max(1.0, std::ceil(q * static_cast<double>(values.size()))));
      const double exact = values[rank - 1];
      RC_ASSERT(std::fabs(h.quantile(q) - exact) <= 0.01 * exact);
    }
  }));
}

TEST_CASE("merging parts in any order equals counting all at once") {
  CHECK(rc::check([](const std::vector<unsigned>& numbers) {
    LogHistogram all, even, odd;
    for (unsigned n : numbers) {
      const double value = 1e-6 * n;
      all.add(value);
      (n % 2 == 0 ? even : odd).add(value);
    }
    LogHistogram one = even, other = odd;
    one.merge(odd);
    other.merge(even);
    RC_ASSERT(one == all);
    RC_ASSERT(other == all);

    // Work space that has counted other things before, and was cleared, merges like a new one.
    LogHistogram used, sum;
    used.add(3e-7);
    used.add(7e5);
    used.clear();
    for (unsigned n : numbers) used.add(1e-6 * n);
    sum.merge(used);
    RC_ASSERT(sum == all);
    RC_ASSERT(used.quantile(0.5) == all.quantile(0.5));
  }));
}

TEST_CASE("values out of range count at the ends, and nothing counts as nothing") {
  LogHistogram h;
  CHECK(h.quantile(0.5) == 0);
  h.add(0);
  h.add(1e-9);
  h.add(1e12, 2);
  CHECK(h.total == 4);
  CHECK(h.quantile(0) == 0);
  CHECK(h.quantile(1) == 1e12);
  CHECK(h.counts.front() == 2);
  CHECK(h.counts.back() == 2);
}
