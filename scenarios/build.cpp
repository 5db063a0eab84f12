#include "scenarios/build.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "models/cooling/weather_file.hpp"
#include "models/site/assembly.hpp"
#include "models/site/epoch.hpp"
#include "models/site/faults.hpp"
#include "models/site/power_groups.hpp"
#include "models/site/power_turn.hpp"
#include "models/site/service_settings.hpp"
#include "models/site/summary.hpp"
#include "models/site/thermal.hpp"
#include "scenarios/build_problems.hpp"
#include "scenarios/nearest.hpp"
#include "scenarios/serving.hpp"
#include "scenarios/site_training.hpp"
#include "sim/index.hpp"
#include "sim/io/data_folder.hpp"
#include "sim/io/number.hpp"

namespace mw::scenarios {
namespace {

using namespace mw::models;

using sim::idx;

std::string item_path(const char* list, std::size_t i) {
  return fmt::format("{}[{}]", list, i);
}

std::string instant_text(double utc_seconds) {
  return sim::format_time_stamp(std::llround(utc_seconds) * 1'000'000'000);
}

void add_racks(SiteParameters& site, const Scenario& scenario, BuildProblems& problems) {
  for (std::size_t g = 0; g < scenario.racks.size(); ++g) {
    const auto& block = scenario.racks[g];
    const auto& rack = block.type.value;
    const std::string at = item_path("racks", g) + ".load";
    if (block.load > 0 && rack.gpus() == 0)
      problems.add(at, "the racks have no GPUs that could draw it", "leave it out");
    if (block.load > 0 && scenario.control.power.policy != PowerPolicy::none)
      problems.add(at, "a constant load heeds no power limit, but control.power.policy sets some",
                   "leave it out, or use `policy: none`");
    SiteRacks racks{
        .name = block.name,
        .rack = rack,
        .law = make_rack_law(rack),
        .store = rack_store(rack.storage, rack.gpus(), rack.design_power.value.value),
        .first = site.rack_count(),
        .count = block.count,
        .load = block.load,
        .profile = block.power_profile ? std::optional(block.power_profile->value) : std::nullopt,
        .measured = block.replay.has_value()};
    for (int i = 0; i < block.count; ++i)
      site.group_of_rack.push_back(static_cast<std::int32_t>(site.racks.size()));
    site.racks.push_back(std::move(racks));
  }
}

/// Which rack groups a service or job may use: the named ones, else all like the first that has
/// GPUs. `path` is that of the names.
std::vector<bool> allowed_groups(const SiteParameters& site,
                                 const std::optional<std::vector<std::string>>& wanted,
                                 const std::string& path, BuildProblems& problems) {
  std::vector<bool> allowed(site.racks.size(), false);
  int like = -1;
  const auto same_kind = [&](std::size_t a, std::size_t b) {
    return site.racks[a].rack.gpu.name == site.racks[b].rack.gpu.name &&
           site.racks[a].rack.link_domain == site.racks[b].rack.link_domain;
  };
  if (wanted) {
    if (wanted->empty())
      problems.add(path, "names no rack group", "name some, or leave it out for all with GPUs");
    std::vector<std::string> names;
    for (const auto& g : site.racks) names.push_back(g.name);
    for (std::size_t i = 0; i < wanted->size(); ++i) {
      const auto& name = (*wanted)[i];
      const std::string at = fmt::format("{}[{}]", path, i);
      const auto found = std::find(names.begin(), names.end(), name);
      if (found == names.end()) {
        problems.add(at, fmt::format("there is no rack group `{}`", name),
                     advise_name(name, names));
        continue;
      }
      const auto g = static_cast<std::size_t>(found - names.begin());
      if (site.racks[g].measured) {
        problems.add(at, fmt::format("the power of `{}` is replayed", name), "leave it out");
        continue;
      }
      if (site.racks[g].rack.gpus() == 0) {
        problems.add(at, fmt::format("the racks of `{}` have no GPUs", name), "leave it out");
        continue;
      }
      if (like >= 0 && !same_kind(idx(like), g)) {
        problems.add(
            at, fmt::format("the GPUs of `{}` differ from those of `{}`", name, names[idx(like)]),
            "make one service or job for each kind of GPU");
        continue;
      }
      if (like < 0) like = static_cast<int>(g);
      allowed[g] = true;
    }
    return allowed;
  }
  for (std::size_t g = 0; g < site.racks.size(); ++g) {
    if (site.racks[g].rack.gpus() == 0 || site.racks[g].measured) continue;
    if (like < 0) like = static_cast<int>(g);
    allowed[g] = same_kind(idx(like), g);
  }
  if (like < 0)
    problems.add(path.substr(0, path.rfind('.')), "the site has no racks with GPUs",
                 "add some under `racks`");
  return allowed;
}

/// What the pods of one service share; the table is null if there is a problem.
PodParameters pod_of(const Scenario& scenario, const ServiceBlock& service,
                     const RackParameters& rack, const std::string& path, BuildProblems& problems) {
  PodParameters pod;
  pod.router = service.engine.router;
  pod.slo = service.slo;
  pod.seed = scenario.seed;
  pod.keep_records = scenario.output.requests;

  sim::Problems unfit;
  const ServingPlan plan = plan_serving(service, rack.gpu.value, rack.link_domain, unfit);
  pod.engine = plan.engine;
  problems.add(path, unfit);
  pod.max_context = service.model.value.max_context;
  pod.tiers = service.traffic.priorities;
  if (!unfit.items.empty()) return pod;
  pod.table = serving_table(service, rack.gpu.value, plan);
  add_swap(pod.engine, service, rack.gpu.value, *pod.table);
  return pod;
}

/// The law behind the pod's table, if it has one.
RegimeLaw regime_law(const ServiceBlock& service, const RackParameters& rack,
                     const PodParameters& pod) {
  if (!pod.table) return {};
  sim::Problems none;
  const ServingPlan plan = plan_serving(service, rack.gpu.value, rack.link_domain, none);
  return {serving_law(service, rack.gpu.value, plan), plan.engine.max_num_batched_tokens};
}

double network_bytes_of(const ServiceBlock& service, const RackParameters& rack,
                        const PodParameters& pod) {
  if (!pod.table) return 0;
  sim::Problems none;
  return serving_network_bytes(service, rack.gpu.value,
                               plan_serving(service, rack.gpu.value, rack.link_domain, none));
}

/// Whether one of the first requests of its users is not refused.
bool answers_any(const PodParameters& pod) {
  constexpr std::uint64_t tries = 1000;
  for (std::uint64_t id = 0; id < tries; ++id) {
    const Lengths l = lengths_of(pod.users, id);
    if (std::int64_t{l.prompt} + l.output > pod.max_context) continue;
    if (can_ever_fit(l.prompt, l.output, pod.engine.block_size, kv_blocks(pod.engine, *pod.table)))
      return true;
  }
  return false;
}

/// What the replicas' caches of prefixes know of the prompts; null: they have none.
std::shared_ptr<const PrefixLaw> prefix_cache(const ServiceBlock& service,
                                              const FrontParameters& front,
                                              const EngineParameters& engine,
                                              const std::string& path, BuildProblems& problems) {
  const std::string at = path + ".engine.prefix_cache";
  if (!service.engine.prefix_cache) {
    if (service.engine.router == RouterPolicy::kv_aware)
      problems.add(path + ".engine.router", "kv_aware needs a cache of prefixes to heed",
                   "set `engine.prefix_cache: true`, or choose least_tokens");
    return nullptr;
  }
  if (engine.preemption == Preemption::swap)
    problems.add(path + ".engine.preemption", "swap does not go with prefix_cache",
                 "use recompute: what was computed is found in the cache while there is room");
  if (!front.prefixes) {
    problems.add(at, "finds nothing: the prompts of this traffic have nothing in common",
                 front.trace ? "use a trace with hash_ids, as Mooncake's, or leave it out"
                             : "add traffic.shared_prefixes or closed_loop.turns, or leave it out");
    return nullptr;
  }
  PrefixLaw law = *front.prefixes;
  if (!law.trace) {
    law.group_tokens = engine.block_size;
  } else if (law.group_tokens % engine.block_size != 0) {
    problems.add(
        path + ".engine.block_size",
        fmt::format("does not divide the {} tokens of a hash_id of the trace", law.group_tokens),
        "use a power of two up to it, such as 16");
    return nullptr;
  }
  return std::make_shared<const PrefixLaw>(std::move(law));
}

const char* name_of(Precision precision) {
  return enum_names(precision)[static_cast<std::size_t>(precision)];
}

/// The published score of the service's model as the service stores it.
std::optional<TaskScore> score_of(const ServiceBlock& service, const std::string& path,
                                  BuildProblems& problems) {
  if (!service.quality) return std::nullopt;
  const QualityParameters& quality = service.quality->value;
  const std::string& model = service.model.name;
  const auto& models = quality.models;
  if (!model.empty() && std::find(models.begin(), models.end(), model) == models.end()) {
    problems.add(
        path + ".quality",
        fmt::format("these are scores of {}, but the service runs {}", listed(models), model),
        "name the scores of its model, or leave it out");
    return std::nullopt;
  }
  if (const TaskScore* score = find_score(quality, service.task, service.precision)) return *score;
  std::vector<std::string> known;
  for (const auto& s : quality.scores)
    known.push_back(fmt::format("{} in {}", s.task, name_of(s.precision)));
  problems.add(
      path + ".quality",
      fmt::format("no score of {} in {} is known", service.task, name_of(service.precision)),
      fmt::format("there is {}; or leave it out", listed(known)));
  return std::nullopt;
}

void add_services(SiteParameters& site, const Scenario& scenario, const std::filesystem::path& base,
                  BuildProblems& problems) {
  // Jobs take whole racks, services what is left.
  std::vector<bool> taken(idx(site.rack_count()), false);
  std::vector<GpuGroup> of_jobs;
  for (std::size_t j = 0; j < scenario.training.size(); ++j) {
    const auto& block = scenario.training[j];
    const std::string path = item_path("training", j);
    const auto groups = allowed_groups(site, block.racks, path + ".racks", problems);
    if (std::find(groups.begin(), groups.end(), true) == groups.end()) continue;
    add_job(site, block, path, groups, taken, of_jobs, problems);
  }
  if (problems.any()) return;
  std::vector<std::int32_t> rack_gpus;
  for (int r = 0; r < site.rack_count(); ++r)
    rack_gpus.push_back(site.group(r).measured || taken[idx(r)] ? 0 : site.group(r).rack.gpus());

  std::vector<ReplicaDemand> demands;
  std::vector<PodParameters> shared;
  std::vector<RegimeLaw> laws;
  std::vector<double> network_bytes;
  for (std::size_t s = 0; s < scenario.inference.size(); ++s) {
    const auto& service = scenario.inference[s];
    const std::string path = item_path("inference", s);
    const auto allowed =
        allowed_groups(site, service.engine.racks, path + ".engine.racks", problems);
    const auto first = std::find(allowed.begin(), allowed.end(), true);
    if (first == allowed.end()) continue;
    const auto& rack = site.racks[static_cast<std::size_t>(first - allowed.begin())].rack;
    shared.push_back(pod_of(scenario, service, rack, path, problems));
    laws.push_back(regime_law(service, rack, shared.back()));
    network_bytes.push_back(network_bytes_of(service, rack, shared.back()));

    ReplicaDemand demand{.service = static_cast<std::int32_t>(s), .gpus = service.engine.gpus};
    demand.fill = !service.engine.replicas.number.has_value();
    demand.replicas = static_cast<std::int32_t>(service.engine.replicas.number.value_or(0));
    demand.replicas_per_pod = service.engine.replicas_per_pod;
    for (const auto group : site.group_of_rack) demand.rack_allowed.push_back(allowed[idx(group)]);
    demands.push_back(std::move(demand));
  }
  if (problems.any()) return;

  Placement placement = place(rack_gpus, demands);
  for (const auto& refusal : placement.refused)
    problems.add(item_path("inference", idx(refusal.service)) + ".engine.replicas", refusal.problem,
                 refusal.advice);
  if (problems.any()) return;
  site.placement = std::move(placement.groups);
  site.placement.insert(site.placement.end(), of_jobs.begin(), of_jobs.end());
  std::stable_sort(site.placement.begin(), site.placement.end(),
                   [](const GpuGroup& a, const GpuGroup& b) { return a.rack < b.rack; });
  site.service_of_pod = std::move(placement.service_of_pod);

  for (std::size_t s = 0; s < scenario.inference.size(); ++s) {
    const auto& block = scenario.inference[s];
    SiteService service{.name = block.name, .price = block.price, .power_rank = block.power_rank};
    service.score = score_of(block, item_path("inference", s), problems);
    service.gpus_per_replica = block.engine.gpus;
    service.regime = laws[s];
    service.network_bytes_per_token = network_bytes[s];
    service.first_pod = -1;
    for (std::size_t p = 0; p < site.service_of_pod.size(); ++p) {
      if (idx(site.service_of_pod[p]) != s) continue;
      if (service.first_pod < 0) service.first_pod = static_cast<int>(p);
      PodParameters pod = shared[s];
      pod.replicas = placement.replicas_per_pod[p];
      pod.partition = static_cast<std::uint32_t>(p);
      service.replicas += pod.replicas;
      ++service.pods;
      site.pods.push_back(std::move(pod));
    }
    const std::span<const std::int32_t> replicas(placement.replicas_per_pod);
    service.front =
        make_front(block.traffic, replicas.subspan(idx(service.first_pod), idx(service.pods)),
                   scenario.seed, static_cast<std::uint32_t>(s), site.start.unix_ns, base);
    const auto prefixes =
        prefix_cache(block, service.front, shared[s].engine, item_path("inference", s), problems);
    for (int p = 0; p < service.pods; ++p) {
      PodParameters& pod = site.pods[idx(service.first_pod + p)];
      pod.prefixes = prefixes;
      pod.tier_draws = tier_draws(service.front);
      pod.users = users_of_pod(service.front, idx(p));
      if (pod.users.requests == endless && pod.users.users > 0 && !answers_any(pod))
        problems.add(item_path("inference", s) + ".traffic.lengths",
                     "make requests that no replica can hold, so users would ask in vain for ever",
                     "make them shorter, or bound closed_loop.requests");
    }
    site.services.push_back(std::move(service));
  }
}

std::optional<std::filesystem::path> input_file(const std::string& name,
                                                const std::filesystem::path& base,
                                                const std::string& at, BuildProblems& problems) {
  const auto path = sim::find_input(name, base);
  if (path && std::filesystem::is_regular_file(*path)) return path;
  problems.add(at, fmt::format("there is no file {}", in_quotes(name)),
               fmt::format("put it beside the scenario or below {} (MILLWRIGHT_DATA names another "
                           "folder)",
                           sim::data_folder().string()));
  return std::nullopt;
}

/// Measured power of the racks that are replayed. Columns of one file that are read alike are read
/// together.
void add_replay(SiteParameters& site, const Scenario& scenario, const std::filesystem::path& base,
                BuildProblems& problems) {
  using Key = std::tuple<std::filesystem::path, std::string, sim::FileClock, sim::Time>;
  std::map<Key, std::vector<std::size_t>> groups_of;
  std::set<std::string> missing;  // said once each
  for (std::size_t g = 0; g < scenario.racks.size(); ++g) {
    const auto& replay = scenario.racks[g].replay;
    if (!replay) continue;
    const std::string at = item_path("racks", g) + ".replay";
    if (scenario.racks[g].load != 0)
      problems.add(at, "the racks have a constant load as well", "keep one of load and replay");
    const double warm = sim::to_degc(site.cooling.air.supply.value);
    if (make_measured_rack(site.racks[g].rack, warm).full_input <= 0)
      problems.add(at, "nothing is known to draw power in these racks, idle or busy",
                   "give their type host or GPU power");
    if (replay->longest_gap.ns <= 0)
      problems.add(at + ".longest_gap", "is not above zero", "write `1 min`");
    if (missing.contains(replay->file)) continue;
    const auto path = input_file(replay->file, base, at + ".file", problems);
    if (!path)
      missing.insert(replay->file);
    else
      groups_of[{*path, replay->time, replay->clock, replay->longest_gap.ns}].push_back(g);
  }
  if (groups_of.empty() || problems.any()) return;
  site.measured_racks.resize(idx(site.rack_count()));
  std::vector<ReplayTable> tables;
  std::int32_t series = 0;
  const double from = static_cast<double>(site.start.unix_ns) * 1e-9;
  const double to = from + sim::to_seconds(site.duration);
  for (const auto& [key, groups] : groups_of) {
    const auto& [path, time, clock, gap] = key;
    ReplayColumns columns{.time = time, .clock = clock, .start = from, .power = {}};
    columns.utc_offset = site.climate.utc_offset.value;
    columns.longest_gap = sim::to_seconds(gap);
    for (const auto g : groups) {
      constexpr double watts[] = {1, 1e3, 1e6};
      const auto& replay = *scenario.racks[g].replay;
      columns.power.push_back({replay.column, watts[static_cast<std::size_t>(replay.unit)]});
      const SiteRacks& racks = site.racks[g];
      for (int r = racks.first; r < racks.first + racks.count; ++r)
        site.measured_racks[idx(r)] = {series, 1.0 / racks.count};
      ++series;
    }
    tables.push_back(read_replay(path, columns));
    const ReplayTable& table = tables.back();
    constexpr double rounding = 1e-3;  // s, of moments as seconds since 1970
    if (from < table.at.front() - rounding || to > table.at.back() + rounding)
      problems.add(item_path("racks", groups.front()) + ".replay.file",
                   fmt::format("the run is not within the file's rows, {} to {}",
                               instant_text(table.at.front()), instant_text(table.at.back())),
                   "change site.climate.start or duration");
  }
  site.measured = std::make_shared<const Replay>(std::move(tables));
}

/// The weather of the climate's file; its place and time zone are then those of the climate.
void add_weather(SiteParameters& site, const std::filesystem::path& base, BuildProblems& problems) {
  ClimateParameters& climate = site.climate;
  if (!climate.file) return;
  const std::string at = "site.climate.weather.file";
  const auto path = input_file(*climate.file, base, at, problems);
  if (!path) return;
  WeatherPlace place{climate.utc_offset.value, climate.elevation.value, {}};
  if (climate.highest_wet_bulb) place.highest_wet_bulb = sim::to_degc(*climate.highest_wet_bulb);
  place.columns = climate.columns;
  place.start = static_cast<double>(site.start.unix_ns) * 1e-9;
  if (climate.dry_over_wet_bulb) place.dry_over_wet_bulb = climate.dry_over_wet_bulb->value;
  auto series = std::make_shared<const WeatherSeries>(read_weather_file(*path, place));
  climate.utc_offset = {series->utc_offset};
  climate.elevation = {series->elevation};
  const double from = static_cast<double>(site.start.unix_ns) * 1e-9;
  if (!covers(*series, from, from + sim::to_seconds(site.duration)))
    problems.add(at,
                 fmt::format("the run is not within the file's rows, {} to {}",
                             instant_text(series->at.front()), instant_text(series->at.back())),
                 "change site.climate.start or duration, or use a file with a whole year");
  site.weather = std::move(series);
}

void add_events(SiteParameters& site, const Scenario& scenario, BuildProblems& problems) {
  for (std::size_t i = 0; i < scenario.events.size(); ++i)
    if (scenario.events[i].at.ns >= site.duration)
      problems.add(item_path("events", i) + ".at", "is not before the run's end",
                   "make it earlier, or the run longer");
  site.events = scenario.events;
  if (problems.any()) return;
  sim::Problems unknown;
  check_power_events(site, unknown);
  for (const auto& p : unknown.items) problems.add(p.at, p.problem, p.advice);
  site.event_racks.assign(site.events.size(), {});
  std::vector<std::string> names;
  for (int r = 0; r < site.rack_count(); ++r) names.push_back(rack_name(site, r));
  for (std::size_t i = 0; i < site.events.size(); ++i)
    for (std::size_t k = 0; k < site.events[i].racks.size(); ++k) {
      const std::string& name = site.events[i].racks[k];
      const auto found = std::find(names.begin(), names.end(), name);
      if (found == names.end())
        problems.add(fmt::format("{}.racks[{}]", item_path("events", i), k),
                     fmt::format("there is no rack `{}`", name), advise_name(name, names));
      else
        site.event_racks[i].push_back(static_cast<std::int32_t>(found - names.begin()));
    }
  sim::Problems of_plant;
  check_plant_events(site, of_plant);
  for (const auto& p : of_plant.items) problems.add(p.at, p.problem, p.advice);
}

/// The run's weather, a year at most: by the hour, or at about so many moments of all times of day.
std::vector<Weather> weather_of_run(const SiteParameters& site, bool hourly) {
  std::vector<Weather> hours;
  const double from = static_cast<double>(site.start.unix_ns) * 1e-9;
  const double seconds = std::min(sim::to_seconds(site.duration), 366 * 86400.0);
  constexpr double few = 500;
  for (double t = 0; t <= seconds; t += hourly ? 3600 : std::max(3600.0, seconds / few))
    hours.push_back(site.weather ? weather_at(*site.weather, from + t)
                                 : weather_at(site.climate, from + t));
  return hours;
}

/// Plants that the run's weather does not let work.
void check_weather(const SiteParameters& site, const CoolingDesign& design,
                   BuildProblems& problems) {
  if (design.liquid_heat.value <= 0) return;
  // Only cool coolant can be near a dew point; a year by the hour would cost more than it tells.
  const bool cool =
      sim::to_degc(site.cooling.supply) < sim::to_degc(site.cooling.air.highest_dew_point.value) +
                                              site.cooling.loops.dew_point_margin.value;
  const std::vector<Weather> hours = weather_of_run(site, cool);
  bool always = cool;
  double dampest = -273;
  const Weather* hottest = &hours.front();
  for (const Weather& hour : hours) {
    const sim::Temperature least = guarded_supply(site, hour);
    always = always && least > site.cooling.supply;
    dampest = std::max(dampest, sim::to_degc(least));
    if (hour.dry_bulb > hottest->dry_bulb) hottest = &hour;
  }
  if (always) {
    problems.add("site.cooling.supply",
                 fmt::format("lies below the dew point of the air plus {:g} K all the time: water "
                             "would drip on the racks, up to {:.3g} degC",
                             site.cooling.loops.dew_point_margin.value, dampest),
                 fmt::format("write at least {:.0f} degC", std::ceil(dampest)));
    return;
  }
  constexpr double most_excess = 30;  // K: near boiling, and no rack accepts it
  const CoolingPower hot =
      cooling_step(site.cooling, site.cooling_sizing,
                   {design.liquid_heat, design.air_heat, guarded_supply(site, *hottest)}, *hottest);
  if (hot.supply_excess > most_excess)
    problems.add("site.cooling",
                 fmt::format("has no way for the racks' design heat to leave: in the run's warmest "
                             "weather the coolant would be {:.0f} K too warm",
                             hot.supply_excess),
                 "raise `oversizing`, or add trim chillers (`trim_share`)");
}

void add_plant(SiteParameters& site, const Scenario& scenario, BuildProblems& problems) {
  const RackDesign design = rack_design(site.racks);
  site.cooling = scenario.site.cooling.plant.value;
  if (scenario.site.cooling.supply) site.cooling.supply = *scenario.site.cooling.supply;
  for (std::size_t g = 0; g < site.racks.size(); ++g) {
    const auto& rack = site.racks[g].rack;
    if (rack.liquid_fraction.value > 0 && rack.max_supply.value.value > 0 &&
        site.cooling.supply > rack.max_supply.value)
      problems.add(
          "site.cooling.supply",
          fmt::format("the coolant of {:g} degC is too warm for the racks `{}`, which take "
                      "{:g} degC",
                      sim::to_degc(site.cooling.supply), site.racks[g].name,
                      sim::to_degc(rack.max_supply.value)),
          "lower it");
  }
  sim::Problems unworkable;
  check_sizing(site.cooling, design.cooling, unworkable);
  problems.add("site.cooling", unworkable);
  if (problems.any()) return;
  site.electrical = scenario.site.electrical.value;
  sim::Problems unfed;
  check_distribution(site.electrical, fed_racks(site.racks), unfed);
  problems.add("site.electrical", unfed);
  if (problems.any()) return;
  size_plant(site, design, scenario.site.lighting);
  const Dynamics dynamics = scenario.site.cooling.dynamics;
  const bool fine = site.step <= sim::minute;
  if (dynamics == Dynamics::on && !fine)
    problems.add("site.cooling.dynamics", "the plant in time needs steps of at most 1 min",
                 "shorten site.physics_step, or write `auto`");
  if (dynamics == Dynamics::on || (dynamics == Dynamics::automatic && fine)) follow_plant(site);
  check_weather(site, design.cooling, problems);
}

/// What one core would take for every request, s: 0.6 us a request and 0.15 us a replica and epoch
/// (docs/performance.md). A closed loop does not tell its rate; its users are few.
double request_cost(const SiteParameters& site) {
  const double seconds = sim::to_seconds(site.duration);
  double cost = 0;
  for (const auto& service : site.services) {
    const double rate = traffic_means(service.front).requests_per_s;
    if (std::isfinite(rate)) cost += 0.6e-6 * rate * seconds;
    cost += 0.15e-6 * service.replicas * seconds / sim::to_seconds(site.step);
  }
  return cost;
}

double rated_power(const SiteParameters& site) {
  double watts = 0;
  for (const auto& g : site.placement)
    watts += site.group(g.rack).rack.gpu.value.tdp.value.value * g.gpus;
  return watts;
}

/// A service's energy in an epoch is counted in nanojoules, of which 64 bits hold 9.2 GJ, and its
/// time in picoseconds, of which they hold 9.2e6 replica-seconds; GPUs draw next to nothing above
/// their rated power.
void check_epoch_counters(const SiteParameters& site, BuildProblems& problems) {
  constexpr double most_j = 9.2e9, most_replica_s = 9.2e6, margin = 1.1;
  const double rated_w = rated_power(site);
  const double longest = most_j / (margin * rated_w);
  if (sim::to_seconds(site.step) > longest)
    problems.add("site.physics_step",
                 fmt::format("is too long for {:.3g} MW of GPUs: the energy of an epoch would not "
                             "fit its counters",
                             rated_w * 1e-6),
                 fmt::format("write at most {:.0f} s", std::floor(longest)));
  for (const auto& service : site.services) {
    const double most = most_replica_s / service.replicas;
    if (sim::to_seconds(site.step) > most && most < longest)
      problems.add("site.physics_step",
                   fmt::format("is too long for the {} replicas of `{}`: their time in an epoch "
                               "would not fit its counters",
                               service.replicas, service.name),
                   fmt::format("write at most {:.0f} s", std::floor(most)));
  }
}

/// Whether pods are sampled; says why where that was not the user's choice.
bool decide_sampling(SiteParameters& site, const FidelityBlock& fidelity) {
  constexpr double affordable = 60;  // s
  if (fidelity.mode != Fidelity::automatic) return fidelity.mode == Fidelity::cohort;
  const double cost = request_cost(site);
  site.cohort.why = fmt::format("auto: every request would take one core about {:.2g} s", cost);
  return cost > affordable;
}

/// Long runs of which nobody looks at what is faster take longer steps, unless the user chose.
void choose_steps(SiteParameters& site, const Scenario& scenario, bool sampled) {
  constexpr sim::Time long_run = 6 * sim::hour, long_step = 10 * sim::second;
  const SiteBlock& block = scenario.site;
  if (!sampled || site.services.empty() || site.duration < long_run) return;
  if (block.physics_step || block.sub_step) return;
  if (block.envelope || site.control.policy != PowerPolicy::none || !site.events.empty()) return;
  constexpr double most_j = 8e9;  // of an epoch, see check_epoch_counters
  const double most_s = most_j / rated_power(site);
  if (most_s < 2) return;
  site.step = std::min(long_step, static_cast<sim::Time>(most_s) * sim::second);
  site.sub_step = sim::second;
  site.long_steps = true;
}

void choose_fidelity(SiteParameters& site, const FidelityBlock& fidelity, bool sampled,
                     BuildProblems& problems) {
  const auto& window = fidelity.cohort.window;
  if (window && (window->ns < 0 || window->ns > sim::day))
    problems.add("fidelity.window", "is not from 0 to 1 day", "write at most `1 day`");
  if (fidelity.mode == Fidelity::fluid)
    let_flow(site);
  else if (sampled)
    sample_pods(site, fidelity.cohort);
}

/// In the run's file a service's figures stand beside those of the site.
void add_name_problems(const SiteParameters& site, BuildProblems& problems) {
  const auto figures = site_metrics(site, initial_site(site));
  for (std::size_t s = 0; s < site.services.size(); ++s)
    for (const auto& figure : figures)
      if (figure.name == site.services[s].name)
        problems.add(item_path("inference", s) + ".service",
                     fmt::format("`{}` is the name of a figure of the site", figure.name),
                     "choose another name");
}

}  // namespace

namespace {

struct Steps {
  sim::Time step, sub_step;
};
Steps steps_of(const SiteBlock& site) {
  return {site.physics_step ? site.physics_step->ns : models::physics_step,
          site.sub_step ? site.sub_step->ns : 100 * sim::millisecond};
}

}  // namespace

void check(const Scenario& scenario, sim::Problems& problems) {
  if (scenario.duration.ns <= 0)
    problems.add("duration", "is not above zero", "write a length of time such as `1 h`");
  if (scenario.name.empty() || scenario.name.find('/') != std::string::npos)
    problems.add("name", "cannot be the name of a file",
                 "use letters, digits, `_` and `-`: the run's file is called by it");
  const auto no_faster = [&](const char* key, sim::Duration period) {
    if (period.ns < models::physics_step)
      problems.add(key, "is below 1 s, the longest step of the physics", "write `1 s` or more");
  };
  const sim::Time step = steps_of(scenario.site).step, sub_step = steps_of(scenario.site).sub_step;
  if (step < models::physics_step)
    problems.add("site.physics_step", "is below 1 s, and no model has a faster scale",
                 "write `1 s` or more");
  const bool works = !scenario.inference.empty() || !scenario.training.empty();
  const sim::Time longest = works ? sim::minute : 3600 * sim::second;
  if (step > longest)
    problems.add("site.physics_step",
                 works ? "is above 1 min, too long for services and jobs"
                       : "is above 1 h, as weather is by the hour",
                 "shorten it");
  // Jobs tell their power at any moment, engines by their own grid.
  const bool jobs_alone = scenario.inference.empty() && !scenario.training.empty();
  if (sub_step < (jobs_alone ? 1 : 100) * sim::millisecond || sub_step > step)
    problems.add("site.sub_step",
                 fmt::format("is below {} ms or above the physics step", jobs_alone ? 1 : 100),
                 "write `100 ms`, or up to `site.physics_step`");
  if (!scenario.training.empty() && scenario.control.power.policy != models::PowerPolicy::none)
    problems.add("control.power.policy",
                 "moves power limits, which training jobs do not follow yet",
                 "write `policy: none`, or leave the jobs out");
  no_faster("output.site_period", scenario.output.site_period);
  no_faster("output.rack_period", scenario.output.rack_period);
  if (scenario.output.group_period) no_faster("output.group_period", *scenario.output.group_period);
  if (scenario.control.power.policy == models::PowerPolicy::exec &&
      (!scenario.control.power.how.exec || scenario.control.power.how.exec->empty()))
    problems.add("control.power.policy", "does not say which program controls",
                 "add `exec: [python3, controller.py]`");
  if (scenario.control.profile.policy != models::ProfilePolicy::none &&
      !scenario.control.profile.efficient)
    problems.add("control.profile.policy", "does not say which profile is the efficient one",
                 "add `efficient: max_q`");
  // Policies of wants also keep what the nodes of the electrical tree may carry, slo promises.
  if (scenario.control.power.policy == models::PowerPolicy::uniform && !scenario.site.envelope)
    problems.add("control.power.policy", "has no envelope to keep",
                 "give `site.envelope`, or write `policy: none`");
}

models::SiteParameters build_site(const Document<Scenario>& document,
                                  const std::filesystem::path& base) {
  const Scenario& scenario = document.value;
  BuildProblems problems(document.origins);
  SiteParameters site;
  site.name = scenario.name;
  site.duration = scenario.duration.ns;
  site.seed = scenario.seed;
  site.start = scenario.site.climate.start;
  site.climate = scenario.site.climate.weather.value;
  site.step = steps_of(scenario.site).step;
  // Without services and jobs nothing changes inside a step.
  site.sub_step = scenario.inference.empty() && scenario.training.empty()
                      ? std::max(steps_of(scenario.site).sub_step, site.step)
                      : steps_of(scenario.site).sub_step;
  add_weather(site, base, problems);
  site.bytes_per_token = scenario.site.bytes_per_token;
  if (scenario.site.envelope) site.envelope_w = scenario.site.envelope->value;
  if (scenario.site.economics) site.economics = scenario.site.economics->value;
  add_racks(site, scenario, problems);
  add_replay(site, scenario, base, problems);
  add_plant(site, scenario, problems);
  add_events(site, scenario, problems);
  add_services(site, scenario, base, problems);
  site.control = scenario.control.power;
  if (site.control.how.exec) site.control.how.folder = base.string();
  site.placing.p = scenario.control.placement;
  site.batch = scenario.control.batch;
  const ProfileBlock& profile = scenario.control.profile;
  site.profiles = {.policy = profile.policy, .hold = profile.hold, .margin = profile.margin};
  if (profile.fast) site.profiles.fast = profile.fast->value;
  if (profile.efficient) site.profiles.efficient = profile.efficient->value;
  const bool sampled = !problems.any() && decide_sampling(site, scenario.fidelity);
  choose_steps(site, scenario, sampled);
  if (site.control.policy == PowerPolicy::none)  // nobody looks at the meter in between
    site.control.interval =
        sim::Seconds{std::max(decision_interval(site.control).value, sim::to_seconds(site.step))};
  problems.raise_if_any();
  if (scenario.fidelity.mode == Fidelity::fluid) {
    for (std::size_t s = 0; s < site.services.size(); ++s)
      if (site.services[s].front.closed_loop)
        problems.add(item_path("inference", s) + ".traffic.closed_loop",
                     "has no rate of its own, which `fidelity.mode: fluid` needs",
                     "use `request` or `cohort`, or give arrivals");
    for (std::size_t s = 0; s < site.services.size(); ++s)
      if (scenario.inference[s].engine.prefix_cache)
        problems.add(item_path("inference", s) + ".engine.prefix_cache",
                     "depends on who came before, which `fidelity.mode: fluid` does not know",
                     "use `request` or `cohort`, or leave it out");
    problems.raise_if_any();
    // Flow is the same throughout an epoch: one sub-step says all.
    site.sub_step = std::max(site.sub_step, site.step);
  }
  if (!site.services.empty()) check_epoch_counters(site, problems);
  problems.raise_if_any();
  choose_fidelity(site, scenario.fidelity, sampled, problems);
  problems.raise_if_any();
  if (site.placing.on() && site.cohort.on())
    problems.add("control.placement.policy", "moves replicas one by one, which a cohort has not",
                 "write `fidelity: {mode: request}`, or `policy: none`");
  for (std::size_t s = 0; s < site.services.size(); ++s)
    if (site.placing.on() && site.services[s].front.closed_loop && site.services[s].pods > 1)
      problems.add(item_path("inference", s) + ".traffic.closed_loop",
                   "has users that stay with their pod, which `control.placement` may empty",
                   "raise `engine.replicas_per_pod` until there is one pod, or give arrivals");
  const auto refuse = [&](const char* path, const std::string& refusal, const char* advice) {
    if (!refusal.empty()) problems.add(path, refusal, advice);
  };
  refuse("control.batch.policy", models::batch_refusal(site),
         "write `fidelity: {mode: request}`, or `policy: none`");
  refuse("control.profile.policy", models::profile_refusal(site),
         "use `control.power.policy: steering` and `fidelity: {mode: request}`, or `policy: none`");
  const std::string refusal = models::control_refusal(site);
  if (!refusal.empty())
    problems.add("control.power.policy", refusal, "or choose another policy or fidelity");
  problems.raise_if_any();
  models::wire_control(site);
  add_name_problems(site, problems);
  problems.raise_if_any();
  return site;
}

}  // namespace mw::scenarios
