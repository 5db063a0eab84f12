#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/cooling/plant_parts.hpp"
#include "models/cooling/transient.hpp"

namespace mw::models {
namespace {

// Of the pressure outside racks (or CDUs), what the exchangers of the CDUs take; pipes the rest.
constexpr double cdu_part = 0.5;
// Of the facility water's friction, what lies over the CDUs and their valves.
constexpr double fws_header_part = 0.5;

double pump_head_of(const LoopParameters& loop, double asked) {
  return loop.pump_head ? loop.pump_head->value : asked;
}

void add_rack(TcsLoop& loop, std::int32_t kind, std::int32_t place) {
  if (loop.runs.empty() || loop.runs.back().kind != kind)
    loop.runs.push_back({.kind = kind, .first = place, .count = 0});
  ++loop.runs.back().count;
}

}  // namespace

PlantLaw make_plant_law(const CoolingParameters& p, const CoolingSizing& s,
                        std::vector<CooledRack> kinds, std::span<const std::int32_t> kind_of_rack) {
  PlantLaw law;
  law.kinds = std::move(kinds);
  if (s.design_heat <= 0) return law;
  double heat = 0;
  for (std::size_t r = 0; r < kind_of_rack.size(); ++r) {
    const CooledRack& kind = law.kinds[static_cast<std::size_t>(kind_of_rack[r])];
    if (kind.heat <= 0) continue;
    law.racks.push_back(static_cast<std::int32_t>(r));
    heat += kind.heat;
  }
  law.tcs_heat = s.tcs_capacity / s.tcs_flow;
  law.fws_heat = s.fws_capacity / s.fws_flow;
  const double rack_pressure = s.tcs_pressure - p.tcs.pressure.value.value;
  law.tcs_held = held_part(p.tcs, s.tcs_pressure);
  law.tcs_header = std::max(rack_pressure, law.tcs_held);
  const double tcs_outside = s.tcs_pressure - law.tcs_header;
  const double fws_pressure = p.fws.pressure.value.value;
  law.fws_held = held_part(p.fws, fws_pressure);
  law.fws_header = law.fws_held + fws_header_part * (fws_pressure - law.fws_held);

  // Loops: racks in order; each ends where its share of the heat does.
  const int wanted = std::max(1, (s.cdus + p.loops.cdus - 1) / p.loops.cdus);
  const int count = std::min(wanted, static_cast<int>(law.racks.size()));
  law.loops.resize(static_cast<std::size_t>(count));
  double before = 0;
  std::int32_t l = 0;
  for (std::size_t i = 0; i < law.racks.size(); ++i) {
    const auto k = kind_of_rack[static_cast<std::size_t>(law.racks[i])];
    const double mine = law.kinds[static_cast<std::size_t>(k)].heat;
    const auto due = static_cast<std::int32_t>(
        std::min<double>(count - 1, std::floor((before + mine / 2) / heat * count)));
    const bool empty = law.loops[static_cast<std::size_t>(l)].runs.empty();
    if (due > l && !empty) ++l;
    add_rack(law.loops[static_cast<std::size_t>(l)], k, static_cast<std::int32_t>(i));
    before += mine;
  }
  law.loops.resize(static_cast<std::size_t>(l) + 1);

  for (auto& loop : law.loops) {
    for (const auto& run : loop.runs) {
      const CooledRack& kind = law.kinds[static_cast<std::size_t>(run.kind)];
      loop.heat += kind.heat * run.count;
      loop.flow += kind.flow * run.count;
    }
    const double share = loop.heat / heat;
    loop.cdus = std::max(1, static_cast<int>(std::lround(share * s.cdus)));
    loop.fws_flow = s.fws_flow * share;
    loop.tcs_film = s.tcs_film * share;
    loop.fws_film = s.fws_film * share;
    const double of_cdu = loop.flow / loop.cdus;
    loop.pump =
        pump_curve(of_cdu, pump_head_of(p.tcs, s.tcs_pressure), p.loops.shut_off_head.value);
    loop.cdu_resistance = cdu_part * tcs_outside / (of_cdu * of_cdu);
    loop.pipe_resistance = (1 - cdu_part) * tcs_outside / (loop.flow * loop.flow);
    // Half of the pipes' volume on either side.
    const double capacity = p.loops.tcs_volume.value.value * loop.heat * law.tcs_heat;
    loop.supply_capacity = loop.return_capacity = capacity / 2;
  }
  law.fws_pump = pump_curve(s.fws_flow / p.loops.fws_pumps, pump_head_of(p.fws, fws_pressure),
                            p.loops.shut_off_head.value);
  law.fws_pipe_resistance = (fws_pressure - law.fws_header) / (s.fws_flow * s.fws_flow);
  law.fws_supply_capacity = law.fws_return_capacity =
      p.loops.fws_volume.value.value * heat * law.fws_heat / 2;
  law.buffer_capacity = p.loops.buffer.value * law.fws_heat;
  return law;
}

}  // namespace mw::models
