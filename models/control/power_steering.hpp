#pragma once
#include <span>
#include <vector>

#include "models/control/power_allocation.hpp"
#include "models/control/power_control.hpp"
#include "models/control/shedding.hpp"

// Policies of wants at work: readings to rooms, rooms and wants to limits, limits to set-points.
namespace mw::models {

/// What does not change while a controller runs.
struct SteeredPower {
  PowerTree tree;
  std::vector<std::int32_t> devices;     // by group: GPUs behind its set-point
  std::vector<std::int32_t> service;     // by group; -1: of none
  std::vector<std::int32_t> given_rank;  // by service
  std::vector<std::string> group_names, service_names;
  std::vector<double> domain_per_gpu_watt;    // by domain: what one more watt of a GPU adds to it
  std::vector<SwitchedRack> racks{};          // that can be switched off; empty: none
  std::vector<std::int32_t> rack_of_group{};  // index into `racks`
};

/// The newest mean of a domain's power and of its GPUs' together, W.
struct DomainReading {
  double power_w = 0, gpus_w = 0;
  bool known = false;
};

struct SteeringState {
  std::vector<GroupWant> wants;
  std::vector<double> held_back;  // by domain, W of GPUs: after an excursion, until it is forgotten
  std::vector<double> promised_w;  // by domain: the budget of the last decision
  std::vector<Milliwatts> rooms;
  std::vector<RackSwitch> switches;  // by rack of SteeredPower
  // Made anew after a checkpoint.
  PowerAllocation allocation;
  std::vector<std::int32_t> ranks;  // of services, as last used
  std::vector<std::int32_t> news;   // groups whose wants are set anew
  struct Asked {                    // of one group's set-point
    double steps = -1;              // last asked for
    double steps_per_mw = 0, step_w = 0, min = 0, max = 0;
  };
  std::vector<Asked> asked;
};
template <sim::Describes<GroupWant> Self>
void describe(Self& self, auto&& visit) {
  visit("rank", self.rank, sim::About{.text = "Whose wants come first: 0"});
  visit("power", self.power, sim::About{.text = "Wanted for all devices together, mW"});
}
template <sim::Describes<SteeringState> Self>
void describe(Self& self, auto&& visit) {
  visit("wants", self.wants, sim::About{.text = "What the policy wants, by group"});
  visit("held_back", self.held_back,
        sim::About{.text = "Held back after an excursion, by domain, W of GPUs"});
  visit("promised_w", self.promised_w,
        sim::About{.text = "Budget of the last decision, by domain, W"});
  visit("rooms", self.rooms, sim::About{.text = "What groups may be given, by domain, mW"});
  visit("switches", self.switches, sim::About{.text = "Racks switched off for want of power"});
}

/// What GPUs of a domain may draw together so that it reaches budget x (1 - guard) when all draw
/// it:
///
///   rest = power - k gpus              (what does not follow the GPUs, as measured)
///   room = (budget (1 - guard) - rest) / k
double room_w(double budget_w, double guard_band, double per_gpu_watt,
              const DomainReading& reading);

struct SteeringReadings {
  std::span<const double> budgets_w;         // by domain, now; infinite: none
  std::span<const DomainReading> domains;    // by domain
  std::span<const GroupReading> groups;      // by group
  std::span<const ServiceReading> services;  // by service
  sim::LockstepProcess* client = nullptr;    // a controller outside
  std::span<const std::uint8_t> out{};       // by rack of SteeredPower: out of service; or empty
};

struct SteeringResult {
  std::int64_t below_least = 0;  // GPUs for which not even the least was left
  std::int64_t excursions = 0;   // domains whose last mean was above their budget
};

/// One decision of a policy of wants. Where the least of all devices does not fit, racks are to be
/// switched off (state.switches); where none can be, limits stay at the least that the devices
/// accept. Domains without a reading keep the room they had.
SteeringResult steering_step(const PowerControlParameters& p, const SteeredPower& power,
                             const SteeringReadings& readings, SteeringState& state,
                             std::span<const sim::SetPointParameters> ranges,
                             std::span<sim::SetPointState> limits, sim::Time now);

/// Before the first reading: everybody wants the most, in rooms of the design.
struct InitialLimits {
  std::vector<double> w;             // of one GPU
  std::vector<RackSwitch> switches;  // by rack of SteeredPower
};
InitialLimits initial_steered_limits(const PowerControlParameters& p, const SteeredPower& power,
                                     std::span<const double> budgets_w,
                                     std::span<const DomainReading> design,
                                     std::span<const sim::SetPointParameters> ranges);

}  // namespace mw::models
