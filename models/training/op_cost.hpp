#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/describe.hpp"

namespace mw::models {

/// One way to run an op: a clock, and the time and the energy of one GPU (or of all GPUs that work
/// on the op together) at it.
struct OpChoice {
  double clock = 0;   // Hz
  double time = 0;    // s
  double energy = 0;  // J
};

/// Energy beyond what waiting would have drawn in the same time: with N stages that each draw P_blk
/// in every gap, E = sum(effective) + N P_blk T (Chung et al., Perseus, SOSP 2024).
double effective_energy(const OpChoice& c, double blocking_power);

/// Those choices for which none is both faster and cheaper in effective energy; fastest first.
std::vector<OpChoice> pareto(std::vector<OpChoice> choices, double blocking_power);

/// How an op's cost depends on its duration.
enum class CostModel { piecewise_linear, exponential };
inline std::span<const char* const> enum_names(CostModel) {
  static constexpr const char* names[] = {"piecewise_linear", "exponential"};
  return names;
}

/// Cost (J, effective) at each whole number of time steps from `shortest` on: falling and convex.
struct CostCurve {
  std::int32_t shortest = 0;
  std::vector<double> cost{};

  std::int32_t longest() const { return shortest + static_cast<std::int32_t>(cost.size()) - 1; }
  double at(std::int32_t d) const { return cost[static_cast<std::size_t>(d - shortest)]; }
};

/// The lower convex hull of the choices, read at whole steps: durations are rounded up, so each is
/// one that the op can keep, by one clock or by two in turn.
CostCurve piecewise_linear_cost(std::span<const OpChoice> choices, double blocking_power,
                                double step);

/// a exp(b q) + c through the choices by least squares, q = floor(time / step). As in lowtime
/// (ml-energy/lowtime): the Pareto choices are taken by real time, and of those with equal q the
/// one of the largest cost. Nothing where fewer than three q are left, or the fit is not falling
/// and convex.
std::optional<CostCurve> exponential_cost(std::span<const OpChoice> choices, double blocking_power,
                                          double step);

/// The slowest choice that ends within `time`; the fastest where none does. `sorted` as pareto()
/// gives them.
const OpChoice& choice_within(std::span<const OpChoice> sorted, double time);

}  // namespace mw::models
