#include "analysis/run_file.hpp"

#include "models/site/power_groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include "analysis/electrical_group.hpp"
#include "scenarios/read.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;
namespace h5 = sim::h5;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double file_budget = 200e6;  // bytes of series before compression
const std::vector<double> quantiles = {0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999};

std::vector<std::string> names_of(auto e) {
  const auto names = enum_names(e);
  return {names.begin(), names.end()};
}

/// The double nearest to the moment: 15 s is 15, which a product with 1e-9 is not.
double exact_seconds(sim::Time t) {
  return static_cast<double>(t) / 1e9;
}

/// A mean over time: gathers epochs until a row is due.
struct Mean {
  double sum = 0;
  void add(double value, double seconds) { sum += value * seconds; }
  double take(double seconds) {
    const double mean = seconds > 0 ? sum / seconds : nan;
    sum = 0;
    return mean;
  }
};

/// One column of the site's series: how to read it from an epoch.
struct SiteColumn {
  const char* name;
  const char* units;
  const char* long_name;
  double (*value)(const SiteEpoch&);
};
const SiteColumn site_columns[] = {
    {"meter_power", "W", "Power at the utility meter", [](const SiteEpoch& e) { return e.meter; }},
    {"it_power", "W", "Power at the racks' inputs", [](const SiteEpoch& e) { return e.it; }},
    {"gpu_power", "W", "Power of all GPUs", [](const SiteEpoch& e) { return e.gpu; }},
    {"rack_loss_power", "W", "Converter and busbar losses in the racks",
     [](const SiteEpoch& e) { return e.rack_loss; }},
    {"electrical_loss_power", "W", "Losses between meter and racks, pumps and fans",
     [](const SiteEpoch& e) { return e.electrical_loss; }},
    {"pump_power", "W", "Pumps and coolant distribution units",
     [](const SiteEpoch& e) { return e.cooling.tcs_pump + e.cooling.fws_pump + e.cooling.cdu; }},
    {"heat_rejection_power", "W", "Fans of dry coolers or towers, and trim chillers",
     [](const SiteEpoch& e) { return e.cooling.rejection_fan + e.cooling.trim; }},
    {"air_side_power", "W", "Fans, pumps and chillers for the heat that goes to air",
     [](const SiteEpoch& e) {
       const auto& c = e.cooling;
       return c.crah_fan + c.air_pump + c.air_chiller + c.air_free_fan;
     }},
    {"stored_power", "W", "Growth of what batteries and racks store",
     [](const SiteEpoch& e) { return e.stored; }},
    {"generated_power", "W", "Power of the site's own generators",
     [](const SiteEpoch& e) { return e.generated; }},
    {"lighting_power", "W", "Lights and offices", [](const SiteEpoch& e) { return e.lighting; }},
    {"gpu_limit_share", "1", "GPU power limits over rated power, all GPUs",
     [](const SiteEpoch& e) { return e.capped_share; }},
    {"dry_bulb", "degC", "Outdoor air temperature",
     [](const SiteEpoch& e) { return e.weather.dry_bulb; }},
    {"wet_bulb", "degC", "Outdoor wet-bulb temperature",
     [](const SiteEpoch& e) { return e.weather.wet_bulb; }},
    {"coolant_supply", "degC", "Coolant to the racks",
     [](const SiteEpoch& e) { return e.cooling.tcs_supply; }},
    {"coolant_return", "degC", "Coolant from the racks",
     [](const SiteEpoch& e) { return e.cooling.tcs_return; }},
    {"coolant_flow", "m3 s-1", "Coolant through the racks",
     [](const SiteEpoch& e) { return e.cooling.tcs_flow; }},
    {"facility_water_supply", "degC", "Facility water to the coolant distribution units",
     [](const SiteEpoch& e) { return e.cooling.fws_supply; }},
    {"facility_water_return", "degC", "Facility water from the coolant distribution units",
     [](const SiteEpoch& e) { return e.cooling.fws_return; }},
    {"dry_cooler_speed", "1", "Fan speed of the dry coolers or towers",
     [](const SiteEpoch& e) { return e.cooling.fan_speed; }},
    {"hottest_junction", "degC", "Mean GPU junction of the hottest rack",
     [](const SiteEpoch& e) { return e.hottest_junction_c; }},
};
constexpr std::size_t site_column_count = std::size(site_columns);

/// One column of the services' series: how to read it from a service's counts of an epoch, either
/// as a number of things in the epoch (given as a rate) or as a level.
struct ServiceColumn {
  const char* name;
  const char* units;
  const char* long_name;
  bool rate;
  double (*value)(const PodCounts&);
};
const ServiceColumn service_columns[] = {
    {"arrival_rate", "s-1", "Requests that arrived", true,
     [](const PodCounts& c) { return static_cast<double>(c.arrivals); }},
    {"completion_rate", "s-1", "Requests that completed", true,
     [](const PodCounts& c) { return static_cast<double>(c.completed); }},
    {"goodput_rate", "s-1", "Requests that completed and met every target", true,
     [](const PodCounts& c) { return static_cast<double>(c.slo_good_requests); }},
    {"tokens_in_rate", "s-1", "Prompt tokens computed", true,
     [](const PodCounts& c) { return static_cast<double>(c.prompt_tokens); }},
    {"tokens_out_rate", "s-1", "Output tokens", true,
     [](const PodCounts& c) { return static_cast<double>(c.output_tokens); }},
    {"preemption_rate", "s-1", "Requests sent back for want of KV blocks", true,
     [](const PodCounts& c) { return static_cast<double>(c.preemptions); }},
    {"running", "1", "Requests that run", false,
     [](const PodCounts& c) { return static_cast<double>(c.running); }},
    {"waiting", "1", "Requests that wait", false,
     [](const PodCounts& c) { return static_cast<double>(c.waiting); }},
    {"kv_used", "1", "Share of the KV blocks in use", false,
     [](const PodCounts& c) {
       return c.kv_blocks_total > 0
                  ? static_cast<double>(c.kv_blocks_used) / static_cast<double>(c.kv_blocks_total)
                  : 0;
     }},
};
constexpr std::size_t service_column_count = std::size(service_columns);

/// One column of the loops' series, from the state at an epoch's end.
struct LoopColumn {
  const char* name;
  const char* units;
  const char* long_name;
  double (*value)(const LoopState&, const PlantFlows::Loop&);
};
const LoopColumn loop_columns[] = {
    {"supply_temperature", "degC", "Coolant after the CDUs",
     [](const LoopState& s, const PlantFlows::Loop&) { return s.supply; }},
    {"return_temperature", "degC", "Coolant before the CDUs",
     [](const LoopState& s, const PlantFlows::Loop&) { return s.returns; }},
    {"flow", "m3 s-1", "Coolant through the loop",
     [](const LoopState&, const PlantFlows::Loop& f) { return f.flow; }},
    {"facility_water_flow", "m3 s-1", "Facility water through its CDUs",
     [](const LoopState&, const PlantFlows::Loop& f) { return f.fws_flow; }},
    {"differential_pressure", "Pa", "Pressure over its racks",
     [](const LoopState&, const PlantFlows::Loop& f) { return f.pressure; }},
    {"pump_speed", "1", "Pump speed over that at design",
     [](const LoopState& s, const PlantFlows::Loop&) { return s.speed; }},
    {"valve_position", "1", "Facility water asked for, over design",
     [](const LoopState& s, const PlantFlows::Loop&) { return s.valve; }},
};
constexpr std::size_t loop_column_count = std::size(loop_columns);

std::vector<std::string> rack_names(const SiteParameters& site) {
  std::vector<std::string> names;
  for (int r = 0; r < site.rack_count(); ++r) names.push_back(rack_name(site, r));
  return names;
}
std::vector<std::string> service_names(const SiteParameters& site) {
  std::vector<std::string> names;
  for (const auto& s : site.services) names.push_back(s.name);
  return names;
}

}  // namespace

SamplePlan plan_samples(const SiteParameters& site, const scenarios::OutputBlock& output) {
  SamplePlan plan{output.site_period.ns, output.rack_period.ns, 0, ""};
  // A row is no shorter than a step.
  plan.site_period = std::max(plan.site_period, site.step);
  plan.rack_period = std::max(plan.rack_period, site.step);
  const double seconds = sim::to_seconds(site.duration);
  const auto fit = [&](sim::Time& period, double bytes_per_row, double share, const char* what) {
    const double bytes = seconds / sim::to_seconds(period) * bytes_per_row;
    if (bytes <= file_budget * share) return;
    const auto factor = static_cast<sim::Time>(std::ceil(bytes / (file_budget * share)));
    period *= factor;
    plan.raised += fmt::format("{}{} every {:g} s", plan.raised.empty() ? "" : ", ", what,
                               sim::to_seconds(period));
  };
  const double services = static_cast<double>(site.services.size());
  fit(plan.site_period,
      8.0 * (site_column_count + 6 + purposes) + 8 * service_column_count * services, 0.5, "site");
  fit(plan.rack_period,
      4.0 * (4 * site.rack_count() +
             static_cast<double>(loop_column_count * site.plant.loops.size())),
      0.5, "racks");
  if (output.group_period) {
    plan.group_period = std::max(output.group_period->ns, site.step);
    fit(plan.group_period, 4.0 * 3 * static_cast<double>(site.limits.size()), 0.25, "groups");
  }
  return plan;
}

struct RunFile::Series {
  const SiteParameters& site;
  SamplePlan plan;
  h5::PublishedFile file;

  // Site and services share the site's period.
  h5::Table* site_table = nullptr;
  std::vector<h5::Column<double>> site_cells;
  h5::Column<double> limit{}, purpose{}, tokens_out{}, tokens_in{}, tokens_per_joule{}, ipue{},
      peak{};
  h5::Table* service_table = nullptr;
  std::vector<h5::Column<double>> service_cells;
  std::vector<Mean> site_means{site_column_count};
  std::vector<Mean> purpose_means{purposes};
  std::vector<std::vector<double>> service_sums;  // [column][service]
  double tokens_out_sum = 0, tokens_in_sum = 0, highest = 0, seconds = 0;
  sim::Time next_site;

  h5::Table* rack_table = nullptr;
  h5::Column<float> rack_power{}, rack_gpu{}, rack_junction{}, rack_ceiling{};
  std::vector<Mean> rack_means, rack_gpu_means, rack_junction_means, rack_ceiling_means;
  double rack_seconds = 0;
  sim::Time next_rack;
  h5::Table* loop_table = nullptr;
  std::vector<h5::Column<float>> loop_cells;
  std::vector<Mean> loop_means;  // [column][loop]

  h5::Table* group_table = nullptr;  // of the power controller
  h5::Column<float> group_limit{}, group_demand{}, group_draw{};
  std::vector<Mean> group_draw_means;
  double group_seconds = 0;
  sim::Time next_group = 0;

  h5::Table* events = nullptr;
  h5::Column<double> event_time{};
  h5::Column<std::string> event_kind{}, event_object{}, event_detail{};

  h5::Table* requests = nullptr;
  h5::Column<std::int64_t> request_id{}, request_service{}, request_prompt{}, request_output{},
      request_preemptions{}, request_priority{};
  h5::Column<double> request_arrival{}, request_queue{}, request_ttft{}, request_e2e{};

  std::optional<ElectricalGroup> electrical;
  std::optional<h5::Dataset> ledger_energy, ledger_tokens, latency;
  std::vector<h5::Dataset> summary, service_summary;

  Series(const std::filesystem::path& path, const SiteParameters& s, const RunMeta& meta,
         const SamplePlan& p, bool keep_requests)
      : site(s), plan(p), file(path) {
    next_site = (meta.from / plan.site_period + 1) * plan.site_period;
    next_rack = (meta.from / plan.rack_period + 1) * plan.rack_period;
    if (plan.group_period > 0) next_group = (meta.from / plan.group_period + 1) * plan.group_period;
    write_meta(meta);
    make_site();
    make_services();
    make_racks();
    if (plan.group_period > 0 && !site.limits.empty()) make_groups();
    electrical.emplace(file.root(), site);
    make_events();
    if (keep_requests) make_requests();
    make_ends();
    file.publish();
  }

  h5::Label time_label() const {
    return h5::utc_seconds_since(site.start.unix_ns, "End of the sampled interval");
  }

  void write_meta(const RunMeta& meta) {
    file.root().attribute("title", site.name);
    file.root().attribute("Conventions", "CF-1.10");
    file.root().attribute("source", "Millwright " + meta.version);
    const auto group = file.meta();
    group.attribute("version", meta.version);
    group.attribute("backend", meta.backend);
    group.attribute("seed", static_cast<std::int64_t>(site.seed));
    group.attribute("trace_hash", "");
    group.attribute("fidelity", fidelity_text(site));
    group.attribute("pods", static_cast<std::int64_t>(site.pods.size()));
    group.attribute("simulated_pods", static_cast<std::int64_t>(simulated_pods(site)));
    group.attribute("started_utc", scenarios::format_instant({site.start.unix_ns, 0}));
    group.dataset<std::string>("scenario_given", {"1", "Scenario file as given"})
        .write(meta.scenario_given);
    group.dataset<std::string>("scenario_resolved", {"1", "Every value of the scenario"})
        .write(meta.scenario_resolved);
  }

  void make_site() {
    const auto group = file.root().group("site");
    const auto purpose_axis =
        group.dimension("purpose", names_of(Purpose{}), {"1", "What the energy was for"});
    site_table = &file.table(group, "time", time_label());
    for (const auto& c : site_columns)
      site_cells.push_back(site_table->column<double>(c.name, {c.units, c.long_name}));
    limit = site_table->column<double>("limit_power", {"W", "Limit at the meter"});
    peak = site_table->column<double>("meter_power_peak",
                                      {"W", "Highest power of a sub-step at the meter"});
    purpose = site_table->column<double>("purpose_power", {"W", "Power at the meter by purpose"},
                                         {purpose_axis});
    tokens_out = site_table->column<double>("tokens_out_rate", {"s-1", "Output tokens"});
    tokens_in = site_table->column<double>("tokens_in_rate", {"s-1", "Prompt tokens computed"});
    tokens_per_joule = site_table->column<double>("tokens_per_joule",
                                                  {"J-1", "Output tokens per energy at the meter"});
    ipue = site_table->column<double>("ipue", {"1", "Power at the meter over power at the racks"});
  }

  void make_services() {
    const auto group = file.root().group("services");
    if (site.services.empty()) return;
    const auto axis = group.dimension("service", service_names(site), {"1", "Service"});
    const auto metric = group.dimension("metric", {"ttft", "tpot", "itl", "e2e", "queue"},
                                        {"1", "Kind of latency"});
    const auto quantile = group.dimension("quantile", quantiles, {"1", "Share at or below"});
    service_table = &file.table(group, "time", time_label());
    for (const auto& c : service_columns)
      service_cells.push_back(
          service_table->column<double>(c.name, {c.units, c.long_name}, {axis}));
    service_sums.assign(service_column_count, std::vector<double>(site.services.size(), 0));
    if (!site.cohort.fluid())
      latency = group.dataset<double>("latency", {"s", "Latency percentiles over the run"},
                                      {axis, metric, quantile});
  }

  void make_racks() {
    const auto group = file.root().group("racks");
    const auto axis = group.dimension("rack", rack_names(site), {"1", "Rack"});
    rack_table = &file.table(group, "time", time_label());
    rack_power = rack_table->column<float>("power", {"W", "Power at the rack's input"}, {axis});
    rack_gpu = rack_table->column<float>("gpu_power", {"W", "Power of the rack's GPUs"}, {axis});
    rack_junction = rack_table->column<float>(
        "junction_temperature", {"degC", "Mean GPU junction; NaN without GPUs"}, {axis});
    rack_ceiling = rack_table->column<float>(
        "clock_ceiling", {"1", "Highest clock that heat allows, over the highest; 0: off"}, {axis});
    const auto n = static_cast<std::size_t>(site.rack_count());
    rack_means.resize(n);
    rack_gpu_means.resize(n);
    rack_junction_means.resize(n);
    rack_ceiling_means.resize(n);
    if (site.plant.on()) make_loops();
  }

  /// Loops of racks, where the plant is followed in time; rows with those of the racks.
  void make_loops() {
    const auto group = file.root().group("loops");
    std::vector<std::string> names;
    for (std::size_t l = 0; l < site.plant.loops.size(); ++l) names.push_back(std::to_string(l));
    const auto axis = group.dimension("loop", names, {"1", "Loop of racks"});
    loop_table = &file.table(group, "time", time_label());
    for (const auto& c : loop_columns)
      loop_cells.push_back(loop_table->column<float>(c.name, {c.units, c.long_name}, {axis}));
    loop_means.assign(loop_column_count * names.size(), {});
  }

  void loop_row(double now) {
    const std::size_t loops = site.plant.loops.size();
    auto& t = *loop_table;
    t.put(t.coordinate(), now);
    std::vector<float> row(loops);
    for (std::size_t c = 0; c < loop_column_count; ++c) {
      for (std::size_t l = 0; l < loops; ++l)
        row[l] = static_cast<float>(loop_means[c * loops + l].take(rack_seconds));
      t.put(loop_cells[c], std::span<const float>(row));
    }
    t.end_row();
  }

  /// Resource groups of the power controller: of all GPUs of each together.
  void make_groups() {
    const auto group = file.root().group("groups");
    std::vector<std::string> names;
    for (const auto& law : site.limits) names.push_back(law.object);
    const auto axis = group.dimension("group", names, {"1", "Resource group"});
    std::vector<std::int64_t> gpus;
    for (const auto& limited : site.limited) gpus.push_back(limited.gpus);
    group.dataset<std::int64_t>("gpus", {"1", "GPUs behind its limit"}, {axis})
        .write(std::span<const std::int64_t>(gpus));
    group_table = &file.table(group, "time", time_label());
    group_limit = group_table->column<float>("limit_power",
                                             {"W", "Limit in force at the interval's end"}, {axis});
    group_demand = group_table->column<float>(
        "demand_power", {"W", "What the policy wants then; NaN: it says nothing"}, {axis});
    group_draw = group_table->column<float>("gpu_power", {"W", "Power of its GPUs"}, {axis});
    group_draw_means.resize(names.size());
  }

  void gather_groups(const SiteEpoch& e, const SiteState& state) {
    const double dt = e.seconds();
    group_seconds += dt;
    for (std::size_t i = 0; i < group_draw_means.size(); ++i)
      group_draw_means[i].add(group_draw_w(state, site, e, i), dt);
  }

  void group_row(const SiteEpoch& e, const SiteState& state) {
    auto& t = *group_table;
    t.put(t.coordinate(), exact_seconds(e.end));
    const std::size_t n = site.limits.size();
    std::vector<float> limits(n), demand(n, std::nanf("")), draw(n);
    for (std::size_t i = 0; i < n; ++i) {
      limits[i] = static_cast<float>(state.limits[i].effective * site.limited[i].gpus);
      draw[i] = static_cast<float>(group_draw_means[i].take(group_seconds));
      if (i < state.steering.wants.size())
        demand[i] = static_cast<float>(
            1e-3 * static_cast<double>(std::max<Milliwatts>(state.steering.wants[i].power, 0)));
    }
    t.put(group_limit, std::span<const float>(limits));
    t.put(group_demand, std::span<const float>(demand));
    t.put(group_draw, std::span<const float>(draw));
    t.end_row();
    group_seconds = 0;
  }

  void make_events() {
    const auto group = file.root().group("events");
    events = &file.table(group, "event");
    event_time = events->column<double>(
        "time", h5::utc_seconds_since(site.start.unix_ns, "Moment of the event"));
    event_kind = events->column<std::string>("kind", {"1", "What happened"});
    event_object = events->column<std::string>("object", {"1", "To what"});
    event_detail = events->column<std::string>("detail", {"1", "In words"});
  }

  void make_requests() {
    const auto group = file.root().group("requests");
    requests = &file.table(group, "request");
    request_service = requests->column<std::int64_t>("service", {"1", "Index of the service"});
    request_id = requests->column<std::int64_t>("id", {"1", "Number of the request"});
    request_arrival = requests->column<double>(
        "arrival", h5::utc_seconds_since(site.start.unix_ns, "Arrival at the router"));
    request_prompt = requests->column<std::int64_t>("prompt_tokens", {"1", "Prompt tokens"});
    request_output = requests->column<std::int64_t>("output_tokens", {"1", "Output tokens"});
    request_queue = requests->column<double>("queue", {"s", "Time before it first ran"});
    request_ttft = requests->column<double>("ttft", {"s", "Time to the first token"});
    request_e2e = requests->column<double>("e2e", {"s", "Time to the last token"});
    request_preemptions = requests->column<std::int64_t>("preemptions", {"1", "Preemptions"});
    request_priority =
        requests->column<std::int64_t>("priority", {"1", "How urgent it was: smaller first"});
  }

  void make_ends() {
    const auto ledger = file.root().group("ledger");
    const auto purpose_axis =
        ledger.dimension("purpose", names_of(Purpose{}), {"1", "What the energy was for"});
    const auto outcome_axis =
        ledger.dimension("outcome", names_of(TokenOutcome{}), {"1", "What became of the tokens"});
    ledger_energy = ledger.dataset<double>("energy", {"J", "Energy at the meter"}, {purpose_axis});
    ledger_tokens = ledger.dataset<std::int64_t>(
        "output_tokens", {"1", "Output tokens that were asked for"}, {outcome_axis});
    const auto at_start = initial_site(site);
    const auto group = file.root().group("summary");
    for (const auto& m : site_metrics(site, at_start))
      summary.push_back(group.dataset<double>(m.name, {m.unit, m.meaning}));
    for (std::size_t s = 0; s < site.services.size(); ++s) {
      const auto part = group.group(site.services[s].name);
      for (const auto& m : service_metrics(site, at_start, s))
        service_summary.push_back(part.dataset<double>(m.name, {m.unit, m.meaning}));
    }
  }

  void add(const SiteEpoch& e, const SiteState& state) {
    gather(e);
    gather_heat(e, state);
    const bool last = e.end >= site.duration;
    if (e.end >= next_site || last) {
      site_row(e);
      next_site = (e.end / plan.site_period + 1) * plan.site_period;
    }
    if (e.end >= next_rack || last) {
      rack_row(e);
      next_rack = (e.end / plan.rack_period + 1) * plan.rack_period;
    }
    if (group_table) {
      gather_groups(e, state);
      if (e.end >= next_group || last) {
        group_row(e, state);
        next_group = (e.end / plan.group_period + 1) * plan.group_period;
      }
    }
    if (requests) request_rows(e);
    file.publish_if_due();
  }

  void gather(const SiteEpoch& e) {
    const double dt = e.seconds();
    seconds += dt;
    rack_seconds += dt;
    highest = std::max(highest, e.peak_meter);
    for (std::size_t i = 0; i < site_column_count; ++i)
      site_means[i].add(site_columns[i].value(e), dt);
    for (std::size_t i = 0; i < purposes; ++i) purpose_means[i].add(e.purpose[i], dt);
    for (std::size_t s = 0; s < e.services.size(); ++s) {
      tokens_out_sum += static_cast<double>(e.services[s].output_tokens);
      tokens_in_sum += static_cast<double>(e.services[s].prompt_tokens);
      for (std::size_t c = 0; c < service_column_count; ++c) {
        const double value = service_columns[c].value(e.services[s]);
        if (service_columns[c].rate) {
          service_sums[c][s] += value;
        } else {
          service_sums[c][s] = value;
        }
      }
    }
    for (std::size_t r = 0; r < rack_means.size(); ++r) {
      rack_means[r].add(e.rack_input[r], dt);
      rack_gpu_means[r].add(e.rack_gpu[r], dt);
      rack_junction_means[r].add(e.rack_junction_c[r], dt);
    }
  }

  void gather_heat(const SiteEpoch& e, const SiteState& state) {
    const double dt = e.seconds();
    for (std::size_t r = 0; r < rack_ceiling_means.size(); ++r) {
      const ThrottleState& chip = state.throttle[r];
      rack_ceiling_means[r].add(chip.off ? 0 : chip.ceiling, dt);
    }
    const std::size_t loops = loop_table ? site.plant.loops.size() : 0;
    for (std::size_t l = 0; l < loops; ++l)
      for (std::size_t c = 0; c < loop_column_count; ++c)
        loop_means[c * loops + l].add(
            loop_columns[c].value(state.plant.loops[l], e.plant.flows.loops[l]), dt);
  }

  void site_row(const SiteEpoch& e) {
    auto& t = *site_table;
    const double now = exact_seconds(e.end);
    t.put(t.coordinate(), now);
    double meter = 0, it = 0;
    for (std::size_t i = 0; i < site_column_count; ++i) {
      const double value = site_means[i].take(seconds);
      if (i == 0) meter = value;
      if (i == 1) it = value;
      t.put(site_cells[i], value);
    }
    const double limit_w = models::envelope_at(site, e.start);
    t.put(limit, std::isfinite(limit_w) ? limit_w : nan);
    t.put(peak, highest);
    std::vector<double> row;
    for (auto& m : purpose_means) row.push_back(m.take(seconds));
    t.put(purpose, std::span<const double>(row));
    t.put(tokens_out, tokens_out_sum / seconds);
    t.put(tokens_in, tokens_in_sum / seconds);
    t.put(tokens_per_joule, meter > 0 ? tokens_out_sum / seconds / meter : nan);
    t.put(ipue, it > 0 ? meter / it : nan);
    t.end_row();
    if (service_table) {
      auto& st = *service_table;
      st.put(st.coordinate(), now);
      for (std::size_t c = 0; c < service_column_count; ++c) {
        auto& sums = service_sums[c];
        if (service_columns[c].rate)
          for (double& v : sums) v /= seconds;
        st.put(service_cells[c], std::span<const double>(sums));
        std::fill(sums.begin(), sums.end(), 0);
      }
      st.end_row();
    }
    tokens_out_sum = tokens_in_sum = highest = seconds = 0;
  }

  void rack_row(const SiteEpoch& e) {
    auto& t = *rack_table;
    t.put(t.coordinate(), exact_seconds(e.end));
    const auto put = [&](h5::Column<float> column, std::vector<Mean>& means) {
      std::vector<float> row;
      for (auto& m : means) row.push_back(static_cast<float>(m.take(rack_seconds)));
      t.put(column, std::span<const float>(row));
    };
    put(rack_power, rack_means);
    put(rack_gpu, rack_gpu_means);
    put(rack_junction, rack_junction_means);
    put(rack_ceiling, rack_ceiling_means);
    t.end_row();
    if (loop_table) loop_row(exact_seconds(e.end));
    rack_seconds = 0;
  }

  void request_rows(const SiteEpoch& e) {
    for (std::size_t p = 0; p < e.pods.size(); ++p) {
      for (const auto& r : e.pods[p].records) {
        auto& t = *requests;
        const sim::FineTime arrival{r.arrival, 0};
        const auto since = [&](sim::FineTime moment) {
          return static_cast<double>(sim::ps_between(arrival, moment)) * 1e-12;
        };
        t.put(request_service,
              static_cast<std::int64_t>(site.service_of_pod[simulated_pod(site, p)]));
        t.put(request_id, static_cast<std::int64_t>(r.id));
        t.put(request_arrival, exact_seconds(r.arrival));
        t.put(request_prompt, static_cast<std::int64_t>(r.prompt_tokens));
        t.put(request_output, static_cast<std::int64_t>(r.output_tokens));
        t.put(request_queue, since(r.admitted));
        t.put(request_ttft, since(r.first));
        t.put(request_e2e, since(r.finished));
        t.put(request_preemptions, static_cast<std::int64_t>(r.preemptions));
        t.put(request_priority, static_cast<std::int64_t>(r.priority));
        t.end_row();
      }
    }
  }

  void finish(const SiteState& state, bool complete) {
    electrical->write(site, state);
    std::vector<double> energy;
    for (const auto& e : state.ledger.by_purpose) energy.push_back(e.value());
    ledger_energy->write(energy);
    const auto outcomes = token_ledger(state);
    ledger_tokens->write(std::vector<std::int64_t>(outcomes.begin(), outcomes.end()));
    const auto write_all = [](std::vector<h5::Dataset>& sets, std::size_t first,
                              const std::vector<Metric>& metrics) {
      for (std::size_t i = 0; i < metrics.size(); ++i) {
        sets[first + i].write(metrics[i].value);
        if (std::isfinite(metrics[i].half_width))
          sets[first + i].attribute("half_width_95", metrics[i].half_width);
      }
    };
    write_all(summary, 0, site_metrics(site, state));
    std::vector<double> table;
    std::size_t first = 0;
    for (std::size_t s = 0; s < site.services.size(); ++s) {
      const auto metrics = service_metrics(site, state, s);
      write_all(service_summary, first, metrics);
      first += metrics.size();
      const Latencies all = service_latencies(site, state, s);
      for (const LogHistogram* h : {&all.ttft, &all.tpot, &all.itl, &all.e2e, &all.queue})
        for (const double q : quantiles) table.push_back(h->total > 0 ? h->quantile(q) : nan);
    }
    if (latency) latency->write(table);
    file.meta().attribute("trace_hash", fmt::format("{:016x}", trace_hash(state).value));
    if (complete) file.finish();
  }
};

RunFile::RunFile(const std::filesystem::path& path, const SiteParameters& site, const RunMeta& meta,
                 const SamplePlan& plan, bool requests)
    : series_(std::make_unique<Series>(path, site, meta, plan, requests)) {}
RunFile::~RunFile() = default;
void RunFile::add(const SiteEpoch& epoch, const SiteState& state) {
  series_->add(epoch, state);
}
void RunFile::event(sim::Time t, const std::string& kind, const std::string& object,
                    const std::string& detail) {
  auto& e = *series_->events;
  e.put(series_->event_time, exact_seconds(t));
  e.put(series_->event_kind, kind);
  e.put(series_->event_object, object);
  e.put(series_->event_detail, detail);
  e.end_row();
}
void RunFile::finish(const SiteState& state, bool complete) {
  series_->finish(state, complete);
}

}  // namespace mw::analysis
