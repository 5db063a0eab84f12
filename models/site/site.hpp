#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/compute/quality.hpp"
#include "models/control/batch.hpp"
#include "models/control/oracle.hpp"
#include "models/control/placement.hpp"
#include "models/control/power_control.hpp"
#include "models/control/power_profile.hpp"
#include "models/control/power_steering.hpp"
#include "models/control/profile_choice.hpp"
#include "models/cooling/climate.hpp"
#include "models/cooling/plant.hpp"
#include "models/cooling/plant_totals.hpp"
#include "models/cooling/throttle.hpp"
#include "models/cooling/transient.hpp"
#include "models/cooling/weather_series.hpp"
#include "models/economics/costs.hpp"
#include "models/inference/front.hpp"
#include "models/inference/pod.hpp"
#include "models/power/distribution_flow.hpp"
#include "models/power/rack.hpp"
#include "models/power/replay.hpp"
#include "models/power/supply.hpp"
#include "models/site/allocation.hpp"
#include "models/site/cohort.hpp"
#include "models/site/events.hpp"
#include "models/site/fluid.hpp"
#include "models/site/jobs.hpp"
#include "models/site/ledger.hpp"
#include "models/site/rack_feed.hpp"
#include "models/site/rack_state.hpp"
#include "models/site/regime.hpp"
#include "sim/moment.hpp"
#include "sim/points.hpp"
#include "sim/setpoints.hpp"
#include "sim/trace_hash.hpp"

// The assembled factory. Parameters are shared and never change; the state is a value: a copy of it
// is a fork of the world.
namespace mw::models {

/// Racks of one kind, `count` of them from index `first` on.
struct SiteRacks {
  std::string name;
  RackParameters rack;
  RackLaw law;
  StorageLaw store{};
  int first = 0, count = 0;
  double load = 0;  // share of rated power, above idle, that GPUs of no service draw
  std::optional<PowerProfile> profile{};  // of their GPUs
  bool measured = false;                  // their power is replayed, see SiteParameters::measured
  double idle_gpu_w() const { return rack.gpu.value.idle.value.value; }
  double most_gpu_limit_w() const {
    const double tdp = rack.gpu.value.tdp.value.value;
    return profile ? profile->limit.value * tdp : tdp;
  }
  double most_clock() const { return profile ? profile->clock.value : 1; }
  /// With clocks up to that share of the highest; dynamic power goes with f V^2.
  double free_gpu_w(double ceiling = 1) const {
    const auto& gpu = rack.gpu.value;
    double dynamic = load * (gpu.tdp.value.value - idle_gpu_w());
    if (ceiling < 1 && load > 0) {
      const double v = core_voltage(gpu, ceiling) / core_voltage(gpu, 1);
      dynamic *= ceiling * v * v;
    }
    return idle_gpu_w() + dynamic;
  }
};

/// Which measured series a rack's power at its input is, and how much of it.
struct MeasuredRack {
  std::int32_t series = -1;  // -1: computed from its work
  double share = 1;
};

/// A service and the pods that serve it, `pods` of them from index `first_pod` on.
struct SiteService {
  std::string name;
  std::optional<TaskScore> score{};  // what its answers are worth, where published
  RegimeLaw regime{};
  FrontParameters front{};
  TokenPrices price{};
  std::int32_t power_rank = 0;
  int first_pod = 0, pods = 0;
  int replicas = 0, gpus_per_replica = 0;
  double network_bytes_per_token = 0;  // that replicas over several link domains exchange
};

inline constexpr sim::Time physics_step = sim::second;

struct SiteParameters {
  std::string name;
  sim::Time duration = 0;
  sim::Instant start;
  std::uint64_t seed = 0;
  double envelope_w = std::numeric_limits<double>::infinity();  // limit at the meter

  std::vector<SiteRacks> racks;
  std::vector<std::int32_t> group_of_rack;
  std::shared_ptr<const MeasuredPower> measured;  // without it no rack is replayed
  std::vector<MeasuredRack> measured_racks;       // by rack, if `measured`
  std::vector<SiteService> services;
  std::vector<SiteJob> jobs;
  std::vector<PodParameters> pods;
  std::vector<std::int32_t> service_of_pod;
  std::vector<GpuGroup> placement;
  Cohort cohort;  // which pods are simulated; off: all

  ElectricalParameters electrical;
  Distribution distribution;
  CoolingParameters cooling;
  CoolingSizing cooling_sizing;
  PlantLaw plant;  // on: followed in time; otherwise steady in each epoch
  ClimateParameters climate;
  std::shared_ptr<const WeatherSeries> weather;        // of a file; without one the climate's own
  std::vector<EventParameters> events;                 // as the scenario lists them
  std::vector<std::vector<std::int32_t>> event_racks;  // the racks that each names
  double lighting_w = 0;
  double design_meter_w = 0;                     // at the meter with every rack at its design power
  double bytes_per_token = 0;                    // what one token weighs on the network racks
  std::optional<EconomicsParameters> economics;  // without it no costs

  PowerControlParameters control;
  std::vector<LimitedGpus> limited;        // GPUs that share a set-point; see limit_of_row
  std::vector<std::int32_t> limit_of_row;  // by row of the allocation; -1: nobody moves it
  std::vector<sim::SetPointParameters> limits;
  std::vector<double> initial_limits;  // W of one GPU, in force at the start
  SteeredPower steered;                // the same GPUs, where a policy of wants moves them
  // By set-point: a row that stands for it, or -1, and its (or one) rack.
  std::vector<std::int32_t> measured_rows, steered_racks;
  std::vector<CapacityCurve> capacity;  // by service: tokens/s of one GPU, for the oracle
  std::vector<double> budgets_w;        // by power domain
  // Racks that controllers may switch, one set-point each for want of power and for placement;
  // those that are off at the start for want of power.
  std::vector<std::int32_t> switch_racks;
  sim::SetPointParameters switch_law;
  std::vector<RackSwitch> initial_switches;
  PlacementLaw placing;
  BatchParameters batch;
  ProfileLaw profiles;
  std::vector<sim::SetPointParameters> setting_laws;  // see service_settings.hpp
  std::vector<sim::PointParameters> points;           // see SitePoint
  // Where theirs begin; 0: there are none.
  std::size_t domain_points = 0, group_points = 0, service_points = 0, placement_points = 0,
              batch_points = 0;

  sim::Time step = physics_step;                // the longest epoch
  sim::Time sub_step = 100 * sim::millisecond;  // grid on which power is summed and limits checked
  bool long_steps = false;                      // both longer than a user asked for

  int rack_count() const { return static_cast<int>(group_of_rack.size()); }
  const SiteRacks& group(int rack) const {
    return racks[static_cast<std::size_t>(group_of_rack[static_cast<std::size_t>(rack)])];
  }
};

/// `a-3`: the group and the place in it, from 0.
std::string rack_name(const SiteParameters& site, int rack);

/// Indices into SiteParameters::points: first the site's, then, if the policy asks for them, two
/// for each node of the electrical tree (its power and its GPUs'), one for each set-point (what its
/// GPUs draw) and these for each service.
enum SitePoint : std::uint32_t { meter_point, gpu_point, site_points };
enum ServicePoint : std::uint32_t { lateness_point, value_point, points_of_service };

/// What a run adds up, besides the ledgers.
struct SiteTotals {
  ExactEnergy it;       // at the racks' inputs
  ExactEnergy dc;       // behind the racks' supplies
  ExactEnergy compute;  // GPUs and hosts of the compute racks: the part ITUE divides by
  ExactEnergy gpu;      // all GPUs
  double peak_w = 0;    // highest sub-step at the meter
  sim::Time above_limit = 0;
  double excess_w = 0;  // highest sub-step above the envelope
  double water_m3 = 0;
  double hottest_junction_c = -273.15;
  double supply_excess_k = 0;
  double unmet_air_heat_j = 0;
  double throttled_gpu_s = 0;  // GPUs x seconds with clocks cut, or off, for their heat
  sim::Time first_throttle = -1;
  std::int64_t thermal_shutdowns = 0;  // racks, each time
  double heat_residual_j = 0;          // that the plant's balance leaves, all epochs
  double supply_raised_s = 0;          // the set point was raised for the dew point
  CoolingTotals cooling;
  double dark_rack_s = 0;                 // racks x seconds without power
  std::int64_t went_dark = 0;             // racks that lost power, each time
  ExactEnergy generated;                  // by the site's own generators
  std::int64_t overloaded_epochs = 0;     // some electrical stage carried more than it may
  std::int64_t unpromised_decisions = 0;  // decisions that needed GPUs below their least limit
  std::int64_t decisions = 0;
  double shed_rack_s = 0;        // racks x seconds switched off for want of power
  std::int64_t shed_racks = 0;   // each time
  double parked_rack_s = 0;      // racks x seconds out of service and off
  std::int64_t woken_racks = 0;  // each time that one starts for its controllers
  std::int64_t excursions = 0;   // readings of a domain above what the last decision promised
  double offered_capacity = 0, best_capacity = 0;  // tokens/s, sums over judged decisions
};
template <sim::Describes<SiteTotals> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("it", self.it, About{.text = "Energy at the racks' inputs"});
  visit("dc", self.dc, About{.text = "Energy behind the racks' supplies"});
  visit("compute", self.compute, About{.text = "Energy of GPUs and hosts in compute racks"});
  visit("gpu", self.gpu, About{.text = "Energy of all GPUs"});
  visit("peak_w", self.peak_w, About{.text = "Highest power of a sub-step at the meter, W"});
  visit("above_limit", self.above_limit, About{.text = "Time above the envelope, ns"});
  visit("excess_w", self.excess_w, About{.text = "Highest excess over the envelope, W"});
  visit("water_m3", self.water_m3, About{.text = "Water used, m3"});
  visit("hottest_junction_c", self.hottest_junction_c, About{.text = "Hottest junction, degC"});
  visit("supply_excess_k", self.supply_excess_k,
        About{.text = "Most that the coolant was too warm, K"});
  visit("unmet_air_heat_j", self.unmet_air_heat_j,
        About{.text = "Heat that the air side could not take, J"});
  visit("throttled_gpu_s", self.throttled_gpu_s,
        About{.text = "GPUs x seconds with clocks cut, or off, for their heat"});
  visit("first_throttle", self.first_throttle, About{.text = "When that began, ns; -1: never"});
  visit("thermal_shutdowns", self.thermal_shutdowns,
        About{.text = "Racks switched off for their heat, each time"});
  visit("heat_residual_j", self.heat_residual_j,
        About{.text = "What the plant's heat balances leave, J"});
  visit("supply_raised_s", self.supply_raised_s,
        About{.text = "Time in which the set point was raised for the dew point, s"});
  visit("cooling", self.cooling, About{.text = "Sums of the plant"});
  visit("dark_rack_s", self.dark_rack_s, About{.text = "Racks x seconds without power"});
  visit("went_dark", self.went_dark, About{.text = "Racks that lost power, each time"});
  visit("generated", self.generated, About{.text = "Energy of the site's own generators"});
  visit("overloaded_epochs", self.overloaded_epochs,
        About{.text = "Epochs in which an electrical stage carried more than it may"});
  visit("unpromised_decisions", self.unpromised_decisions,
        About{.text = "Decisions that needed GPUs below their least limit"});
  visit("decisions", self.decisions, About{.text = "Decisions of the power controller"});
  visit("shed_rack_s", self.shed_rack_s,
        About{.text = "Racks x seconds switched off for want of power"});
  visit("shed_racks", self.shed_racks, About{.text = "Racks switched off for it, each time"});
  visit("parked_rack_s", self.parked_rack_s,
        About{.text = "Racks x seconds out of service and off"});
  visit("woken_racks", self.woken_racks,
        About{.text = "Racks started by their controllers, each time"});
  visit("excursions", self.excursions,
        About{.text = "Readings above the budget that the decision before had promised"});
  visit("offered_capacity", self.offered_capacity,
        About{.text = "Capacity offered at decisions, summed, tokens/s"});
  visit("best_capacity", self.best_capacity,
        About{.text = "The most that the same watts could have offered, summed, tokens/s"});
}

struct SiteState {
  sim::Time now = 0;
  std::vector<PodState> pods;      // the simulated ones
  std::vector<FrontState> fronts;  // by service
  std::vector<GpuGroup> allocation;
  std::vector<sim::SetPointState> limits;
  std::vector<sim::SetPointState> shed, parked;  // by switched rack; 1: off
  std::vector<RackState> rack_states;
  bool disturbed = false;               // some replica is off or under a ceiling
  PlantState plant;                     // where it is followed in time
  std::vector<ThrottleState> throttle;  // by rack
  std::vector<double> leakage_w;  // by rack, of one GPU, beyond what it leaks at the reference
  std::vector<sim::PointState> points;
  sim::Time next_decision = 0;
  SteeringState steering;
  sim::Time next_placement = 0;
  PlacementState placing;
  sim::Time next_batch = 0;
  std::vector<sim::SetPointState> settings;  // see service_settings.hpp
  std::vector<ProfileSwitch> profiles;       // by service
  std::vector<double> batch_lateness;        // by service: of first tokens, of others, as last told
  std::vector<double> lateness;              // by service: the last that anything told
  EnergyLedger ledger;
  SiteTotals totals;
  std::vector<PodCounts> counts;           // by service, since the start
  std::vector<EngineSums> engines;         // the same
  std::vector<ExactEnergy> service_racks;  // rack energy by service; see service_share.hpp
  std::vector<Latencies> latencies;        // the same; in a cohort they are by simulated pod
  sim::TraceHash control_hash;
  std::vector<FeedNodeState> feeds;  // by node of the distribution
  SupplyState supply;
  std::vector<RackFeedState> rack_feeds;  // by rack
  CohortState cohort;
  std::vector<FlowState> flows;  // by simulated pod, where pods flow
};
template <sim::Describes<SiteState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("now", self.now, About{.text = "Everything before this moment has happened, ns"});
  visit("pods", self.pods, About{.text = "All pods that are simulated"});
  visit("fronts", self.fronts, About{.text = "Sources of requests, by service"});
  visit("allocation", self.allocation, About{.text = "Which GPUs do what"});
  visit("limits", self.limits, About{.text = "GPU power limits, one for each rack with GPUs"});
  visit("shed", self.shed, About{.text = "Racks switched off for want of power, as asked for"});
  visit("parked", self.parked, About{.text = "Racks taken out of service, as asked for"});
  visit("rack_states", self.rack_states, About{.text = "Racks that are off, and clock ceilings"});
  visit("disturbed", self.disturbed, About{.text = "Some replica is off or under a ceiling"});
  visit("plant", self.plant, About{.text = "Coolant, pumps, valves and chips"});
  visit("throttle", self.throttle, About{.text = "What each rack's GPUs do about their heat"});
  visit("leakage_w", self.leakage_w,
        About{.text = "Leakage of one GPU of each rack beyond the reference temperature's, W"});
  visit("points", self.points, About{.text = "What controllers see"});
  visit("next_decision", self.next_decision, About{.text = "Next turn of the controller, ns"});
  visit("steering", self.steering, About{.text = "What the power policy wants and remembers"});
  visit("next_placement", self.next_placement, About{.text = "Next turn of placement, ns"});
  visit("placing", self.placing, About{.text = "What placement remembers"});
  visit("next_batch", self.next_batch, About{.text = "Next turn of the batch controller, ns"});
  visit("settings", self.settings, About{.text = "Batches and profiles of services, as asked for"});
  visit("profiles", self.profiles, About{.text = "Profiles chosen, by service"});
  visit("batch_lateness", self.batch_lateness,
        About{.text = "Latencies over what is promised, as last told"});
  visit("lateness", self.lateness,
        About{.text = "Latencies over what is promised, by service, as last seen"});
  visit("ledger", self.ledger.by_purpose, About{.text = "Energy at the meter by purpose"});
  visit("totals", self.totals, About{.text = "Sums since the start"});
  visit("counts", self.counts, About{.text = "Requests and tokens by service"});
  visit("engines", self.engines, About{.text = "Energy and working time of engines by service"});
  visit("service_racks", self.service_racks,
        About{.text = "Energy at the racks' inputs by service"});
  visit("latencies", self.latencies, About{.text = "Latencies of requests by service"});
  visit("control_hash", self.control_hash, About{.text = "Fingerprint of limits that took effect"});
  visit("feeds", self.feeds, About{.text = "Nodes of the electrical tree"});
  visit("supply", self.supply, About{.text = "Utility and generators"});
  visit("rack_feeds", self.rack_feeds, About{.text = "What each rack holds and draws"});
  visit("cohort", self.cohort, About{.text = "What other pods follow"});
  visit("flows", self.flows, About{.text = "Pods in steady flow"});
}

SiteState initial_site(const SiteParameters& site);

/// One fingerprint of all that happened: pods in order, then control.
sim::TraceHash trace_hash(const SiteState& state);

}  // namespace mw::models
