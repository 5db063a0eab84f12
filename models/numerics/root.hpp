#pragma once
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <cstdint>

namespace mw::models {

/// Where a continuous function crosses zero between `low` and `high`. Bounded work, never throws,
/// and always a number inside the bracket: if both ends have the same sign, the end nearer to zero.
/// (Alefeld, Potra and Shi, ACM TOMS 21 (1995) 327-344, algorithm 748, as in Boost.Math.)
template <class Function>
double find_root(const Function& f, double low, double high) {
  const double at_low = f(low);
  const double at_high = f(high);
  if (at_low == 0) return low;
  if (at_high == 0) return high;
  if ((at_low < 0) == (at_high < 0)) return std::fabs(at_low) < std::fabs(at_high) ? low : high;
  // Neither policy can fire: the bracket is checked above and the steps are bounded below.
  using namespace boost::math::policies;
  using Quiet = policy<evaluation_error<ignore_error>, domain_error<ignore_error>>;
  std::uintmax_t steps = 60;
  const auto [left, right] = boost::math::tools::toms748_solve(
      f, low, high, at_low, at_high, boost::math::tools::eps_tolerance<double>(50), steps, Quiet());
  return 0.5 * (left + right);
}

}  // namespace mw::models
