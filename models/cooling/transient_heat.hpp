#pragma once
#include "models/cooling/transient.hpp"

// Heat on its way while flows stand still: a linear system of what racks, pipes and tanks hold.
namespace mw::models {

/// Terms of the balance that are constant between two turns of the controllers.
struct PlantHeatTerms {
  struct Loop {
    double capacity = 0, fws_capacity = 0;  // W/K carried
    double conductance = 0;                 // W/K between the CDUs' inlets
    double pump = 0;                        // W
  };
  std::vector<Loop> loops;
  double fws_pump = 0, reused = 0, trimmed = 0;  // W
  // Heat given off outdoors, linear in the return's temperature: at + slope (T - about).
  double rejected_at = 0, rejected_slope = 0, about = 0;
};

/// The step of the integration, TR-BDF2 (Bank et al., IEEE Trans. Electron Devices 32 (1985) 1992;
/// Hosea and Shampine, Appl. Numer. Math. 20 (1996) 21): of second order, L-stable, and as accurate
/// for a store that is emptied in a moment as it needs to be. Each rack meets the rest in its
/// loop's supply alone and each loop in the facility water, so that racks, then loops are
/// eliminated: the cost is that of visiting each rack twice.
class PlantHeat {
 public:
  PlantHeat(const PlantLaw& law, const PlantInputs& inputs, const PlantFlows& flows,
            const PlantHeatTerms& terms, PlantState& state, PlantWork& work);
  /// Moves the state on, in as few steps as its error allows; adds to the work's heat balance and
  /// maxima. Returns the mean temperature (degC) of coolant leaving racks and of both supplies.
  struct Means {
    double rack_outlet = 0, supply = 0, fws_supply = 0, fws_return = 0, rejected = 0;  // x s
  };
  void advance(double seconds, Means& means);

 private:
  struct Terms {
    double flow = 0, junction = 0, film = 0;  // W/K: coolant, junction to plate, plate to coolant
    double kj = 1, kp = 1, ko = 1;            // J/K
    double dj = 1, dp = 1, dout = 1, follow = 0;  // of the elimination at the present step
  };
  struct Rack {
    double fj, fp, fo;  // W into junctions, plates, coolant at the step's begin
    double gj, gp, go;  // the same, both first stages together
    double j, p, o;     // degC at the stage
    double bj, bp, bo;  // right-hand sides
    double gpu, other;  // W: into junctions, into the coolant beside them
  };
  struct Node {
    double k = 1, f = 0, g = 0, x = 0, b = 0;
  };
  struct LoopNodes {
    Node supply, returns;
    double u = 0, v = 0, e = 0, s = 0;  // T_return = u + v T_supply, T_supply = e + s T_fws
  };

  void fluxes();
  void prepare(double delta);
  void solve(double delta);
  double step(double h);
  void accept(double h, Means& means);
  const Terms& terms_of(std::size_t run, std::size_t rack) const;

  const PlantLaw& law_;
  const PlantInputs& inputs_;
  const PlantHeatTerms& terms_;
  PlantState& state_;
  PlantWork& work_;
  std::vector<Terms> open_, closed_;    // by run
  std::vector<std::uint8_t> isolated_;  // by rack with coolant
  std::vector<Rack> racks_;
  std::vector<LoopNodes> loops_;
  Node fws_supply_, fws_return_, buffer_;
  double middle_return_ = 0;  // of the step's second stage
  double prepared_ = -1;
};

}  // namespace mw::models
