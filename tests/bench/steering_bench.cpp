// One decision of the policy `steering` on 5,543 racks: 18 resource groups each (the GPUs of one
// replica in one tray), racks in rows of 16, rows in 8 halls under one meter. Load wanders, the
// budget binds. Prints the time a decision takes on one core (bar 2 ms, goal 0.3 ms): with shares
// in grains as such a site has them, exactly, and as the baseline exactly with nothing kept from
// call to call. `bench_steering [decisions]`.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <vector>

#include "models/control/power_steering.hpp"
#include "sim/random.hpp"

namespace {

using namespace mw;
using namespace mw::models;

constexpr int racks = 5543, groups_of_rack = 18, gpus = 4, racks_of_row = 16, halls = 8;
constexpr double least_w = 200, most_w = 1200, k = 1.2;

struct Site {
  PowerControlParameters p{.policy = PowerPolicy::steering, .interval = {}, .how = {}};
  SteeredPower power;
  SteeringState state;
  std::vector<double> budgets, demand;
  std::vector<sim::SetPointParameters> ranges;
  std::vector<sim::SetPointState> limits;

  Site() {
    auto& parent = power.tree.parent;
    for (int h = 0; h < halls; ++h) parent.push_back(0);
    const int rows = (racks + racks_of_row - 1) / racks_of_row;
    for (int r = 0; r < rows; ++r) parent.push_back(1 + r % halls);
    for (int r = 0; r < racks; ++r) {
      parent.push_back(1 + halls + r / racks_of_row);
      for (int g = 0; g < groups_of_rack; ++g)
        power.tree.groups.push_back({static_cast<std::int32_t>(parent.size()) - 1,
                                     milliwatts(gpus * least_w), milliwatts(gpus * most_w)});
    }
    power.domain_per_gpu_watt.assign(parent.size(), k);
    power.devices.assign(power.tree.groups.size(), gpus);
    for (std::size_t i = 0; i < power.tree.groups.size(); ++i)
      power.service.push_back(static_cast<std::int32_t>(i / 4 % 2));
    power.given_rank = {0, 1};
    const double all_w = racks * groups_of_rack * gpus * most_w * k;
    budgets.assign(parent.size(), std::numeric_limits<double>::infinity());
    budgets[0] = 0.69 * all_w;
    for (int h = 0; h < halls; ++h) budgets[static_cast<std::size_t>(1 + h)] = 0.75 * all_w / halls;
    for (std::size_t v = static_cast<std::size_t>(1 + halls); v < budgets.size(); ++v)
      budgets[v] = 0.9 * all_w / (v < static_cast<std::size_t>(1 + halls + rows) ? rows : racks);
    demand.resize(power.tree.groups.size());
    ranges.assign(demand.size(), {.unit = "W", .min = least_w, .max = most_w, .quantum = 1});
    limits.assign(demand.size(), sim::initial_set_point(800));
  }
  /// What the controller reads: a load of its own for each group, in ten stretches of a minute out
  /// of phase, and a ripple of 3 % from second to second.
  void read(int t, std::vector<GroupReading>& groups, std::vector<DomainReading>& domains) {
    groups.resize(demand.size());
    domains.assign(power.tree.domains(), {0, 0, true});
    for (std::size_t i = 0; i < demand.size(); ++i) {
      const auto entity = static_cast<std::uint32_t>(i);
      const auto stretch = static_cast<std::uint64_t>(t + static_cast<int>(i % 60)) / 60;
      const double level = 250 + 950 * sim::uniform({1, entity, 0}, stretch);
      const double ripple =
          0.97 + 0.06 * sim::uniform({1, entity, 1}, static_cast<std::uint64_t>(t));
      const double each = std::min(level * ripple, limits[i].effective);
      groups[i] = {milliwatts(gpus * each), milliwatts(gpus * limits[i].effective), true};
      domains[static_cast<std::size_t>(power.tree.groups[i].domain)].gpus_w += gpus * each;
    }
    for (std::size_t v = domains.size(); v-- > 1;)
      domains[static_cast<std::size_t>(power.tree.parent[v])].gpus_w += domains[v].gpus_w;
    for (auto& d : domains) d.power_w = k * d.gpus_w;
  }
};

/// Processor time of this thread, ms: others on the machine do not count.
double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

struct Mode {
  const char* name;
  double grain;
  bool afresh;
};

/// Median time of a decision, ms.
double run(const Mode& mode, int decisions) {
  Site site;
  site.p.how.grain = mode.grain;
  std::vector<GroupReading> groups;
  std::vector<DomainReading> domains;
  const std::vector<ServiceReading> services(2);
  std::vector<double> ms;
  double moved = 0, assigned = 0;
  for (int t = 0; t < decisions; ++t) {
    site.read(t, groups, domains);
    const sim::Time now = (t + 1) * sim::second;
    std::vector<double> before;
    for (const auto& l : site.limits) before.push_back(l.requested);
    if (mode.afresh) site.state.allocation = {};
    const double start = cpu_ms();
    steering_step(site.p, site.power, {site.budgets, domains, groups, services}, site.state,
                  site.ranges, site.limits, now);
    ms.push_back(cpu_ms() - start);
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (t > 0 && before[i] != site.limits[i].requested) moved += 1;
      if (t > 0) assigned += gpus * site.limits[i].requested;
      sim::advance(site.limits[i], site.ranges[i], now);
    }
  }
  ms.erase(ms.begin());
  std::sort(ms.begin(), ms.end());
  const auto count = static_cast<double>(ms.size());
  fmt::print(
      "{:<16} median {:.3f} ms, p95 {:.3f}, most {:.3f}; {:.0f} limits moved, {:.3f} MW "
      "assigned at each\n",
      mode.name, ms[ms.size() / 2], ms[ms.size() * 95 / 100], ms.back(), moved / count,
      assigned / count * 1e-6);
  return ms[ms.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int decisions = argc > 1 ? std::atoi(argv[1]) : 200;
  if (decisions < 2 || decisions > 100000) {
    fmt::print(stderr, "usage: bench_steering [decisions], 2 to 100000\n");
    return 2;
  }
  fmt::print("{} groups, {} decisions; bar 2 ms, goal 0.3 ms\n", racks * groups_of_rack, decisions);
  const double grained = run({"grains of 0.002", 0.002, false}, decisions);
  const double exact = run({"exact", 0, false}, decisions);
  const double afresh = run({"exact, afresh", 0, true}, decisions);
  fmt::print("of the baseline: {:.3f} with grains, {:.3f} exact\n", grained / afresh,
             exact / afresh);
  return 0;
}
