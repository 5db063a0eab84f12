#pragma once
#include <memory>
#include <vector>

#include "models/inference/hand_table.hpp"
#include "models/site/assembly.hpp"
#include "models/site/epoch.hpp"
#include "models/site/power_groups.hpp"

namespace mw::models::test {

/// A site assembled by hand, without catalog: five compute racks of eight GPUs (700 W each), a
/// network, a storage and a CPU rack behind a chain of four stages, cooled by the default plant in
/// warm air. Two services: `chat` on half racks, in several pods; `batch` on replicas of a rack and
/// a half. GPUs of one rack stay free.
struct HandSite {
  double chat_rate = 150, batch_rate = 10;  // requests per second
  PowerPolicy policy = PowerPolicy::none;
  PolicyParameters how{};
  double envelope_w = std::numeric_limits<double>::infinity();
  sim::Seconds interval{1}, actuation{0.1}, meter_latency{0};
  sim::Time duration = 20 * sim::second;
  std::uint64_t seed = 11;
  std::int64_t chat_kv_blocks = 300;  // few: preemptions occur, and the longest prompts are refused
  bool bare_racks = false;            // compute racks that are GPUs and nothing else
  int compute_racks = 5, chat_replicas = 5, chat_replicas_per_pod = 2;
  double chat_cv = 2;  // of its arrivals' gaps
  bool batch = true;
  sim::Duration restart{5 * sim::minute};
  PlacementParameters placing{};
  BatchParameters batches{};
  ProfileLaw profiles{};

  SiteParameters build() const {
    SiteParameters site;
    site.name = "hand";
    site.duration = duration;
    site.start = {1'780'000'000'000'000'000, 0};
    site.seed = seed;
    site.envelope_w = envelope_w;
    site.bytes_per_token = 4e3;

    add(site, "a", compute_rack(), compute_racks);
    add(site, "network", helper_rack(RackKind::network), 1);
    add(site, "storage", helper_rack(RackKind::storage), 1);
    add(site, "cpu", helper_rack(RackKind::cpu), 1);

    site.climate.fixed =
        FixedWeather{sim::temperature_from_degc(33), sim::temperature_from_degc(20)};
    site.electrical.stages = {stage("transformer", Feeds::all, 0.99), stage("ups", Feeds::it, 0.96),
                              stage("busway", Feeds::it, 0.995),
                              stage("drives", Feeds::mechanical, 0.98)};
    size_plant(site, rack_design(site.racks), 0.01);

    place_services(site);
    site.control.policy = policy;
    site.control.how = how;
    site.control.interval = interval;
    site.control.actuation = actuation;
    site.control.meter_latency = meter_latency;
    site.placing.p = placing;
    site.batch = batches;
    site.profiles = profiles;
    wire_control(site);
    return site;
  }

  static constexpr double gpu_idle_w = 100;

 private:
  RackParameters compute_rack() const {
    RackParameters rack;
    auto& gpu = rack.gpu.value;
    gpu.tdp.value = {700};
    gpu.idle.value = {gpu_idle_w};
    gpu.min_power_limit.value = {200};
    rack.trays = 2;
    rack.gpus_per_tray = 4;
    rack.link_domain = 8;
    if (!bare_racks) {
      rack.host_idle.value = {300};
      rack.host_load.value = {500};
      rack.link_switches.value = {150};
      rack.fan.value = {400};
      rack.auxiliary.value = {50};
    }
    rack.busbar.value = {1e-4};
    rack.shelf.modules = 6;
    rack.shelf.rating.value = {3000};
    rack.shelf.loss.efficiency = {{0.1, 0.90}, {0.5, 0.97}, {1.0, 0.96}};
    rack.design_power.value = {9000};
    rack.liquid_fraction.value = 0.8;
    rack.coolant_flow.value = {1.5 / 60000 / 1000};
    rack.coolant_pressure_drop.value = {100e3};
    rack.junction_resistance.value = {0.03};
    rack.host_polling.value = 1;
    rack.fan_full_inlet = CoolingParameters{}.air.supply;
    rack.storage.restart = restart;
    return rack;
  }
  static RackParameters helper_rack(RackKind kind) {
    RackParameters rack;
    rack.kind = kind;
    rack.trays = 4;
    rack.host_idle.value = {200};
    rack.host_load.value = {100};
    rack.per_byte_rate.value = {kind == RackKind::cpu ? 0 : 1e-6};
    rack.fan.value = {80};
    rack.shelf.modules = 2;
    rack.shelf.rating.value = {3000};
    rack.shelf.loss.efficiency = {{0.1, 0.90}, {0.5, 0.96}, {1.0, 0.94}};
    rack.design_power.value = {2500};
    rack.fan_full_inlet = CoolingParameters{}.air.supply;
    return rack;
  }
  static ElectricalStage stage(const char* name, Feeds feeds, double efficiency) {
    ElectricalStage s;
    s.name = name;
    s.feeds = feeds;
    s.margin = 1.25;
    s.loss.no_load = s.loss.resistive = 0.5 * (1 / efficiency - 1);
    return s;
  }
  static void add(SiteParameters& site, const char* name, const RackParameters& rack, int count) {
    for (int i = 0; i < count; ++i)
      site.group_of_rack.push_back(static_cast<std::int32_t>(site.racks.size()));
    site.racks.push_back(
        {.name = name,
         .rack = rack,
         .law = make_rack_law(rack),
         .store = rack_store(rack.storage, rack.gpus(), rack.design_power.value.value),
         .first = site.rack_count() - count,
         .count = count});
  }

  PodParameters pod(double power_w, double idle_w, double slow_w, std::int64_t blocks) const {
    HandTable table;
    table.base_s = 10e-3;
    table.per_token_s = 20e-6;
    table.per_pair_s = 1e-10;
    table.levels = 2;
    table.power_w = power_w;
    table.idle_w = idle_w;
    table.slow_power_w = slow_w;
    table.slowdown = 1.5;
    PodParameters p;
    p.table = table.build();
    p.engine = {32, 1024, 16, blocks};
    p.slo = {sim::Seconds{1}, sim::Seconds{0.05}};
    p.seed = seed;
    return p;
  }

  void place_services(SiteParameters& site) const {
    std::vector<std::int32_t> gpus;
    for (int r = 0; r < site.rack_count(); ++r) gpus.push_back(site.group(r).rack.gpus());
    std::vector<bool> allowed;
    for (const std::int32_t g : gpus) allowed.push_back(g > 0);
    std::vector<ReplicaDemand> demands = {
        {.service = 0,
         .gpus = 4,
         .replicas = chat_replicas,
         .replicas_per_pod = chat_replicas_per_pod,
         .rack_allowed = allowed},
        {.service = 1, .gpus = 12, .replicas = 1, .rack_allowed = allowed}};
    if (!batch) demands.pop_back();
    const Placement placement = place(gpus, demands);
    site.placement = placement.groups;
    site.service_of_pod = placement.service_of_pod;
    // Four GPUs draw 2000 W at work and 400 W idle, as rated and idle GPUs do; twelve, three times.
    const PodParameters kinds[] = {pod(2000, 400, 1100, chat_kv_blocks),
                                   pod(6000, 1200, 3300, 100'000)};
    site.services = {{.name = "chat", .gpus_per_replica = 4},
                     {.name = "batch", .gpus_per_replica = 12}};
    if (!batch) site.services.pop_back();
    const double rates[] = {chat_rate, batch_rate};
    for (std::size_t s = 0; s < site.services.size(); ++s) {
      auto& service = site.services[s];
      service.first_pod = static_cast<int>(site.pods.size());
      for (std::size_t p = 0; p < site.service_of_pod.size(); ++p) {
        if (static_cast<std::size_t>(site.service_of_pod[p]) != s) continue;
        PodParameters one = kinds[s];
        one.replicas = placement.replicas_per_pod[p];
        one.partition = static_cast<std::uint32_t>(p);
        site.pods.push_back(one);
        service.replicas += one.replicas;
        ++service.pods;
      }
      TrafficParameters traffic;
      traffic.arrivals.emplace();
      traffic.arrivals->cv = s == 0 ? chat_cv : 2;
      traffic.lengths = lengths();
      traffic.scale = 3;
      traffic.arrivals->rate = {rates[s] / 3};
      const std::span<const std::int32_t> replicas(placement.replicas_per_pod);
      service.front = make_front(traffic,
                                 replicas.subspan(static_cast<std::size_t>(service.first_pod),
                                                  static_cast<std::size_t>(service.pods)),
                                 seed, static_cast<std::uint32_t>(s), site.start.unix_ns, {});
    }
  }
  static LengthParameters lengths() {
    LengthParameters l;
    l.prompt.lognormal = LognormalLength{300, 2};
    l.prompt.max = 10000;
    l.output.emplace();
    l.output->lognormal = LognormalLength{60, 0.8};
    return l;
  }
};

/// Runs until the site's end or until now >= `until`.
inline void run_until(SiteState& state, const SiteParameters& site, sim::Time until,
                      int threads = 1) {
  sim::ThreadPool pool(threads);
  SiteEpoch epoch;
  while (state.now < std::min(until, site.duration)) step_epoch(state, site, pool, epoch);
}

}  // namespace mw::models::test
