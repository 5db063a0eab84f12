#pragma once
#include <span>
#include <string>
#include <vector>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"

// How GPUs and their supplies smooth a load that swings: GB200's power smoothing (a floor, limits
// of ramps, hysteresis), software that fills gaps, energy stored in the supplies.
namespace mw::models {

/// Shares are of the GPU's rated power; 0 switches a means off.
struct SmoothingParameters {
  std::string name;
  double floor = 0;
  double activation = 0.3;
  sim::Seconds hysteresis{1};
  double ramp_up = 0, ramp_down = 0;  // per second
  double filler = 0;
  sim::Seconds filler_delay{0.1};
  sim::Energy storage{0};
  sim::Seconds averaging{1};
  double storage_efficiency = 0.95;
};
template <sim::Describes<SmoothingParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "Name of the case", .required = true});
  visit("floor", self.floor,
        About{.text = "Least power of a GPU that has just worked, held by burning, as a share of "
                      "rated power (GB200: 0.2 to 0.9); 0: none",
              .min = 0,
              .max = 0.95});
  visit(
      "activation", self.activation,
      About{
          .text = "Share of rated power above which a GPU counts as working", .min = 0, .max = 1});
  visit(
      "hysteresis", self.hysteresis,
      About{.text = "How long floor and filler go on after the last work", .min = 0, .max = 3600});
  visit("ramp_up", self.ramp_up,
        About{.text = "Fastest rise, as a share of rated power per second; work above it is held "
                      "back. 0: no limit",
              .min = 0,
              .max = 1e6});
  visit("ramp_down", self.ramp_down,
        About{.text = "Fastest fall, the same; what is missing is burnt. 0: no limit",
              .min = 0,
              .max = 1e6});
  visit("filler", self.filler,
        About{.text = "Software that fills gaps up to this share of rated power; 0: none",
              .min = 0,
              .max = 1});
  visit("filler_delay", self.filler_delay,
        About{.text = "Until it has seen a gap, by its telemetry", .min = 0, .max = 60});
  visit("storage", self.storage,
        About{.text = "Energy stored in the supplies for each GPU (GB300: 65 J, recalled)",
              .min = 0,
              .max = 1e9});
  visit(
      "averaging", self.averaging,
      About{
          .text = "Time constant with which the store follows the load", .min = 1e-3, .max = 3600});
  visit("storage_efficiency", self.storage_efficiency,
        About{.text = "Of charging and of discharging, each", .min = 0.1, .max = 1});
}

/// Sums over a smoothed series, J (of one GPU, or of whoever the series is of).
struct SmoothingSums {
  double asked = 0;   // by the load
  double burnt = 0;   // beyond it, by floors, ramps and fillers
  double held = 0;    // of the load, held back by ramps up: work that comes later
  double lost = 0;    // in the store
  double stored = 0;  // grown in the store
  double drawn = 0;   // asked + burnt - held + lost + stored, up to rounding
};

/// Of one GPU: floor, ramps, filler. `load` in W every `dt` s, in place. It begins as if its first
/// value had been there for long.
SmoothingSums smooth_gpu(std::span<double> load, double dt, const SmoothingParameters& p,
                         double rated_w);

/// Of a rack behind its GPUs: the store holds the draw at the load's average as long as it has room
/// and charge. `gpus` says how much it stores; it begins half full. Adds to `sums`.
void smooth_rack(std::span<double> load, double dt, const SmoothingParameters& p, int gpus,
                 SmoothingSums& sums);

}  // namespace mw::models
