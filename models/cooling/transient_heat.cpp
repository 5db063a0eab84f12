#include "models/cooling/transient_heat.hpp"

#include <algorithm>
#include <cmath>

namespace mw::models {
namespace {

constexpr double root2 = 1.41421356237309504880;
constexpr double gamma = 2 - root2;
constexpr double diagonal = gamma / 2;  // of both implicit stages
constexpr double weight = root2 / 4;    // of the first two stages
constexpr double error_factor =
    (-3 * gamma * gamma + 4 * gamma - 2) / (12 * (2 - gamma));  // Hosea and Shampine
constexpr double most_error = 0.01;                             // K in a step
constexpr double finest = 1.0 / 64;                             // of the time to go

constexpr double weighted(double first, double second, double last) {
  return weight * (first + second) + diagonal * last;
}

}  // namespace

PlantHeat::PlantHeat(const PlantLaw& law, const PlantInputs& inputs, const PlantFlows& flows,
                     const PlantHeatTerms& terms, PlantState& state, PlantWork& work)
    : law_(law), inputs_(inputs), terms_(terms), state_(state), work_(work) {
  racks_.resize(law.racks.size());
  isolated_.assign(law.racks.size(), 0);
  loops_.resize(law.loops.size());
  for (std::size_t l = 0; l < law.loops.size(); ++l) {
    const TcsLoop& loop = law.loops[l];
    loops_[l].supply.k = loop.supply_capacity;
    loops_[l].returns.k = loop.return_capacity;
    for (std::size_t i = 0; i < loop.runs.size(); ++i) {
      const RackRun& run = loop.runs[i];
      const CooledRack& kind = law.kinds[static_cast<std::size_t>(run.kind)];
      Terms t;
      t.flow = flows.loops[l].run[i] * law.tcs_heat;
      t.ko = kind.volume * law.tcs_heat;
      if (kind.gpus > 0) {
        t.junction = kind.gpus / kind.junction_resistance;
        t.film = kind.gpus / kind.film_resistance *
                 std::pow(flows.loops[l].run[i] / kind.flow, kind.film_exponent);
        t.kj = kind.gpus * kind.junction_capacity;
        t.kp = kind.gpus * kind.plate_capacity;
      }
      open_.push_back(t);
      t.flow = t.film = 0;
      closed_.push_back(t);
      for (std::int32_t r = run.first; r < run.first + run.count; ++r) {
        const auto place = static_cast<std::size_t>(r);
        const auto rack = static_cast<std::size_t>(law.racks[place]);
        if (!inputs.faults.isolated.empty()) isolated_[place] = inputs.faults.isolated[rack];
        racks_[place].gpu = kind.gpus > 0 ? kind.gpus * inputs.gpu[rack] : 0;
        racks_[place].other = inputs.liquid_heat[rack] - racks_[place].gpu;
      }
    }
  }
  fws_supply_.k = law.fws_supply_capacity;
  fws_return_.k = law.fws_return_capacity;
  buffer_.k = law.buffer_capacity;
  fluxes();
}

const PlantHeat::Terms& PlantHeat::terms_of(std::size_t run, std::size_t rack) const {
  return isolated_[rack] ? closed_[run] : open_[run];
}

/// What flows into each store now.
void PlantHeat::fluxes() {
  const double fws = law_.buffer_capacity > 0 ? state_.buffer : state_.fws_supply;
  double fws_capacity = 0, into_return = terms_.fws_pump;
  std::size_t run = 0;
  for (std::size_t l = 0; l < loops_.size(); ++l) {
    const LoopState& now = state_.loops[l];
    const auto& t = terms_.loops[l];
    double mixed = 0;
    for (const auto& r : law_.loops[l].runs) {
      for (auto i = static_cast<std::size_t>(r.first);
           i < static_cast<std::size_t>(r.first + r.count); ++i) {
        const Terms& c = terms_of(run, i);
        const double to_plate = c.junction * (state_.junction[i] - state_.plate[i]);
        const double to_coolant = c.film * (state_.plate[i] - (state_.outlet[i] + now.supply) / 2);
        Rack& rack = racks_[i];
        rack.fj = rack.gpu - to_plate;
        rack.fp = to_plate - to_coolant;
        rack.fo = rack.other + to_coolant - c.flow * (state_.outlet[i] - now.supply);
        mixed += c.flow * state_.outlet[i];
      }
      ++run;
    }
    const double passed = t.conductance * (now.returns - fws);
    loops_[l].returns.f = mixed + t.pump - t.capacity * now.returns;
    loops_[l].supply.f = t.capacity * (now.returns - now.supply) - passed;
    fws_capacity += t.fws_capacity;
    into_return += t.fws_capacity * fws + passed;
  }
  fws_return_.f = into_return - fws_capacity * state_.fws_return;
  const double rejected =
      terms_.rejected_at + terms_.rejected_slope * (state_.fws_return - terms_.about);
  fws_supply_.f = fws_capacity * (state_.fws_return - state_.fws_supply) - terms_.reused -
                  terms_.trimmed - rejected;
  buffer_.f = fws_capacity * (state_.fws_supply - state_.buffer);
}

/// Junctions, then plates, then the coolant of a rack in terms of its loop's supply.
void PlantHeat::prepare(double delta) {
  if (prepared_ == delta) return;
  prepared_ = delta;
  for (auto* all : {&open_, &closed_})
    for (Terms& t : *all) {
      const double junction = delta * t.junction, film = delta * t.film;
      t.dj = 1 / (t.kj + junction);
      t.dp = 1 / (t.kp + junction + film - junction * junction * t.dj);
      const double back = film * film / 2 * t.dp;
      t.dout = 1 / (t.ko + delta * t.flow + film / 2 - back);
      t.follow = (delta * t.flow - film / 2 + back) * t.dout;
    }
}

/// (K + delta A) x = b for all stores; b holds the sources.
void PlantHeat::solve(double delta) {
  std::size_t run = 0;
  double fws_capacity = 0, from_loops = 0, by_fws = 0;
  for (std::size_t l = 0; l < loops_.size(); ++l) {
    const auto& t = terms_.loops[l];
    LoopNodes& n = loops_[l];
    double mixed = 0, mixed_by_supply = 0;
    for (const auto& r : law_.loops[l].runs) {
      for (auto i = static_cast<std::size_t>(r.first);
           i < static_cast<std::size_t>(r.first + r.count); ++i) {
        const Terms& c = terms_of(run, i);
        Rack& rack = racks_[i];
        rack.j = rack.bj * c.dj;
        rack.p = (rack.bp + delta * c.junction * rack.j) * c.dp;
        rack.o = (rack.bo + delta * c.film * rack.p) * c.dout;
        mixed += c.flow * rack.o;
        mixed_by_supply += c.flow * c.follow;
      }
      ++run;
    }
    const double d = 1 / (n.returns.k + delta * t.capacity);
    n.u = (n.returns.b + delta * mixed) * d;
    n.v = delta * mixed_by_supply * d;
    const double kept = delta * (t.capacity - t.conductance);
    const double s = 1 / (n.supply.k + delta * t.capacity - kept * n.v);
    n.e = (n.supply.b + kept * n.u) * s;
    n.s = delta * t.conductance * s;
    fws_capacity += t.fws_capacity;
    from_loops += t.conductance * (n.u + n.v * n.e);
    by_fws += t.conductance * (n.v * n.s - 1);
  }
  // The facility water: supply, then tank, in terms of the return.
  const double d = 1 / (fws_supply_.k + delta * fws_capacity);
  const double a0 = fws_supply_.b * d, a1 = delta * (fws_capacity - terms_.rejected_slope) * d;
  double f0 = a0, f1 = a1;
  if (law_.buffer_capacity > 0) {
    const double t = 1 / (buffer_.k + delta * fws_capacity);
    f0 = (buffer_.b + delta * fws_capacity * a0) * t;
    f1 = delta * fws_capacity * a1 * t;
  }
  const double back = delta * (fws_capacity + by_fws);
  fws_return_.x = (fws_return_.b + delta * from_loops + back * f0) /
                  (fws_return_.k + delta * fws_capacity - back * f1);
  fws_supply_.x = a0 + a1 * fws_return_.x;
  const double fws = f0 + f1 * fws_return_.x;
  buffer_.x = fws;
  run = 0;
  for (std::size_t l = 0; l < loops_.size(); ++l) {
    LoopNodes& n = loops_[l];
    n.supply.x = n.e + n.s * fws;
    n.returns.x = n.u + n.v * n.supply.x;
    for (const auto& r : law_.loops[l].runs) {
      for (auto i = static_cast<std::size_t>(r.first);
           i < static_cast<std::size_t>(r.first + r.count); ++i) {
        const Terms& c = terms_of(run, i);
        Rack& rack = racks_[i];
        rack.o += c.follow * n.supply.x;
        rack.p += delta * c.film / 2 * (rack.o + n.supply.x) * c.dp;
        rack.j += delta * c.junction * rack.p * c.dj;
      }
      ++run;
    }
  }
}

/// One step from the state into the stage values; the largest error estimate, K.
double PlantHeat::step(double h) {
  const double delta = diagonal * h;
  prepare(delta);
  std::size_t run = 0;
  // First stage: the trapezoid up to gamma h.
  const auto trapezoid = [delta](double k, double x, double f, double source) {
    return k * x + delta * (f + source);
  };
  const double rejected_source =
      -terms_.reused - terms_.trimmed - terms_.rejected_at + terms_.rejected_slope * terms_.about;
  for (std::size_t l = 0; l < loops_.size(); ++l) {
    for (const auto& r : law_.loops[l].runs) {
      for (auto i = static_cast<std::size_t>(r.first);
           i < static_cast<std::size_t>(r.first + r.count); ++i) {
        const Terms& c = terms_of(run, i);
        Rack& rack = racks_[i];
        rack.bj = trapezoid(c.kj, state_.junction[i], rack.fj, rack.gpu);
        rack.bp = trapezoid(c.kp, state_.plate[i], rack.fp, 0);
        rack.bo = trapezoid(c.ko, state_.outlet[i], rack.fo, rack.other);
      }
      ++run;
    }
    LoopNodes& n = loops_[l];
    n.supply.b = trapezoid(n.supply.k, state_.loops[l].supply, n.supply.f, 0);
    n.returns.b =
        trapezoid(n.returns.k, state_.loops[l].returns, n.returns.f, terms_.loops[l].pump);
  }
  fws_supply_.b = trapezoid(fws_supply_.k, state_.fws_supply, fws_supply_.f, rejected_source);
  fws_return_.b = trapezoid(fws_return_.k, state_.fws_return, fws_return_.f, terms_.fws_pump);
  buffer_.b = trapezoid(buffer_.k, state_.buffer, buffer_.f, 0);
  solve(delta);
  middle_return_ = fws_return_.x;

  // Second stage: BDF2 to the end. g is the flux at both first stages together.
  const auto both = [delta](double k, double x, double from) { return k * (x - from) / delta; };
  const auto bdf = [h, delta](double k, double from, double g, double source) {
    return k * from + h * weight * g + delta * source;
  };
  run = 0;
  for (std::size_t l = 0; l < loops_.size(); ++l) {
    for (const auto& r : law_.loops[l].runs) {
      for (auto i = static_cast<std::size_t>(r.first);
           i < static_cast<std::size_t>(r.first + r.count); ++i) {
        const Terms& c = terms_of(run, i);
        Rack& rack = racks_[i];
        rack.gj = both(c.kj, rack.j, state_.junction[i]);
        rack.gp = both(c.kp, rack.p, state_.plate[i]);
        rack.go = both(c.ko, rack.o, state_.outlet[i]);
        rack.bj = bdf(c.kj, state_.junction[i], rack.gj, rack.gpu);
        rack.bp = bdf(c.kp, state_.plate[i], rack.gp, 0);
        rack.bo = bdf(c.ko, state_.outlet[i], rack.go, rack.other);
      }
      ++run;
    }
    LoopNodes& n = loops_[l];
    n.supply.g = both(n.supply.k, n.supply.x, state_.loops[l].supply);
    n.returns.g = both(n.returns.k, n.returns.x, state_.loops[l].returns);
    n.supply.b = bdf(n.supply.k, state_.loops[l].supply, n.supply.g, 0);
    n.returns.b = bdf(n.returns.k, state_.loops[l].returns, n.returns.g, terms_.loops[l].pump);
  }
  fws_supply_.g = both(fws_supply_.k, fws_supply_.x, state_.fws_supply);
  fws_return_.g = both(fws_return_.k, fws_return_.x, state_.fws_return);
  if (buffer_.k > 0) buffer_.g = both(buffer_.k, buffer_.x, state_.buffer);
  fws_supply_.b = bdf(fws_supply_.k, state_.fws_supply, fws_supply_.g, rejected_source);
  fws_return_.b = bdf(fws_return_.k, state_.fws_return, fws_return_.g, terms_.fws_pump);
  buffer_.b = bdf(buffer_.k, state_.buffer, buffer_.g, 0);
  solve(delta);

  // The third derivative, from the fluxes at the three stages.
  double largest = 0;
  const auto estimate = [&](double k, double from, double to, double f, double g) {
    const double last = (k * (to - from) - h * weight * g) / delta;
    const double e = f / gamma - (g - f) / (gamma * (1 - gamma)) + last / (1 - gamma);
    largest = std::max(largest, std::fabs(2 * error_factor * h * e / k));
  };
  run = 0;
  for (std::size_t l = 0; l < loops_.size(); ++l) {
    for (const auto& r : law_.loops[l].runs) {
      for (auto i = static_cast<std::size_t>(r.first);
           i < static_cast<std::size_t>(r.first + r.count); ++i) {
        const Terms& c = terms_of(run, i);
        const Rack& rack = racks_[i];
        estimate(c.kj, state_.junction[i], rack.j, rack.fj, rack.gj);
        estimate(c.kp, state_.plate[i], rack.p, rack.fp, rack.gp);
        estimate(c.ko, state_.outlet[i], rack.o, rack.fo, rack.go);
      }
      ++run;
    }
    const LoopNodes& n = loops_[l];
    estimate(n.supply.k, state_.loops[l].supply, n.supply.x, n.supply.f, n.supply.g);
    estimate(n.returns.k, state_.loops[l].returns, n.returns.x, n.returns.f, n.returns.g);
  }
  estimate(fws_supply_.k, state_.fws_supply, fws_supply_.x, fws_supply_.f, fws_supply_.g);
  estimate(fws_return_.k, state_.fws_return, fws_return_.x, fws_return_.f, fws_return_.g);
  return largest;
}

void PlantHeat::accept(double h, Means& means) {
  HeatBalance& heat = work_.heat;
  const double returned = weighted(state_.fws_return, middle_return_, fws_return_.x) - terms_.about;
  const double rejected = h * (terms_.rejected_at + terms_.rejected_slope * returned);
  heat.rejected += rejected;
  means.rejected += rejected;
  heat.reused += h * terms_.reused;
  heat.trimmed += h * terms_.trimmed;
  heat.pumps += h * terms_.fws_pump;
  double stored = 0, racks = 0, outlet = 0, supply = 0, capacity = 0;
  const auto move = [&](double k, double& from, double to) {
    stored += k * (to - from);
    from = to;
  };
  std::size_t run = 0;
  for (std::size_t l = 0; l < loops_.size(); ++l) {
    LoopState& now = state_.loops[l];
    for (const auto& r : law_.loops[l].runs) {
      for (auto i = static_cast<std::size_t>(r.first);
           i < static_cast<std::size_t>(r.first + r.count); ++i) {
        const Terms& c = terms_of(run, i);
        Rack& rack = racks_[i];
        racks += rack.gpu + rack.other;
        if (c.junction > 0) {
          move(c.kj, state_.junction[i], rack.j);
          move(c.kp, state_.plate[i], rack.p);
        }
        move(c.ko, state_.outlet[i], rack.o);
        work_.hottest[i] = std::max(work_.hottest[i], state_.junction[i]);
        outlet += c.flow * rack.o;
      }
      ++run;
    }
    move(loops_[l].supply.k, now.supply, loops_[l].supply.x);
    move(loops_[l].returns.k, now.returns, loops_[l].returns.x);
    heat.pumps += h * terms_.loops[l].pump;
    capacity += terms_.loops[l].capacity;
    supply += terms_.loops[l].capacity * now.supply;
    work_.warmest_supply = std::max(work_.warmest_supply, now.supply);
  }
  move(fws_supply_.k, state_.fws_supply, fws_supply_.x);
  move(fws_return_.k, state_.fws_return, fws_return_.x);
  if (buffer_.k > 0)
    move(buffer_.k, state_.buffer, buffer_.x);
  else
    state_.buffer = state_.fws_supply;
  heat.racks += h * racks;
  heat.stored += stored;
  means.rack_outlet += h * (capacity > 0 ? outlet / capacity : state_.loops[0].returns);
  means.supply += h * (capacity > 0 ? supply / capacity : state_.loops[0].supply);
  means.fws_supply += h * state_.fws_supply;
  means.fws_return += h * state_.fws_return;
}

void PlantHeat::advance(double seconds, Means& means) {
  // Steps are the time to go over powers of two, so that it is met exactly.
  double share = 1;
  while (share > finest && state_.step > 0 && share * seconds > state_.step * (1 + 1e-9))
    share /= 2;
  for (double done = 0; done < 1;) {
    const double h = share * seconds;
    const double error = step(h);
    if (error > most_error && share > finest) {
      share /= 2;
      ++work_.refused;
      continue;
    }
    accept(h, means);
    ++work_.steps;
    done += share;
    // A longer step only where the time done so far is a multiple of it.
    const bool aligned = std::fmod(done, 2 * share) == 0;
    state_.step = h;
    if (error < most_error / 16) {
      state_.step = 2 * h;
      if (aligned && share < 1) share *= 2;
    }
    if (done < 1) fluxes();
  }
}

}  // namespace mw::models
