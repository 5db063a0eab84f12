#pragma once
#include "models/cooling/plant.hpp"
#include "sim/describe.hpp"

namespace mw::models {

/// What a plant adds up over a run; energies in J.
struct CoolingTotals {
  double rejection_fan = 0;
  double pumps = 0;  // of both loops, CDUs included
  double trim = 0;
  double air_side = 0;
  double trim_heat = 0;
  double reuse_heat = 0;
  double outdoors_short = 0;  // s in which dry coolers or towers alone could not hold the set point
  double junction = 0;        // degC s, hottest rack
  double heat_in = 0;         // of racks and pumps, into the coolant
  double stored = 0;          // that coolant, tanks and chips hold more than at the start
};
template <sim::Describes<CoolingTotals> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("rejection_fan", self.rejection_fan, About{.text = "Fans of dry coolers or towers, J"});
  visit("pumps", self.pumps, About{.text = "Pumps of both loops and CDUs, J"});
  visit("trim", self.trim, About{.text = "Trim chillers, J"});
  visit("air_side", self.air_side, About{.text = "Fans, pumps and chillers of the air side, J"});
  visit("trim_heat", self.trim_heat, About{.text = "Heat taken up by the trim chillers, J"});
  visit("reuse_heat", self.reuse_heat, About{.text = "Heat to the heat customer, J"});
  visit("outdoors_short", self.outdoors_short,
        About{.text = "Time in which outdoor equipment alone could not hold the set point, s"});
  visit("junction", self.junction,
        About{.text = "Integral of the hottest rack's junction temperature, degC s"});
  visit("heat_in", self.heat_in, About{.text = "Heat of racks and pumps into the coolant, J"});
  visit("stored", self.stored,
        About{.text = "What coolant, tanks and chips hold more than at the start, J"});
}

inline void add(CoolingTotals& sum, const CoolingPower& p, double junction_c, double seconds) {
  sum.rejection_fan += p.rejection_fan * seconds;
  sum.pumps += (p.tcs_pump + p.fws_pump + p.cdu) * seconds;
  sum.trim += p.trim * seconds;
  sum.air_side += (p.crah_fan + p.air_pump + p.air_chiller + p.air_free_fan) * seconds;
  sum.trim_heat += p.trim_heat * seconds;
  sum.reuse_heat += p.reuse_heat * seconds;
  if (p.outdoors_full) sum.outdoors_short += seconds;
  sum.junction += junction_c * seconds;
}

}  // namespace mw::models
