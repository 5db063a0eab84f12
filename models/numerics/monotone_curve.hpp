#pragma once
#include <span>

#include "sim/host_device.hpp"

namespace mw::models {

/// A smooth curve through given points that never leaves the range of two neighbouring points, so
/// data without humps gives a curve without humps: cubic Hermite pieces with the slopes of Steffen,
/// "A simple method for monotonic interpolation in one dimension", Astron. Astrophys. 239 (1990)
/// 443-450. Flat beyond both ends. Plain numbers, so that a step can carry it by value.
struct MonotoneCurve {
  static constexpr int capacity = 16;
  int points = 0;
  double x[capacity] = {};
  double y[capacity] = {};
  double slope[capacity] = {};
  double square[capacity] = {}, cubic[capacity] = {};  // of the piece from each point to the next

  MW_HD double operator()(double at) const {
    if (at <= x[0]) return y[0];
    if (at >= x[points - 1]) return y[points - 1];
    int i = 0;
    while (at >= x[i + 1]) ++i;
    const double t = at - x[i];
    return ((cubic[i] * t + square[i]) * t + slope[i]) * t + y[i];
  }
};

/// `x` strictly rising, 1 to MonotoneCurve::capacity points; anything else is a programming error.
MonotoneCurve make_monotone_curve(std::span<const double> x, std::span<const double> y);

}  // namespace mw::models
