#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "models/cooling/network.hpp"
#include "models/cooling/plant.hpp"
#include "sim/time.hpp"

// The plant in time: what coolant, pipes, tanks, cold plates and chips hold, pumps and valves that
// are moved step by step, and what becomes of it all when something fails. Left alone it comes to
// rest where the steady plant balances.
namespace mw::models {

/// A kind of rack as its coolant sees it. Chips are one GPU's, with the rack's GPUs alike.
struct CooledRack {
  double heat = 0;    // W into the coolant at design; 0: no coolant
  double flow = 0;    // m3/s at design
  double volume = 0;  // m3
  int gpus = 0;
  double junction_resistance = 0;  // K/W, junction to cold plate
  double film_resistance = 0;      // K/W, cold plate to coolant at design flow
  double film_exponent = 0;
  double junction_capacity = 0;  // J/K
  double plate_capacity = 0;     // J/K
};

/// Racks of one kind that follow each other in a loop: one branch, `count` times.
struct RackRun {
  std::int32_t kind = 0;
  std::int32_t first = 0, count = 0;  // of PlantLaw::racks
};

/// One loop of racks with its CDUs, all alike; sums over its CDUs, at design.
struct TcsLoop {
  std::vector<RackRun> runs;
  double heat = 0;  // W of its racks
  int cdus = 1;     // that run when all is well
  double flow = 0, fws_flow = 0;
  double tcs_film = 0, fws_film = 0;
  PumpCurve pump;  // of one CDU
  double cdu_resistance = 0, pipe_resistance = 0;
  double supply_capacity = 0, return_capacity = 0;  // J/K, racks apart
};

struct PlantLaw {
  std::vector<CooledRack> kinds;
  std::vector<std::int32_t> racks;  // those with coolant, in the order of the loops
  std::vector<TcsLoop> loops;
  double tcs_heat = 0, fws_heat = 0;    // J/(m3 K)
  double tcs_held = 0, tcs_header = 0;  // Pa over the racks: what stays, and all at design
  double fws_held = 0, fws_header = 0;  // Pa over the CDUs
  PumpCurve fws_pump;                   // of one of them
  double fws_pipe_resistance = 0;
  double fws_supply_capacity = 0, fws_return_capacity = 0, buffer_capacity = 0;  // J/K
  bool on() const { return !loops.empty(); }
};
/// Deals the racks, given by their kinds, to loops: in their order, to as few as the CDUs carry, so
/// that each has about as much heat as the others.
PlantLaw make_plant_law(const CoolingParameters& cooling, const CoolingSizing& sizing,
                        std::vector<CooledRack> kinds, std::span<const std::int32_t> kind_of_rack);

/// What is broken now. Empty vectors: nothing.
struct LoopFaults {
  int cdus_out = 0;             // of those that should run
  std::optional<double> valve;  // where the facility water's valves are stuck
  double conductance = 1;       // of its exchangers, as a share of what they should have
};
struct PlantFaults {
  std::vector<LoopFaults> loops;
  int fws_pumps_out = 0;
  double fans_out = 0;                 // share of dry coolers or towers whose fans stand still
  std::vector<std::uint8_t> isolated;  // by rack of the site: no flow through it
};

struct LoopState {
  double supply = 0, returns = 0;  // degC: after the CDUs, before them
  double share = 1;                // of the racks' design flow that is asked for
  double speed = 1;                // of its pumps
  double speed_error = 0;
  double valve = 1;  // share of the facility water's design flow
  double valve_error = 0;
  double pressure = 0;  // Pa over the racks
};
template <sim::Describes<LoopState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("supply", self.supply, About{.text = "Coolant after the CDUs, degC"});
  visit("returns", self.returns, About{.text = "Coolant before them, degC"});
  visit("share", self.share, About{.text = "Share of the racks' design flow that is asked for"});
  visit("speed", self.speed, About{.text = "Pump speed, as a share of that at design"});
  visit("speed_error", self.speed_error, About{.text = "Error at the controller's last turn"});
  visit("valve", self.valve, About{.text = "Share of the facility water's design flow"});
  visit("valve_error", self.valve_error, About{.text = "Error at the controller's last turn, K"});
  visit("pressure", self.pressure, About{.text = "Pressure over the racks, Pa"});
}

struct PlantState {
  bool started = false;
  std::vector<double> junction, plate, outlet;  // degC, in the order of PlantLaw::racks
  std::vector<LoopState> loops;
  double fws_supply = 0, fws_return = 0, buffer = 0;  // degC
  double demand = 0;  // 0 to 1: fans, 1 to 2: trim chillers; below 0: towers passed by
  double demand_error = 0;
  double fws_speed = 1, fws_speed_error = 0, fws_pressure = 0;
  double step = 0;  // s, the last that was fine enough
};
template <sim::Describes<PlantState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("started", self.started, About{.text = "Whether the rest holds anything"});
  visit("junction", self.junction, About{.text = "Mean GPU junction of each cooled rack, degC"});
  visit("plate", self.plate, About{.text = "Its cold plates, degC"});
  visit("outlet", self.outlet, About{.text = "Its coolant, degC"});
  visit("loops", self.loops, About{.text = "Loops of racks"});
  visit("fws_supply", self.fws_supply, About{.text = "Facility water behind the coolers, degC"});
  visit("fws_return", self.fws_return, About{.text = "Facility water before them, degC"});
  visit("buffer", self.buffer, About{.text = "Facility water behind the tank, degC"});
  visit("demand", self.demand, About{.text = "What is asked of fans and chillers"});
  visit("demand_error", self.demand_error, About{.text = "Error at its last turn, K"});
  visit("fws_speed", self.fws_speed, About{.text = "Speed of the facility water's pumps"});
  visit("fws_speed_error", self.fws_speed_error, About{.text = "Error at its last turn"});
  visit("fws_pressure", self.fws_pressure, About{.text = "Pressure over the CDUs, Pa"});
  visit("step", self.step, About{.text = "Step of the integration, s"});
}

/// What drives it, constant over a step.
struct PlantInputs {
  std::span<const double> liquid_heat;  // W by rack of the site
  std::span<const double> gpu;          // W of one GPU by rack of the site
  double air_heat = 0;
  sim::Temperature supply;  // set point of the coolant
  const Weather& weather;
  const PlantFaults& faults;
};

/// Flows that have settled; set by settle_flows().
struct PlantFlows {
  struct Loop {
    double flow = 0, fws_flow = 0;  // m3/s
    double pump = 0;                // W
    double pressure = 0;            // Pa over the racks
    std::vector<double> run;        // m3/s of one rack
  };
  std::vector<Loop> loops;
  double fws_flow = 0, fws_pump = 0, fws_pressure = 0;
};
void settle_flows(const CoolingParameters& cooling, const PlantLaw& law, const PlantState& state,
                  const PlantFaults& faults, PlantFlows& flows);

/// Conductance between the inlets of a loop's CDUs, W/K.
double loop_conductance(const CoolingParameters& cooling, const PlantLaw& law, const TcsLoop& loop,
                        const LoopFaults& faults, double flow, double fws_flow);

/// Where heat went in a step, J. in + pumps = out + stored, but for rounding.
struct HeatBalance {
  double racks = 0, pumps = 0;
  double rejected = 0, reused = 0, trimmed = 0;
  double stored = 0;
  double residual() const { return racks + pumps - rejected - reused - trimmed - stored; }
};

/// Buffers, kept between steps, and what a step hands up besides its means.
struct PlantWork {
  PlantFlows flows;
  HeatBalance heat;
  std::vector<double> hottest;  // junction of each cooled rack at its hottest in the step, degC
  double warmest_supply = 0;    // degC, of all loops and moments
  std::int64_t steps = 0, refused = 0;  // of the integration
};

/// The steady state for these inputs, as state.
void start_plant(const CoolingParameters& cooling, const CoolingSizing& sizing, const PlantLaw& law,
                 const PlantInputs& inputs, PlantState& state);

/// From one moment to another: controllers take their turns at multiples of their interval since
/// time 0, so the same loads give the same trajectory however time is cut. Means over the step.
CoolingPower plant_step(const CoolingParameters& cooling, const CoolingSizing& sizing,
                        const PlantLaw& law, const PlantInputs& inputs, sim::Time from,
                        sim::Time to, PlantState& state, PlantWork& work);

}  // namespace mw::models
