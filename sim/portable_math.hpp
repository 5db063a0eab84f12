#pragma once
// exp, log, pow and the normal quantile from additions, multiplications and divisions alone. C
// libraries and CUDA round these functions differently, so a step that called them would give
// other results on another machine; IEEE basic operations (and sqrt) are the same everywhere, as
// long as nothing is contracted to FMA (cmake/options.cmake sees to that).
//
// Largest errors against the exact value, in units of the last place (tests/sim/
// portable_math_test.cpp measures them): exp 1, log 1, pow 1 + |y ln x| / 16; normal_quantile
// 2e-15 relative.
// Subnormal results of exp and pow are rounded twice.
#include <cmath>
#include <cstdint>
#include <limits>

#if !defined(__CUDA_ARCH__)
#include <cstring>
#endif

#include "sim/host_device.hpp"

namespace mw::sim::portable {

// As variables, because nvcc does not let device code call numeric_limits' functions.
inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

namespace detail {

MW_HD inline std::uint64_t bits_of(double x) {
#if defined(__CUDA_ARCH__)
  return static_cast<std::uint64_t>(__double_as_longlong(x));
#else
  std::uint64_t u;
  std::memcpy(&u, &x, sizeof u);
  return u;
#endif
}
MW_HD inline double from_bits(std::uint64_t u) {
#if defined(__CUDA_ARCH__)
  return __longlong_as_double(static_cast<long long>(u));
#else
  double x;
  std::memcpy(&x, &u, sizeof x);
  return x;
#endif
}
/// 2^k for a normal result, -1022 <= k <= 1023.
MW_HD inline double power_of_two(int k) {
  return from_bits(static_cast<std::uint64_t>(k + 1023) << 52);
}

// ln 2 in two parts; the first has 33 significant bits, so k * ln2_high is exact for |k| < 2^20.
inline constexpr double ln2_high = 0x1.62e42feep-1;
inline constexpr double ln2_low = 0x1.a39ef35793c76p-33;

/// An unevaluated sum high + low with |low| a rounding error of high: about 106 bits.
struct Pair {
  double high, low;
};
/// Exact a + b (Knuth, The Art of Computer Programming vol. 2, 4.2.2, theorem B).
MW_HD inline Pair two_sum(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  return {sum, (a - (sum - b_part)) + (b - b_part)};
}
/// Exact a * b without FMA (Dekker, Numer. Math. 18, 1971; the split is Veltkamp's). |a|, |b| below
/// 2^996.
MW_HD inline Pair two_product(double a, double b) {
  constexpr double splitter = 134217729;  // 2^27 + 1
  const double ca = splitter * a, cb = splitter * b;
  const double a1 = ca - (ca - a), a2 = a - a1;
  const double b1 = cb - (cb - b), b2 = b - b1;
  const double product = a * b;
  return {product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2};
}

struct Reduced {
  double m;  // in [sqrt(1/2), sqrt(2))
  int k;     // x = m * 2^k
};
MW_HD inline Reduced reduce(double x) {
  int k = 0;
  if (x < 0x1p-1022) {  // subnormal
    x *= 0x1p54;
    k = -54;
  }
  std::uint64_t u = bits_of(x);
  k += static_cast<int>(u >> 52) - 1023;
  u = (u & 0xfffffffffffffull) | 0x3ff0000000000000ull;
  double m = from_bits(u);
  if (m >= 0x1.6a09e667f3bcdp+0) {  // sqrt(2)
    m *= 0.5;
    ++k;
  }
  return {m, k};
}

/// sum over i >= 1 of 2 z^i / (2i + 1), the tail of the series ln((1+s)/(1-s)) = 2 s + s * tail
/// with z = s^2 <= (3 - 2 sqrt 2)^2 = 0.0295: after eleven terms the rest is below 1e-18.
MW_HD inline double atanh_tail(double z) {
  double sum = 2.0 / 23;
  sum = sum * z + 2.0 / 21;
  sum = sum * z + 2.0 / 19;
  sum = sum * z + 2.0 / 17;
  sum = sum * z + 2.0 / 15;
  sum = sum * z + 2.0 / 13;
  sum = sum * z + 2.0 / 11;
  sum = sum * z + 2.0 / 9;
  sum = sum * z + 2.0 / 7;
  sum = sum * z + 2.0 / 5;
  sum = sum * z + 2.0 / 3;
  return sum * z;
}

/// ln x to about 60 bits, for pow. x positive and finite.
MW_HD inline Pair log_pair(double x) {
  const Reduced r = reduce(x);
  const double f = r.m - 1;  // exact: m and 1 are within a factor of two
  const Pair d = two_sum(r.m, 1);
  const double s = f / d.high;
  const Pair back = two_product(s, d.high);
  const double s_low = (((f - back.high) - back.low) - s * d.low) / d.high;
  const double z = s * s;
  const Pair lead = two_sum(r.k * ln2_high, 2 * s);
  const double low = lead.low + (2 * s_low + (s * atanh_tail(z) + r.k * ln2_low));
  return two_sum(lead.high, low);
}

/// exp(high + low), |low| <= ulp(high).
MW_HD inline double exp_pair(double high, double low) {
  if (!(high <= 709.79)) {  // also NaN
    return high > 0 ? infinity : high;
  }
  if (high < -745.2) return 0;
  constexpr double one_over_ln2 = 0x1.71547652b82fep+0;
  constexpr double to_integer = 0x1.8p52;  // adding and taking it away rounds to an integer
  const double kd = (high * one_over_ln2 + to_integer) - to_integer;
  const int k = static_cast<int>(kd);
  const Pair r = two_sum(high - kd * ln2_high, low - kd * ln2_low);
  const double x = r.high;  // |x| <= ln(2) / 2
  // (exp(x) - 1 - x) / x^2 by its Taylor series; the first term left out is below 4e-18.
  double sum = 1.0 / 6227020800;  // 13!
  sum = sum * x + 1.0 / 479001600;
  sum = sum * x + 1.0 / 39916800;
  sum = sum * x + 1.0 / 3628800;
  sum = sum * x + 1.0 / 362880;
  sum = sum * x + 1.0 / 40320;
  sum = sum * x + 1.0 / 5040;
  sum = sum * x + 1.0 / 720;
  sum = sum * x + 1.0 / 120;
  sum = sum * x + 1.0 / 24;
  sum = sum * x + 1.0 / 6;
  sum = sum * x + 0.5;
  const double y = 1 + (x + (x * x * sum + r.low * (1 + x)));
  // Two factors, because 2^1024 and subnormal powers are not normal doubles.
  const int half = k / 2;
  return y * power_of_two(half) * power_of_two(k - half);
}

}  // namespace detail

MW_HD inline double exp(double x) {
  return detail::exp_pair(x, 0);
}

/// ln x; -infinity at 0, NaN below.
MW_HD inline double log(double x) {
  if (!(x > 0)) {
    return x == 0 ? -infinity : not_a_number;
  }
  if (x == infinity) return x;
  const detail::Reduced r = detail::reduce(x);
  const double f = r.m - 1;
  const double s = f / (2 + f);
  // 2 s + s R = f - (f^2/2 - s (f^2/2 + R)): the leading term f is exact, so the rounding errors
  // of the rest stay small beside it (the arrangement of fdlibm's e_log.c).
  const double half_square = 0.5 * f * f;
  const double rest = s * (half_square + detail::atanh_tail(s * s));
  if (r.k == 0) return f - (half_square - rest);
  return r.k * detail::ln2_high - ((half_square - (rest + r.k * detail::ln2_low)) - f);
}

/// x^y for x >= 0.
MW_HD inline double pow(double x, double y) {
  if (y == 0 || x == 1) return 1;
  if (!(x > 0) || x == infinity || y != y) {
    if (!(x >= 0) || y != y) return not_a_number;
    return (x == 0) == (y > 0) ? 0 : infinity;
  }
  const detail::Pair l = detail::log_pair(x);
  const double rough = y * l.high;
  if (rough > 710) return infinity;
  if (rough < -746) return 0;
  const detail::Pair p = detail::two_product(y, l.high);
  const detail::Pair t = detail::two_sum(p.high, p.low + y * l.low);
  return detail::exp_pair(t.high, t.low);
}

/// The x with P(standard normal <= x) = p, 0 < p < 1. Wichura, Algorithm AS 241 (PPND16), Applied
/// Statistics 37 (1988) 477-484; relative accuracy about 1e-16 in exact arithmetic.
MW_HD inline double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    const double top = (((((((2.5090809287301226727e+3 * r + 3.3430575583588128105e+4) * r +
                             6.7265770927008700853e+4) *
                                r +
                            4.5921953931549871457e+4) *
                               r +
                           1.3731693765509461125e+4) *
                              r +
                          1.9715909503065514427e+3) *
                             r +
                         1.3314166789178437745e+2) *
                            r +
                        3.3871328727963666080e+0);
    const double bottom = (((((((5.2264952788528545610e+3 * r + 2.8729085735721942674e+4) * r +
                                3.9307895800092710610e+4) *
                                   r +
                               2.1213794301586595867e+4) *
                                  r +
                              5.3941960214247511077e+3) *
                                 r +
                             6.8718700749205790830e+2) *
                                r +
                            4.2313330701600911252e+1) *
                               r +
                           1.0);
    return q * top / bottom;
  }
  double r = std::sqrt(-log(q < 0 ? p : 1 - p));
  double top = 0, bottom = 0;
  if (r <= 5) {
    r -= 1.6;
    top = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r +
                2.41780725177450611770e-1) *
                   r +
               1.27045825245236838258e+0) *
                  r +
              3.64784832476320460504e+0) *
                 r +
             5.76949722146069140550e+0) *
                r +
            4.63033784615654529590e+0) *
               r +
           1.42343711074968357734e+0);
    bottom = (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r +
                   1.51986665636164571966e-2) *
                      r +
                  1.48103976427480074590e-1) *
                     r +
                 6.89767334985100004550e-1) *
                    r +
                1.67638483018380384940e+0) *
                   r +
               2.05319162663775882187e+0) *
                  r +
              1.0);
  } else {
    r -= 5;
    top = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r +
                1.24266094738807843860e-3) *
                   r +
               2.65321895265761230930e-2) *
                  r +
              2.96560571828504891230e-1) *
                 r +
             1.78482653991729133580e+0) *
                r +
            5.46378491116411436990e+0) *
               r +
           6.65790464350110377720e+0);
    bottom = (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r +
                   1.84631831751005468180e-5) *
                      r +
                  7.86869131145613259100e-4) *
                     r +
                 1.48753612908506148525e-2) *
                    r +
                1.36929880922735805310e-1) *
                   r +
               5.99832206555887937690e-1) *
                  r +
              1.0);
  }
  return q < 0 ? -top / bottom : top / bottom;
}

}  // namespace mw::sim::portable
