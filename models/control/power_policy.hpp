#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/control/power_tree.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

// A power policy says what it wants for each resource group; the allocation (power_allocation.hpp)
// then keeps the budgets, whatever is wanted. To add one: a file with its function, and its name in
// the two lists below (PowerPolicy) and in power_policy.cpp.
namespace mw::sim {
class LockstepProcess;
}
namespace mw::models {

enum class PowerPolicy { none, uniform, fixed, proportional, priority, steering, slo, exec };
inline std::span<const char* const> enum_names(PowerPolicy) {
  static constexpr const char* names[] = {"none",     "uniform",  "static", "proportional",
                                          "priority", "steering", "slo",    "exec"};
  return names;
}

/// What shares one limit: the GPUs of a rack, or those of one replica in one rack.
enum class LimitGroups { rack, replica };
inline std::span<const char* const> enum_names(LimitGroups) {
  static constexpr const char* names[] = {"rack", "replica"};
  return names;
}

/// Whose wants come first: as the services' `power_rank` says, or the service whose tokens earn
/// most for each joule of its GPUs.
enum class RankBy { given, revenue_per_joule };
inline std::span<const char* const> enum_names(RankBy) {
  static constexpr const char* names[] = {"given", "revenue_per_joule"};
  return names;
}

struct PolicyParameters {
  LimitGroups groups = LimitGroups::rack;
  RankBy rank_by = RankBy::given;
  int samples = 5;
  double at_limit = 0.9;
  double headroom = 0.2;
  std::optional<double> grain;
  double shed_margin = 0.05;
  sim::Seconds shed_hold{60};
  double slo_margin = 0.9;
  double slo_step = 0.05;
  std::optional<std::vector<std::string>> exec;
  std::string folder;  // where it runs; empty: where the run does
  sim::Seconds exec_timeout{10};
  bool oracle = false;
};
template <sim::Describes<PolicyParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("groups", self.groups,
        About{.text = "What shares one limit: the GPUs of a rack, or of a replica in a rack"});
  visit("rank_by", self.rank_by,
        About{.text = "Whose wants come first: the services' own `power_rank`, or what their "
                      "tokens earn for each joule of their GPUs"});
  visit("samples", self.samples,
        About{.text = "Readings of each group looked back on, spread over an interval; the "
                      "highest counts",
              .min = 1,
              .max = 100});
  visit("at_limit", self.at_limit,
        About{.text = "A group that draws more than this share of its limit wants more",
              .min = 0.1,
              .max = 1});
  visit("headroom", self.headroom,
        About{.text = "What a group below its limit is left above its draw, as a share of it",
              .min = 0,
              .max = 5});
  visit("grain", self.grain,
        About{.text = "Limits that are cut move together in steps of this share of the devices' "
                      "most, so that fewer of them move; 0: exactly. Otherwise 0 up to 10,000 "
                      "groups and 0.002 beyond",
              .min = 0,
              .max = 0.125});
  visit(
      "shed_margin", self.shed_margin,
      About{.text = "A rack that was switched off for want of power is switched on when this share "
                    "more than it may need is there",
            .min = 0,
            .max = 1});
  visit("shed_hold", self.shed_hold,
        About{.text = "How long such a rack stays off at least", .min = 0, .max = 86400});
  visit("slo_margin", self.slo_margin,
        About{.text = "slo: power is taken from a service while its latencies are below this share "
                      "of what it promises",
              .min = 0.01,
              .max = 1});
  visit(
      "slo_step", self.slo_step,
      About{
          .text = "slo: share of a limit that is taken in one decision", .min = 0.001, .max = 0.5});
  visit("exec", self.exec,
        About{.text = "exec: program and arguments of the controller, which runs in the scenario "
                      "file's folder; it reads a JSON line and answers one at each decision"});
  visit("exec_timeout", self.exec_timeout,
        About{.text = "exec: how long an answer may take by the clock on the wall",
              .min = 0.01,
              .max = 3600});
  visit("oracle", self.oracle,
        About{.text = "Also work out, at each decision, the most capacity that any sharing of the "
                      "same watts could offer"});
}

inline double grain_of(const PolicyParameters& p, std::size_t groups) {
  constexpr std::size_t exact_groups = 10'000;  // a decision on as many takes some 0.1 ms
  return p.grain.value_or(groups > exact_groups ? 0.002 : 0);
}

/// What is known of a group at a decision.
struct GroupReading {
  Milliwatts drawn = 0;  // highest of the samples
  Milliwatts limit = 0;  // effective
  bool known = false;
};

/// What is known of a service: latencies over what it promises, and what its tokens earn.
struct ServiceReading {
  double lateness = 0;  // the worse of time to first token and time per token; 0: unknown
  double usd_per_joule = 0;
};

/// What a controller outside is told besides, and how it is asked.
struct ExecView {
  sim::LockstepProcess* client = nullptr;
  double now_s = 0;
  std::span<const std::string> group_names, service_names;  // by group, by service
  std::span<const std::int32_t> devices;                    // by group
  std::span<const Milliwatts> rooms;                        // by domain
};

/// Everything a policy sees.
struct PolicyView {
  const PolicyParameters& p;
  std::span<const ResourceGroup> groups;
  std::span<const GroupReading> readings;    // by group
  std::span<const std::int32_t> service;     // by group; -1: of none
  std::span<const std::int32_t> given_rank;  // by service
  std::span<const ServiceReading> services;  // by service
  ExecView outside{};
};

/// A policy: `want` sets what the groups of `news` want; `wants` holds what they wanted before.
/// `news` picks the groups whose wants would be others than before, ranks apart; without it those
/// are all, at every decision. `headroom`: whether what nobody wants is shared
/// out as well. Policies without `telemetry` need no reading of single groups.
struct PolicyLaw {
  void (*want)(const PolicyView&, std::span<const std::int32_t> news,
               std::span<GroupWant> wants) = nullptr;
  void (*news)(const PolicyView&, std::span<const GroupWant> wants,
               std::vector<std::int32_t>& news) = nullptr;
  bool headroom = true, telemetry = false, ranks = false;
};

/// nullptr: the policy is not one of wants (none, uniform).
const PolicyLaw* law_of(PowerPolicy policy);

extern const PolicyLaw static_policy, proportional_policy, priority_policy, steering_policy,
    slo_policy, exec_policy;

inline constexpr std::int32_t most_ranks = 8;

/// Rank of each service, 0 first; equal values share one. At most `most_ranks`: the last is shared.
std::vector<std::int32_t> service_ranks(const PolicyView& view);
/// Groups of no service come last.
inline std::int32_t rank_of(const PolicyView& view, std::span<const std::int32_t> ranks,
                            std::size_t group) {
  const std::int32_t s = view.service[group];
  return s < 0 ? most_ranks - 1 : ranks[static_cast<std::size_t>(s)];
}

}  // namespace mw::models
