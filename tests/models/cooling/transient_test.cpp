// The plant in time: it rests where the steady plant balances, keeps every joule, does not depend
// on how time is cut, and follows closed forms where there are any.
#include "models/cooling/transient.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>

#include "models/cooling/chip.hpp"

using namespace mw;
using namespace mw::models;

namespace {

constexpr double flow_rule = 1.5 / 60000 / 1000;  // 1.5 L/min/kW in m3/s/W

CooledRack rack_kind(double heat = 115e3) {
  return {.heat = heat,
          .flow = heat * flow_rule,
          .volume = 0.05,
          .gpus = 72,
          .junction_resistance = 0.015,
          .film_resistance = 0.01,
          .film_exponent = 0.7,
          .junction_capacity = 100,
          .plate_capacity = 200};
}
Weather weather(double dry_bulb) {
  return weather_of(
      {sim::temperature_from_degc(dry_bulb), sim::temperature_from_degc(dry_bulb - 8)});
}

/// A site of equal racks with a plant for them.
struct Site {
  CoolingParameters p;
  CoolingSizing s;
  PlantLaw law;
  std::vector<double> heat, gpu;
  PlantFaults faults;
  Weather air = weather(25);
  double degc = 45;
  PlantState state;
  PlantWork work;
  sim::Time now = 0;

  explicit Site(CoolingParameters parameters = {}, int racks = 88, CooledRack kind = rack_kind())
      : p(std::move(parameters)) {
    const double design = kind.heat * racks;
    s = size_cooling(p, {{design}, {0}, {design * flow_rule}, {100e3}});
    law = make_plant_law(p, s, {kind}, std::vector<std::int32_t>(static_cast<std::size_t>(racks)));
    heat.assign(static_cast<std::size_t>(racks), kind.heat);
    gpu.assign(static_cast<std::size_t>(racks), 1000);
  }
  PlantInputs inputs() const {
    return {heat, gpu, 0, sim::temperature_from_degc(degc), air, faults};
  }
  void load(double share) {
    heat.assign(heat.size(), law.kinds[0].heat * share);
    gpu.assign(gpu.size(), 1000 * share);
  }
  CoolingPower run(double seconds, double step = 1) {
    CoolingPower last;
    const sim::Time end = now + sim::from_seconds(seconds);
    while (now < end) {
      const sim::Time next = std::min(end, now + sim::from_seconds(step));
      last = plant_step(p, s, law, inputs(), now, next, state, work);
      now = next;
      const HeatBalance& b = work.heat;
      const double turned = b.racks + b.pumps + std::fabs(b.stored) + 1;
      CHECK(std::fabs(b.residual()) <= 1e-9 * turned);
    }
    return last;
  }
  CoolingPower steady() const {
    double all = 0;
    for (const double w : heat) all += w;
    return cooling_step(p, s, {{all}, {0}, sim::temperature_from_degc(degc)}, air);
  }
};

void check_close(const CoolingPower& a, const CoolingPower& b, double kelvin, double share) {
  CHECK(std::fabs(a.tcs_supply - b.tcs_supply) < kelvin);
  CHECK(std::fabs(a.tcs_return - b.tcs_return) < kelvin);
  CHECK(std::fabs(a.fws_supply - b.fws_supply) < kelvin);
  CHECK(std::fabs(a.fws_return - b.fws_return) < kelvin);
  const auto near = [&](double x, double y, double of) { CHECK(std::fabs(x - y) < share * of); };
  near(a.tcs_flow, b.tcs_flow, b.tcs_flow);
  near(a.fws_flow, b.fws_flow, b.fws_flow);
  near(a.tcs_pump, b.tcs_pump, b.tcs_pump);
  near(a.fws_pump, b.fws_pump, b.fws_pump);
  near(a.rejected_heat, b.rejected_heat, b.rejected_heat + b.trim_heat);
  near(a.trim_heat, b.trim_heat, b.rejected_heat + b.trim_heat);
  near(a.fan_speed, b.fan_speed, 1);
}

}  // namespace

TEST_CASE("Racks are dealt to as few loops as the CDUs carry, evenly, and all is shared out") {
  const Site site({}, 88);  // 10.12 MW: 8 CDUs of 1.3 MW, four to a loop
  REQUIRE(site.law.loops.size() == 2);
  CHECK(site.law.loops[0].runs[0].count == 44);
  CHECK(site.law.loops[1].runs[0].count == 44);
  int cdus = 0;
  double flow = 0, film = 0;
  for (const auto& loop : site.law.loops) {
    cdus += loop.cdus;
    flow += loop.flow;
    film += loop.tcs_film;
  }
  CHECK(cdus == site.s.cdus);
  CHECK(flow == doctest::Approx(site.s.tcs_flow).epsilon(1e-12));
  CHECK(film == doctest::Approx(site.s.tcs_film).epsilon(1e-12));
  // More loops than racks cannot be.
  CoolingParameters tiny;
  tiny.cdu.capacity.value = {20e3};
  tiny.loops.cdus = 1;
  CHECK(Site(tiny, 3).law.loops.size() == 3);
}

TEST_CASE("The flows at rest are those of the steady plant: T16's laws lie in both") {
  for (const double load : {1.0, 0.7, 0.4}) {
    Site site;
    site.load(load);
    const CoolingPower begin = site.run(1), steady = site.steady();
    check_close(begin, steady, 0.01, 1e-3);
  }
}

TEST_CASE("Left alone after a change, the plant comes to rest where the steady plant balances") {
  struct Case {
    const char* name;
    double air, degc;
    double trim;
    RejectionKind kind;
  };
  for (const Case& c : {Case{"mild", 25, 45, 0, RejectionKind::dry_cooler},
                        Case{"cold", 0, 40, 0, RejectionKind::dry_cooler},
                        Case{"warm: more facility water", 35.5, 45, 0, RejectionKind::dry_cooler},
                        Case{"too hot", 46, 45, 0, RejectionKind::dry_cooler},
                        Case{"trim", 42, 45, 1, RejectionKind::dry_cooler},
                        Case{"towers", 25, 32, 0, RejectionKind::tower},
                        Case{"screening", 20, 40, 0, RejectionKind::fixed_approach}}) {
    CAPTURE(c.name);
    CoolingParameters p;
    p.trim_share = c.trim;
    p.rejection = c.kind;
    Site site(p);
    site.degc = c.degc;
    site.air = weather(c.air);
    site.load(0.5);
    site.run(60);
    site.load(0.9);
    const CoolingPower rest = site.run(4 * 3600, 60);
    check_close(rest, site.steady(), 0.1, 0.01);
    // The chips too: supply, half of the rise, and both resistances, the film's at this flow.
    const double share = site.state.loops[0].share;
    CHECK(site.state.junction[0] ==
          doctest::Approx(
              sim::to_degc(junction_temperature(sim::temperature_from_degc(rest.tcs_supply),
                                                {rest.tcs_return - rest.tcs_supply}, {site.gpu[0]},
                                                {0.015 + 0.01 * std::pow(share, -0.7)})))
              .epsilon(1e-3));
  }
}

TEST_CASE("Time cut into 1 s or into 60 s: the same trajectory") {
  Site fine, coarse;
  for (Site* site : {&fine, &coarse}) {
    site->load(0.6);
    site->run(60, site == &fine ? 1 : 60);
    site->load(1);
    site->run(120, site == &fine ? 1 : 60);
  }
  for (std::size_t i = 0; i < fine.state.junction.size(); ++i) {
    CHECK(fine.state.junction[i] == doctest::Approx(coarse.state.junction[i]).epsilon(1e-9));
    CHECK(fine.state.outlet[i] == doctest::Approx(coarse.state.outlet[i]).epsilon(1e-9));
  }
  CHECK(fine.state.fws_return == doctest::Approx(coarse.state.fws_return).epsilon(1e-9));
  // Cut where no controller has its turn: within the integration's error.
  Site odd;
  odd.load(0.6);
  odd.run(60, 0.7);
  odd.load(1);
  odd.run(120, 0.7);
  CHECK(std::fabs(odd.state.junction[0] - fine.state.junction[0]) < 0.02);
  CHECK(std::fabs(odd.state.fws_return - fine.state.fws_return) < 0.02);
}

TEST_CASE("T18: one store behind one resistance follows T = T_in + P R (1 - exp(-t / RC))") {
  // A cold plate without a die's own resistance, in so much coolant that it does not warm.
  CooledRack kind = rack_kind(100e3);
  kind.gpus = 1;
  kind.volume = 10;
  kind.film_resistance = 0.02;
  kind.junction_resistance = 1e-7;
  kind.junction_capacity = 1e-3;
  kind.plate_capacity = 300;
  Site site({}, 8, kind);
  site.heat.assign(8, 0);
  site.gpu.assign(8, 0);
  site.p.flow_control = FlowControl::constant;
  site.run(1);
  site.heat.assign(8, 1200);
  site.gpu.assign(8, 1200);
  const double coolant = site.state.loops[0].supply;
  for (const auto& [until, degc] :
       {std::pair{1.0, 48.684}, {3.0, 54.443}, {6.0, 60.171}, {12.0, 65.752}, {30.0, 68.838}}) {
    site.run(until + 1 - sim::to_seconds(site.now));
    // Half of the coolant's own rise, 1200 W over 0.01 W/K of its flow, is far below the tolerance.
    CHECK(std::fabs(site.state.junction[0] - coolant - (degc - 45)) < 0.02);
  }
}

/// Seconds from the loss of all flow at 1200 W until the junction is that warm.
double seconds_to(double degc, CooledRack kind, double& from) {
  Site site({}, 88, kind);
  site.p.loops.interval.value = 0.1;
  site.gpu.assign(site.gpu.size(), 1200);
  site.run(2);
  from = site.state.junction[0];
  site.faults.loops.resize(site.law.loops.size());
  for (auto& loop : site.faults.loops) loop.cdus_out = 100;
  const sim::Time lost = site.now;
  while (site.state.junction[0] < degc) site.run(0.1, 0.1);
  return sim::to_seconds(site.now - lost);
}

TEST_CASE("T19: flow lost, chip and plate keep their heat and warm by P / C, 4 K a second") {
  // One store: from 69 to 87 degC in 4.5 s.
  CooledRack one = rack_kind();
  one.junction_resistance = 1e-6;
  one.junction_capacity = 1e-3;
  one.film_resistance = 0.02;
  one.plate_capacity = 300;
  double from = 0;
  const double took = seconds_to(87, one, from);
  CHECK(std::fabs(took - (87 - from) / 4) < 0.11);
  CHECK((87 - 69) / 4.0 == 4.5);
  // Two stores: all of 300 J/K warms, but the plate runs ahead of the junction until their gap,
  // P R at rest, is (P - 4 K/s C_j) R: 4 t - 4 (1 - exp(-t / tau)), tau = R C_j C_p / (C_j + C_p).
  const CooledRack two = rack_kind();
  const double t = seconds_to(87, two, from);
  const auto rise = [](double s) { return 4 * s - 4 * (1 - std::exp(-s / 1.0)); };
  CHECK(rise(t) >= 87 - from - 0.02);
  CHECK(rise(t - 0.1) <= 87 - from + 0.02);
}

TEST_CASE("T20: pumps run but no heat leaves: every L/kW buys 4.01 s per kelvin") {
  // Nothing leaves the racks' loops: no facility water, so what racks and pipes hold warms.
  Site site;
  site.gpu.assign(site.gpu.size(), 0);
  site.run(1);
  site.faults.fws_pumps_out = 100;
  // Once the profile along the loop has settled all of it warms alike, pump heat included.
  site.run(60);
  const double from = site.state.outlet[0];
  double pump = site.run(30).tcs_pump;
  double held = 0;  // J/K
  for (const auto& loop : site.law.loops) held += loop.supply_capacity + loop.return_capacity;
  held += 88 * 0.05 * site.law.tcs_heat;
  // Chips without power come along with the coolant.
  held += 88 * 72 * 300.0;
  CHECK(site.state.outlet[0] - from ==
        doctest::Approx(30 * (88 * 115e3 + pump) / held).epsilon(0.01));
  CHECK(time_to_warm(0.060 * site.law.tcs_heat, 132e3, 15) == doctest::Approx(27.34).epsilon(5e-3));
}

TEST_CASE("A tank in the facility water delays a loss of heat rejection as T20 says") {
  const auto warmed = [](double litres) {
    CoolingParameters p;
    p.loops.buffer = {litres * 1e-3};
    Site site(p);
    site.run(1);
    site.faults.fans_out = 1;
    site.run(300);
    return site.state.buffer - 42;
  };
  const double bare = warmed(0), tank = warmed(10 * 10120.0);
  CHECK(tank < bare / 2);
  // 10 L/kW and what racks, pipes and chips hold: 300 s at 10.2 MW less what the delay keeps back.
  CHECK(tank == doctest::Approx(300 / (4.01 * 17)).epsilon(0.35));
}

TEST_CASE("A CDU lost: the others take its flow; with its spare nobody notices for long") {
  Site site;
  site.run(10);
  const double before = site.state.junction[0];
  site.faults.loops.resize(site.law.loops.size());
  site.faults.loops[0].cdus_out = 1;
  site.run(600);
  CHECK(site.work.flows.loops[0].flow < site.work.flows.loops[1].flow);
  CHECK(site.work.flows.loops[0].flow > 0.75 * site.law.loops[0].flow);
  CHECK(site.state.loops[0].speed > site.state.loops[1].speed);
  CHECK(site.state.junction[0] > before + 0.5);
  CHECK(std::fabs(site.state.junction[60] - before) < 0.5);
  site.faults.loops[0].cdus_out = 0;
  site.run(3600);
  CHECK(std::fabs(site.state.junction[0] - before) < 0.1);
}

TEST_CASE("A rack that is isolated has no flow, and the others keep theirs") {
  Site site;
  site.run(10);
  const double flow = site.work.flows.loops[0].run[0];
  site.faults.isolated.assign(88, 0);
  site.faults.isolated[3] = 1;
  site.heat[3] = site.gpu[3] = 0;
  site.run(120);
  CHECK(site.work.flows.loops[0].run[0] == doctest::Approx(flow).epsilon(0.02));
  CHECK(site.work.flows.loops[0].flow == doctest::Approx(43 * flow).epsilon(0.02));
  // It stands still: chips and plates give each other their heat and keep the rest.
  CHECK(site.state.plate[3] == doctest::Approx(site.state.junction[3]).epsilon(0.01));
  CHECK(site.state.outlet[3] > site.state.loops[0].supply + 5);
}

TEST_CASE("T42: random plants, loads and faults keep every joule, and nothing is without bound") {
  CHECK(rc::check([](unsigned char way, unsigned char kind, std::vector<unsigned char> what) {
    CoolingParameters p;
    p.rejection = static_cast<RejectionKind>(way % 3);
    p.trim_share = way & 8 ? 0.3 : 0;
    p.flow_control = way & 16 ? FlowControl::constant : FlowControl::proportional;
    if (way & 32) p.reuse = HeatReuseParameters{.demand = {3e6}, .summer_share = 0.3};
    if (way & 64) p.loops.buffer = {20};
    if (way & 128) p.loops.interval.value = 5;
    Site site(p, 11 + kind % 40);
    if (what.size() > 12) what.resize(12);
    for (std::size_t i = 0; i < what.size(); ++i) {
      const double x = what[i] / 255.0;
      switch (i % 6) {
        case 0:
          site.load(1.2 * x);
          break;
        case 1:
          site.air = weather(-10 + 55 * x);
          break;
        case 2:
          site.faults.loops.assign(site.law.loops.size(), {});
          site.faults.loops[0].cdus_out = static_cast<int>(6 * x);
          if (what[i] & 1) site.faults.loops[0].valve = x;
          site.faults.loops[0].conductance = 0.5 + x / 2;
          break;
        case 3:
          site.faults.fans_out = x;
          break;
        case 4:
          site.faults.fws_pumps_out = static_cast<int>(5 * x);
          break;
        case 5:
          site.faults.isolated.assign(site.heat.size(), 0);
          site.faults.isolated[what[i] % site.heat.size()] = 1;
          site.heat[what[i] % site.heat.size()] = 0;
          site.gpu[what[i] % site.heat.size()] = 0;
          break;
      }
      const sim::Time end = site.now + sim::from_seconds(1 + 40 * x);
      while (site.now < end) {
        const sim::Time next = std::min(end, site.now + sim::from_seconds(7.3));
        const CoolingPower out = plant_step(site.p, site.s, site.law, site.inputs(), site.now, next,
                                            site.state, site.work);
        site.now = next;
        const HeatBalance& b = site.work.heat;
        RC_ASSERT(std::fabs(b.residual()) <=
                  1e-9 * (b.racks + b.pumps + std::fabs(b.stored) + b.rejected + b.trimmed + 1));
        RC_ASSERT(std::isfinite(out.total()));
        for (const double t : site.state.junction) RC_ASSERT(t > -60 && t < 2000);
      }
    }
  }));
}
