// The kernel against queueing theory: a station with c servers, Poisson arrivals and exponential or
// fixed service times.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "sim/random.hpp"
#include "sim/simulation.hpp"

namespace sim = mw::sim;
using sim::Phase;
using sim::Time;

namespace {
enum Kind : std::uint32_t { arrive, depart };

struct Station {
  int servers = 1;
  bool fixed_service = false;
  double arrival_rate = 0.8;  // per mean service time, which is one second
  std::uint64_t customers = 0;

  std::uint64_t arrived = 0, started = 0, left = 0;
  int busy = 0;
  std::vector<Time> arrival = {};  // of every customer; first come, first served
  double time_in_system = 0;
  // The integral of the number present, kept by the events themselves.
  double present_seconds = 0;
  Time last_change = 0;

  void change(Time now) {
    present_seconds += double(arrived - left) * sim::to_seconds(now - last_change);
    last_change = now;
  }
  void start(sim::Partition<>& p) {
    const double service = fixed_service ? 1 : sim::exponential({31, 0, 2}, started);
    p.schedule(p.now() + sim::from_seconds(service), Phase::completion, {depart, 0, started++});
    ++busy;
  }
  static void on_arrive(Station& s, sim::Partition<>& p, const sim::Event&) {
    s.change(p.now());
    s.arrival.push_back(p.now());
    if (++s.arrived < s.customers) {
      const double gap = sim::exponential({31, 0, 1}, s.arrived) / s.arrival_rate;
      p.schedule(p.now() + sim::from_seconds(gap), Phase::arrival, {arrive, 0, 0});
    }
    if (s.busy < s.servers) s.start(p);
  }
  static void on_depart(Station& s, sim::Partition<>& p, const sim::Event& event) {
    s.change(p.now());
    ++s.left;
    s.time_in_system += sim::to_seconds(p.now() - s.arrival[event.payload.argument]);
    --s.busy;
    if (s.started < s.arrived) s.start(p);
  }
};

Station run(Station s) {
  static constexpr sim::Handler<Station> handlers[] = {Station::on_arrive, Station::on_depart};
  s.arrival.reserve(s.customers);
  sim::Partition<> p(0);
  p.schedule(0, Phase::arrival, {arrive, 0, 0});
  sim::run_until(p, s, std::span<const sim::Handler<Station>>(handlers), sim::never);
  return s;
}

/// Mean wait of M/D/c in service times at load rho per server: Crommelin, "Delay probability
/// formulae", P.O. Electr. Eng. J. 26 (1934) 266-274:
///   W = sum over i >= 1 of  e^-ia [ sum_{j >= ic} (ia)^j / j! - (c/a) sum_{j >= ic+1} (ia)^j / j!
///   ]
/// with a = c rho.
double md_c_wait(int c, double rho) {
  const double a = c * rho;
  double wait = 0;
  for (int i = 1; i < 2000; ++i) {
    const double m = i * a;
    double from_ic = 0;
    const double first = std::exp(i * c * std::log(m) - m - std::lgamma(i * c + 1.0));
    double term = first;
    for (int j = i * c; term > 1e-18 * (from_ic + 1e-300); term *= m / ++j) from_ic += term;
    const double added = from_ic - (from_ic - first) / rho;
    wait += added;
    if (added < 1e-12 * wait) break;
  }
  return wait;
}
}  // namespace

TEST_CASE("M/M/1 at load 0.8: the mean time in the system is 1 / (1 - 0.8) = 5 service times") {
  const Station s = run({.arrival_rate = 0.8, .customers = 4'000'000});
  CHECK(s.left == s.customers);
  CHECK(s.time_in_system / double(s.left) == doctest::Approx(5).epsilon(0.01));
  // Little's law is no estimate: the integral of the number present is the sum of the stays.
  CHECK(s.present_seconds == doctest::Approx(s.time_in_system).epsilon(1e-9));
}

TEST_CASE("M/D/c: the mean wait by Pollaczek and Khinchine for c = 1, by Crommelin for more") {
  // One server: W = rho / (2 (1 - rho)), which Crommelin's series must give too.
  CHECK(md_c_wait(1, 0.8) == doctest::Approx(0.8 / (2 * 0.2)).epsilon(1e-9));
  CHECK(md_c_wait(1, 0.5) == doctest::Approx(0.5).epsilon(1e-9));
  for (const int c : {1, 2, 8}) {
    CAPTURE(c);
    const Station s =
        run({.servers = c, .fixed_service = true, .arrival_rate = 0.8 * c, .customers = 2'000'000});
    const double wait = s.time_in_system / double(s.left) - 1;
    CHECK(wait == doctest::Approx(md_c_wait(c, 0.8)).epsilon(0.01));
  }
}
