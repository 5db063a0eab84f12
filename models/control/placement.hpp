#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"
#include "sim/time.hpp"

// Where work is placed: which racks are in service and which are taken out of it, so that what is
// left runs on the racks that cost the least at the meter. It reads points (what comes, how late it
// is, what a watt costs where) and writes one set-point a rack, in service or not.
namespace mw::models {

enum class PlacementPolicy { none, consolidate };
inline std::span<const char* const> enum_names(PlacementPolicy) {
  static constexpr const char* names[] = {"none", "consolidate"};
  return names;
}

struct PlacementParameters {
  PlacementPolicy policy = PlacementPolicy::none;
  sim::Seconds interval{30};
  int samples = 4;
  double load = 0.7;
  double margin = 0.1;
  double better = 0.03;
  sim::Seconds hold{300};
  int least = 1;
};
template <sim::Describes<PlacementParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("policy", self.policy,
        About{.text = "Which racks work: all of them (none), or as few as the load needs, those "
                      "that cost the least at the meter first, the others switched off "
                      "(consolidate)"});
  visit("interval", self.interval,
        About{.text = "Time between two decisions; also over which arrivals are counted",
              .min = 1,
              .max = 86400});
  visit("samples", self.samples,
        About{.text = "Intervals looked back on; the highest rate of arrivals counts",
              .min = 1,
              .max = 1000});
  visit("load", self.load,
        About{.text = "Share of its capacity that a replica in service is meant to carry: what it "
                      "completes at most within the service's time per token",
              .min = 0.01,
              .max = 1});
  visit("margin", self.margin,
        About{.text = "A rack is taken out of service only if the others would then carry this "
                      "share less than that",
              .min = 0,
              .max = 0.9});
  visit(
      "better", self.better,
      About{.text = "Work moves to a rack that is switched off when a watt of its GPUs costs this "
                    "share less at the meter",
            .min = 0,
            .max = 1});
  visit("hold", self.hold,
        About{.text = "How long a rack that was put into service stays there at least",
              .min = 0,
              .max = 1e6});
  visit("least", self.least,
        About{.text = "Replicas of each service that always stay in service", .min = 1});
}

/// Racks that only go together: those that share replicas. Replicas by service.
struct PlacementUnit {
  struct Share {
    std::int32_t service = 0, replicas = 0;
  };
  std::vector<std::int32_t> racks;   // what it switches
  std::vector<std::int32_t> groups;  // of racks: whose costs are its
  std::vector<Share> holds;
};

struct PlacementLaw {
  PlacementParameters p;
  std::vector<PlacementUnit> units;
  std::vector<double> capacity;        // requests/s of one replica, by service
  std::vector<std::int32_t> replicas;  // by service
  bool on() const { return p.policy != PlacementPolicy::none; }
};

struct PlacedUnit {
  bool in = true;
  sim::Time since = 0;
};
template <sim::Describes<PlacedUnit> Self>
void describe(Self& self, auto&& visit) {
  visit("in", self.in, sim::About{.text = "It is in service"});
  visit("since", self.since, sim::About{.text = "When that was decided, ns"});
}
struct PlacementState {
  std::vector<PlacedUnit> units;
};
template <sim::Describes<PlacementState> Self>
void describe(Self& self, auto&& visit) {
  visit("units", self.units, sim::About{.text = "Racks that go together"});
}

struct PlacedService {
  double rate = 0;      // requests/s, highest of the samples
  double lateness = 0;  // latencies over what is promised, the worse; 0: unknown
  bool known = false;
};
struct PlacementReadings {
  std::span<const PlacedService> services;
  std::span<const double> cost;           // by unit: W at the meter for a W of its GPUs
  std::span<const std::uint8_t> working;  // by unit: all its racks do
};

/// Replicas that carry `rate`, each `load` of its capacity.
std::int32_t replicas_for(double rate, double capacity, double load);

/// One decision. With n_s = replicas_for(rate, capacity, load) of each service, between `least` and
/// all there are, and one more than are in service while latencies are late:
///   - while fewer of a service are in service, the cheapest unit outside that has some is woken;
///   - a unit outside that is cheaper by `better` than the dearest inside with the same replicas is
///     woken ahead of it, one in each decision;
///   - units are taken out, the dearest first and one by one, while those that work without them
///     are n_s at load x (1 - margin), nothing is late, and they were in for `hold`. Units that
///     serve nobody go at once.
void place_step(const PlacementLaw& law, const PlacementReadings& readings, PlacementState& state,
                sim::Time now);

}  // namespace mw::models
