#include "models/site/summary.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "models/cooling/metrics.hpp"
#include "models/site/electrical_metrics.hpp"
#include "models/site/intervals.hpp"
#include "models/site/plant_metrics.hpp"
#include "models/site/service_share.hpp"

namespace mw::models {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double ratio(double a, double b) {
  return b > 0 ? a / b : nan;
}

/// What the site used: of the utility, of its own generators, and of what its batteries held.
/// Figures that divide by energy take it, since work on batteries is not free.
double energy_used(const SiteState& state) {
  return state.ledger.meter().value() + state.totals.generated.value() -
         state.ledger[Purpose::stored].value();
}

PodCounts totals(const SiteState& state) {
  PodCounts sum;
  for (const auto& c : state.counts) add(sum, c);
  return sum;
}

void add_costs(std::vector<Metric>& out, const SiteParameters& site,
               const EconomicsParameters& economics, const SiteState& state, double seconds,
               double tokens) {
  // The run stands for the year.
  const double scale = seconds > 0 ? seconds_per_year / seconds : 0;
  const YearlyCost cost = yearly_cost(economics, year_of_site(site, state));

  const TokenCost each =
      tokens > 0 ? token_cost(cost, {tokens * scale}) : TokenCost{nan, nan, nan, nan};
  const char* per = "USD/Mtok";
  out.push_back({"usd_per_mtok", each.total(), per, "Cost of a million output tokens"});
  out.push_back({"usd_per_mtok_capital", each.capital, per,
                 "Capital of racks and facility per million output tokens"});
  out.push_back({"usd_per_mtok_energy", each.energy, per, "Energy per million output tokens"});
  out.push_back(
      {"usd_per_mtok_demand", each.demand, per, "Demand charges per million output tokens"});
  out.push_back({"usd_per_mtok_other", each.other, per,
                 "Operation, maintenance and water per million output tokens"});

  double revenue = 0;
  bool priced = false;
  for (std::size_t s = 0; s < site.services.size(); ++s) {
    const auto& c = state.counts[s];
    revenue +=
        token_revenue(site.services[s].price, {static_cast<double>(c.completed_prompt_tokens)},
                      {static_cast<double>(c.completed_output_tokens)})
            .value;
    priced =
        priced || site.services[s].price.input.value > 0 || site.services[s].price.output.value > 0;
  }
  if (priced) {
    const double mw = seconds > 0 ? state.ledger.meter().value() / seconds * 1e-6 : 0;
    out.push_back({"revenue_usd_per_mw_h", ratio(revenue / (seconds / 3600), mw), "USD/(MW h)",
                   "Revenue of completed requests per megawatt consumed and hour"});
    out.push_back({"cost_usd_per_mw_h", ratio(cost.total() / seconds_per_year * 3600, mw),
                   "USD/(MW h)", "Cost per megawatt consumed and hour"});
  }
}

std::vector<Metric> plain_site_metrics(const SiteParameters& site, const SiteState& state) {
  const double seconds = sim::to_seconds(state.now);
  const double meter = state.ledger.meter().value();
  const double used = energy_used(state);
  const double it = state.totals.it.value();
  const PodCounts sum = totals(state);
  const double out_tokens = static_cast<double>(sum.output_tokens);
  const double mean_mw = seconds > 0 ? meter / seconds * 1e-6 : nan;
  const double used_mw = seconds > 0 ? used / seconds * 1e-6 : nan;
  const double out_rate = seconds > 0 ? out_tokens / seconds : nan;
  const bool limited = std::isfinite(site.envelope_w);

  std::vector<Metric> m;
  m.push_back({"simulated", seconds, "s", "Simulated time"});
  m.push_back({"tokens_per_s_per_mw", ratio(out_rate, used_mw), "1/(s MW)",
               "Output tokens per second and megawatt consumed at the meter"});
  if (limited)
    m.push_back({"tokens_per_s_per_provisioned_mw", ratio(out_rate, site.envelope_w * 1e-6),
                 "1/(s MW)", "Output tokens per second and megawatt of the envelope"});
  m.push_back(
      {"j_per_token", ratio(used, out_tokens), "J", "Energy at the meter per output token"});
  m.push_back({"tokens_out_per_s", out_rate, "1/s", "Output tokens per second"});
  m.push_back({"tokens_in_per_s", ratio(static_cast<double>(sum.prompt_tokens), seconds), "1/s",
               "Prompt tokens computed per second"});
  if (!site.cohort.fluid())  // rates do not tell when first tokens come
    m.push_back(
        {"good_token_share",
         ratio(static_cast<double>(sum.slo_good_tokens),
               static_cast<double>(sum.completed_output_tokens + sum.refused_output_tokens)),
         "1", "Output tokens of requests that met every target, of all that ended"});
  if (!site.jobs.empty()) {
    double tokens = 0, keeping = 0, gpus = 0;
    for (const SiteJob& job : site.jobs) {
      tokens += job.tokens(seconds);
      keeping += job.gpus * job.course->keeping.integral(seconds);
      gpus += job.gpus;
    }
    m.push_back({"trained_tokens_per_s", ratio(tokens, seconds), "1/s",
                 "Tokens of training steps that are kept, per second"});
    m.push_back({"trained_tokens_per_mwh", ratio(tokens, used / 3.6e9), "1/(MW h)",
                 "The same per energy at the meter, all its uses"});
    m.push_back({"training_effective_share", ratio(keeping, gpus * seconds), "1",
                 "Time of training jobs in steps that are kept, mean of their GPUs"});
  }
  m.push_back({"mean_power_mw", mean_mw, "MW", "Mean power at the meter"});
  m.push_back({"peak_power_mw", state.totals.peak_w * 1e-6, "MW",
               "Highest power of a sub-step at the meter"});
  if (limited) {
    m.push_back({"envelope_mw", site.envelope_w * 1e-6, "MW", "Limit at the meter"});
    m.push_back({"time_above_limit", sim::to_seconds(state.totals.above_limit), "s",
                 "Time above the limit, on the sub-grid"});
    m.push_back(
        {"highest_excess_kw", state.totals.excess_w * 1e-3, "kW", "Highest excess over the limit"});
  }
  if (law_of(site.control.policy))
    m.push_back({"excursions", static_cast<double>(state.totals.excursions), "1",
                 "Readings of a power domain above the budget that the decision before promised"});
  if (law_of(site.control.policy) && !site.switch_racks.empty()) {
    m.push_back(
        {"shed_rack_hours", state.totals.shed_rack_s / 3600, "h",
         "Racks x hours switched off because the least of all devices did not fit a budget"});
    m.push_back({"shed_racks", static_cast<double>(state.totals.shed_racks), "1",
                 "Racks switched off for that, each time"});
    m.push_back({"shed_tokens", static_cast<double>(sum.lost_shed), "1",
                 "Output tokens that were late after it"});
  }
  if (site.placing.on()) {
    m.push_back(
        {"parked_rack_share",
         ratio(state.totals.parked_rack_s, seconds * static_cast<double>(site.switch_racks.size())),
         "1", "Racks with GPUs that placement had switched off, mean over time"});
    m.push_back({"woken_racks", static_cast<double>(state.totals.woken_racks), "1",
                 "Racks started by their controllers, each time"});
  }
  if (site.control.how.oracle)
    m.push_back(
        {"offered_capacity_share", ratio(state.totals.offered_capacity, state.totals.best_capacity),
         "1",
         "Capacity under the policy's limits over the most that the same watts could offer, "
         "mean of decisions"});
  m.push_back({"energy_mwh", meter / 3.6e9, "MWh", "Energy at the meter"});
  m.push_back({"it_energy_mwh", it / 3.6e9, "MWh", "Energy at the racks' inputs"});
  m.push_back({"dc_energy_mwh", state.totals.dc.value() / 3.6e9, "MWh",
               "Energy behind the racks' supplies"});
  m.push_back(
      {"gpu_energy_mwh", state.totals.gpu.value() / 3.6e9, "MWh", "Energy at the GPUs' boards"});
  m.push_back({"pue", it > 0 ? power_usage_effectiveness(used, it) : nan, "1",
               "Energy at the meter over energy at the racks, over the run"});
  const double compute = state.totals.compute.value();
  m.push_back({"tue", compute > 0 ? total_usage_effectiveness(used, compute) : nan, "1",
               "Energy at the meter over energy of GPUs and hosts"});
  m.push_back({"wue_l_per_kwh", it > 0 ? water_usage_effectiveness(state.totals.water_m3, it) : nan,
               "L/(kW h)", "Water per energy at the racks"});
  m.push_back({"hottest_junction_degc", state.totals.hottest_junction_c, "degC",
               "Mean GPU junction of the hottest rack"});
  m.push_back({"supply_excess_k", state.totals.supply_excess_k, "K",
               "Most that the coolant was warmer than its set point"});
  add_plant_metrics(m, site, state);
  add_electrical_metrics(m, site, state);
  if (site.economics) add_costs(m, site, *site.economics, state, seconds, out_tokens);
  return m;
}

/// The service's part of the meter and the bill, and what its answers are worth.
void add_shares(std::vector<Metric>& m, const SiteParameters& site, const SiteState& state,
                std::size_t s) {
  const double seconds = sim::to_seconds(state.now);
  const PodCounts& c = state.counts[s];
  const double tokens = static_cast<double>(c.output_tokens);
  const double joules = energy_used(state) * energy_share(state, s);
  const double gpus = site.services[s].replicas * site.services[s].gpus_per_replica;
  m.push_back({"gpu_power_w", ratio(state.engines[s].energy.value(), seconds * gpus), "W",
               "Mean power of one of its GPUs"});
  const double j_per_token = ratio(joules, tokens);
  m.push_back(
      {"j_per_token", j_per_token, "J", "Energy at the meter, its share, per output token"});
  m.push_back({"tokens_per_s_per_mw", ratio(tokens, joules * 1e-6), "1/(s MW)",
               "Output tokens per second and megawatt of its share of the meter"});
  double usd_per_mtok = nan;
  if (site.economics) {
    const YearlyCost cost = yearly_cost(*site.economics, year_of_service(site, state, s));
    if (tokens > 0) usd_per_mtok = token_cost(cost, {tokens / seconds * seconds_per_year}).total();
    m.push_back({"usd_per_mtok", usd_per_mtok, "USD/Mtok",
                 "Its share of the cost, per million output tokens"});
  }
  const auto& score = site.services[s].score;
  if (!score) return;
  m.push_back({"task_score", score->score.value, "1", "Share of " + score->task + " solved"});
  if (!score->tokens_per_task) return;
  const auto solved = [&](double per_token) {
    return per_solved_task(per_token, score->tokens_per_task->value, score->score.value);
  };
  m.push_back({"tokens_per_task", score->tokens_per_task->value, "1",
               "Output tokens of an answer to " + score->task});
  m.push_back({"j_per_solved_task", solved(j_per_token), "J",
               "Energy at the meter per solved task of " + score->task});
  if (site.economics)
    m.push_back({"usd_per_solved_task", solved(usd_per_mtok * 1e-6), "USD",
                 "Cost per solved task of " + score->task});
}

std::vector<Metric> plain_service_metrics(const SiteParameters& site, const SiteState& state,
                                          std::size_t service, const Latencies& latencies,
                                          bool smooth) {
  const double seconds = sim::to_seconds(state.now);
  const PodCounts& c = state.counts[service];
  const auto rate = [&](std::int64_t n) { return ratio(static_cast<double>(n), seconds); };
  std::vector<Metric> m;
  m.push_back({"replicas", static_cast<double>(site.services[service].replicas), "1", "Replicas"});
  m.push_back({"requests_per_s", rate(c.arrivals), "1/s", "Requests that arrived"});
  m.push_back({"completed_per_s", rate(c.completed), "1/s", "Requests that completed"});
  m.push_back({"refused", static_cast<double>(c.refused), "1", "Requests refused"});
  m.push_back({"preemptions", static_cast<double>(c.preemptions), "1", "Preemptions"});
  m.push_back({"swaps", static_cast<double>(c.swaps), "1", "Preemptions that kept their KV cache"});
  if (!site.cohort.fluid())  // rates do not tell which of two limits refused
    m.push_back({"refused_context", static_cast<double>(c.refused_context), "1",
                 "Requests refused for the model's context limit"});
  m.push_back({"tokens_out_per_s", rate(c.output_tokens), "1/s", "Output tokens"});
  m.push_back({"tokens_in_per_s", rate(c.prompt_tokens), "1/s", "Prompt tokens computed"});
  if (site.pods[static_cast<std::size_t>(site.services[service].first_pod)].prefixes)
    m.push_back({"prefix_hit_share",
                 ratio(static_cast<double>(c.cached_tokens),
                       static_cast<double>(c.cached_tokens + c.prompt_tokens)),
                 "1", "Prompt tokens found in the cache of prefixes"});
  if (!site.cohort.fluid())
    m.push_back({"good_request_share",
                 ratio(static_cast<double>(c.slo_good_requests),
                       static_cast<double>(c.completed + c.refused)),
                 "1", "Requests that met every target, of all that ended"});
  m.push_back({"running", static_cast<double>(c.running), "1", "Requests that run at the end"});
  m.push_back({"waiting", static_cast<double>(c.waiting), "1", "Requests that wait at the end"});
  m.push_back({"busy_share",
               ratio(state.engines[service].busy_s, seconds * site.services[service].replicas), "1",
               "Share of time in which replicas ran iterations"});
  m.push_back({"capped_share",
               ratio(static_cast<double>(c.capped_iterations), static_cast<double>(c.iterations)),
               "1", "Iterations that a power limit slowed"});
  m.push_back({"heated_share",
               ratio(static_cast<double>(c.heated_iterations), static_cast<double>(c.iterations)),
               "1", "Iterations that heat slowed"});
  m.push_back(
      {"available_share",
       1 - ratio(state.engines[service].unavailable_s, seconds * site.services[service].replicas),
       "1", "Share of time in which replicas were switched on"});
  m.push_back({"thrown_back", static_cast<double>(c.thrown_back), "1",
               "Requests that began anew because their replica was switched off"});
  if (site.services[service].regime.law) {
    const auto regime = regime_of(site.services[service].regime, c, state.engines[service].busy_s);
    const auto names = enum_names(Bound{});
    for (std::size_t i = 0; i < names.size(); ++i)
      m.push_back({std::string("wait_") + names[i], regime ? regime->time_shares[i] : nan, "1",
                   std::string("Time in iterations that goes to ") + names[i]});
  }
  add_shares(m, site, state, service);
  if (site.cohort.fluid()) {
    m.push_back({"tpot_mean", flow_per_token(state, site, service), "s",
                 "Time of running requests over the output tokens"});
    return m;
  }
  const auto put = [&](const char* name, const char* meaning, const LogHistogram& h) {
    for (const auto& [label, q] :
         {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}})
      m.push_back({std::string(name) + "_" + label,
                   h.total == 0 ? nan
                   : smooth     ? h.smooth_quantile(q)
                                : h.quantile(q),
                   "s", std::string(meaning) + ", " + label});
  };
  put("ttft", "Time to the first token", latencies.ttft);
  put("tpot", "Mean time per output token after the first", latencies.tpot);
  put("itl", "Gap between two tokens", latencies.itl);
  put("e2e", "Time to the last token", latencies.e2e);
  put("queue", "Time before the request first ran", latencies.queue);
  return m;
}

}  // namespace

Latencies service_latencies(const SiteParameters& site, const SiteState& state,
                            std::size_t service) {
  return site.cohort.on() ? cohort_latencies(state, site, service) : state.latencies[service];
}

std::vector<Metric> site_metrics(const SiteParameters& site, const SiteState& state) {
  return with_intervals(site, state, [&](const SiteState& world, std::int32_t) {
    return plain_site_metrics(site, world);
  });
}

std::vector<Metric> service_metrics(const SiteParameters& site, const SiteState& state,
                                    std::size_t service) {
  auto all = with_intervals(site, state, [&](const SiteState& world, std::int32_t without) {
    return plain_service_metrics(site, world, service,
                                 site.cohort.on() ? cohort_latencies(state, site, service, without)
                                                  : state.latencies[service],
                                 without >= 0);
  });
  // Percentiles are known to half a bin of their histogram at best.
  constexpr double half_bin = 0.5 / LogHistogram::bins_per_octave;
  for (Metric& m : all)
    if (m.unit == "s") m.half_width += half_bin * m.value;
  return all;
}

std::array<std::int64_t, token_outcomes> token_ledger(const SiteState& state) {
  const PodCounts sum = totals(state);
  std::array<std::int64_t, token_outcomes> by{};
  const auto at = [&](TokenOutcome o) -> std::int64_t& { return by[static_cast<std::size_t>(o)]; };
  at(TokenOutcome::good) = sum.slo_good_tokens;
  at(TokenOutcome::cap) = sum.lost_cap;
  at(TokenOutcome::kv_memory) = sum.lost_kv_memory;
  at(TokenOutcome::queue) = sum.lost_queue;
  at(TokenOutcome::heat) = sum.lost_heat;
  at(TokenOutcome::failure) = sum.lost_failure;
  at(TokenOutcome::grid) = sum.lost_grid;
  at(TokenOutcome::shed) = sum.lost_shed;
  at(TokenOutcome::in_flight) =
      sum.arrived_output_tokens - sum.completed_output_tokens - sum.refused_output_tokens;
  return by;
}

double value_of(const std::vector<Metric>& metrics, const std::string& name) {
  for (const auto& m : metrics)
    if (m.name == name) return m.value;
  throw std::logic_error("no metric " + name);
}

}  // namespace mw::models
