#include "analysis/report.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "analysis/progress.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;

/// `12,345` above a thousand, otherwise three significant digits.
std::string number(double v) {
  if (std::isnan(v)) return "-";
  if (std::fabs(v) >= 999.5) {
    std::string digits = fmt::format("{:.0f}", v);
    const std::size_t first = v < 0 ? 1 : 0;
    for (std::size_t i = digits.size(); i > first + 3;) {
      i -= 3;
      digits.insert(i, ",");
    }
    return digits;
  }
  return fmt::format("{:.3g}", v);
}
/// `12,345 +- 67` where sampling left it uncertain.
std::string number(const Metric& m) {
  return std::isnan(m.half_width) ? number(m.value)
                                  : number(m.value) + " ± " + number(m.half_width);
}
std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.1f} %", 100 * share);
}

struct Share {
  std::string name;
  double value;
};
/// `decode 61.0 %, prefill 17.9 %, ...`, largest first, those below 0.05 % left out.
std::string shares(std::vector<Share> parts, double total) {
  std::stable_sort(parts.begin(), parts.end(),
                   [](const Share& a, const Share& b) { return a.value > b.value; });
  std::string out;
  for (const auto& p : parts)
    if (p.value > 0.0005 * total)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", p.name, percent(p.value / total));
  return out.empty() ? "nothing" : out;
}

std::string underscores_to_spaces(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string energy_line(const SiteState& state) {
  std::vector<Share> parts;
  double total = 0;  // not the meter: what batteries and generators gave is below zero
  const auto names = enum_names(Purpose{});
  for (std::size_t i = 0; i < purposes; ++i) {
    parts.push_back({underscores_to_spaces(names[i]), state.ledger.by_purpose[i].value()});
    total += std::max(0.0, parts.back().value);
  }
  return shares(std::move(parts), total);
}

std::string token_line(const SiteState& state) {
  std::vector<Share> parts;
  double total = 0;
  const auto outcomes = token_ledger(state);
  const auto names = enum_names(TokenOutcome{});
  for (std::size_t i = 0; i < token_outcomes; ++i) {
    parts.push_back({underscores_to_spaces(names[i]), static_cast<double>(outcomes[i])});
    total += static_cast<double>(outcomes[i]);
  }
  return shares(std::move(parts), total);
}

bool has(const std::vector<Metric>& metrics, const std::string& name) {
  return std::any_of(metrics.begin(), metrics.end(),
                     [&](const Metric& m) { return m.name == name; });
}

std::string service_table(const RunReport& r) {
  std::string out = fmt::format("  {:<14} {:>8} {:>8} {:>10} {:>10}  {:>17}  {:>17}  {:>7}\n",
                                "service", "replicas", "req/s", "in tok/s", "out tok/s",
                                "TTFT p50/p99 s", "TPOT p50/p99 ms", "in time");
  for (std::size_t s = 0; s < r.site.services.size(); ++s) {
    const auto m = service_metrics(r.site, r.state, s);
    const auto v = [&](const char* name) { return value_of(m, name); };
    const bool fluid = r.site.cohort.fluid();
    out += fmt::format("  {:<14} {:>8} {:>8} {:>10} {:>10}  {:>17}  {:>17}  {:>7}\n",
                       r.site.services[s].name, number(v("replicas")), number(v("requests_per_s")),
                       number(v("tokens_in_per_s")), number(v("tokens_out_per_s")),
                       fluid ? "-" : number(v("ttft_p50")) + " / " + number(v("ttft_p99")),
                       fluid ? "mean " + number(1e3 * v("tpot_mean"))
                             : number(1e3 * v("tpot_p50")) + " / " + number(1e3 * v("tpot_p99")),
                       fluid ? "-" : percent(v("good_request_share")));
  }
  return out;
}

/// What each service's tokens cost at the meter, and its solved tasks where a score is known. Empty
/// when it would only repeat the site's figures.
std::string cost_table(const RunReport& r) {
  const auto& services = r.site.services;
  const bool scored = std::any_of(services.begin(), services.end(),
                                  [](const SiteService& s) { return s.score.has_value(); });
  if (services.size() < 2 && !scored) return "";
  std::string out = fmt::format("  {:<14} {:>8} {:>10} {:>9} {:>8}", "service", "J/token",
                                "tok/s/MW", "USD/Mtok", "W/GPU");
  if (scored)
    out += fmt::format("  {:<13} {:>7} {:>8} {:>9} {:>10}", "task", "score", "tok/task", "J/solved",
                       "USD/solved");
  out += "\n";
  for (std::size_t s = 0; s < services.size(); ++s) {
    const auto m = service_metrics(r.site, r.state, s);
    const auto v = [&](const char* name) {
      return has(m, name) ? value_of(m, name) : std::nan("");
    };
    out += fmt::format("  {:<14} {:>8} {:>10} {:>9} {:>8}", services[s].name,
                       number(v("j_per_token")), number(v("tokens_per_s_per_mw")),
                       number(v("usd_per_mtok")), number(v("gpu_power_w")));
    if (services[s].score)
      out += fmt::format("  {:<13} {:>7} {:>8} {:>9} {:>10}", services[s].score->task,
                         percent(v("task_score")), number(v("tokens_per_task")),
                         number(v("j_per_solved_task")), number(v("usd_per_solved_task")));
    out += "\n";
  }
  return out;
}

/// What each service's iterations waited for, the regime first.
std::string regime_lines(const RunReport& r) {
  std::string out;
  for (std::size_t s = 0; s < r.site.services.size(); ++s) {
    const auto regime =
        regime_of(r.site.services[s].regime, r.state.counts[s], r.state.engines[s].busy_s);
    if (!regime) continue;
    std::vector<Share> parts;
    const auto names = enum_names(Bound{});
    for (std::size_t i = 0; i < names.size(); ++i)
      parts.push_back({names[i], regime->time_shares[i]});
    out += fmt::format("  {} {} waits for {}\n", out.empty() ? "regime  " : "        ",
                       r.site.services[s].name, shares(std::move(parts), 1));
  }
  return out;
}

/// `0.3 s`, or as a clock from a minute on.
std::string length_text(double seconds) {
  return seconds < 60 ? fmt::format("{:g} s", seconds) : clock_text(seconds);
}

/// One line for each event that began.
std::string event_lines(const RunReport& r) {
  std::string out;
  for (const auto& event : r.site.events) {
    if (event.at.ns >= r.state.now) continue;
    out += fmt::format(
        "  {} {} at {}{}: {}\n", out.empty() ? "events  " : "        ",
        underscores_to_spaces(name_of(event.kind)), clock_text(sim::to_seconds(event.at.ns)),
        event.lasting ? " for " + length_text(sim::to_seconds(event.lasting->ns)) : std::string(),
        effect_of(event));
  }
  return out;
}

/// What a reader must not overlook.
std::string warnings(const RunReport& r) {
  std::string out;
  const auto& t = r.state.totals;
  if (t.overloaded_epochs > 0)
    out += fmt::format("  ! an electrical stage carried more than it may in {} of the epochs\n",
                       t.overloaded_epochs);
  if (t.went_dark > 0)
    out += fmt::format("  ! racks went dark {} times; {} rack-hours without power\n", t.went_dark,
                       number(t.dark_rack_s / 3600));
  for (std::size_t n = 0; n < r.state.feeds.size(); ++n)
    if (r.state.feeds[n].opened > 0)
      out += fmt::format("  ! the breaker of {} opened\n", r.site.distribution.name_of(n));
  if (t.shed_racks > 0)
    out += fmt::format(
        "  ! a budget was below the least of all devices: racks switched off {} times, last ranks "
        "first; {} rack-hours, {} tokens late for it\n",
        t.shed_racks, number(t.shed_rack_s / 3600),
        number(static_cast<double>(
            token_ledger(r.state)[static_cast<std::size_t>(TokenOutcome::shed)])));
  if (t.unpromised_decisions > 0)
    out += fmt::format(
        "  ! the envelope cannot be promised: {} of {} decisions needed GPUs below their least "
        "power limit\n",
        t.unpromised_decisions, t.decisions);
  // Controllers in time overshoot a little; that is no fault of the plant's.
  if (t.supply_excess_k > (r.site.plant.on() ? 2 : 0.05))
    out += fmt::format("  ! the plant could not hold the coolant: up to {:.1f} K too warm\n",
                       t.supply_excess_k);
  if (t.throttled_gpu_s > 0)
    out +=
        fmt::format("  ! heat cut clocks from {} on, for {} GPU-hours in all{}\n",
                    clock_text(sim::to_seconds(t.first_throttle)), number(t.throttled_gpu_s / 3600),
                    t.thermal_shutdowns > 0
                        ? fmt::format("; racks switched off for it {} times", t.thermal_shutdowns)
                        : "");
  if (t.supply_raised_s > 0)
    out += fmt::format(
        "  ! the coolant's set point was raised for {} h, to stay above the dew point\n",
        number(t.supply_raised_s / 3600));
  if (t.unmet_air_heat_j > 0) out += "  ! the air side could not take all of the racks' heat\n";
  for (const auto& racks : r.site.racks)
    if (racks.rack.gpus() > 0 && racks.rack.junction_limit.value.value > 0 &&
        t.hottest_junction_c > sim::to_degc(racks.rack.junction_limit.value))
      out += fmt::format("  ! junctions reached {:.1f} degC, above the {:.0f} degC of racks {}\n",
                         t.hottest_junction_c, sim::to_degc(racks.rack.junction_limit.value),
                         racks.name);
  for (std::size_t s = 0; s < r.site.services.size(); ++s) {
    const auto& c = r.state.counts[s];
    if (r.site.cohort.fluid() && flow_waiting(r.state, r.site, s) >= 1)
      out += fmt::format(
          "  ! {}: more comes than its pods complete; tokens and power are those of full pods, and "
          "{} requests wait in a queue that grew\n",
          r.site.services[s].name, number(flow_waiting(r.state, r.site, s)));
    if (c.over_limit_iterations > 0)
      out += fmt::format(
          "  ! {}: {} of {} iterations drew more than their power limit at the lowest clock\n",
          r.site.services[s].name, c.over_limit_iterations, c.iterations);
    if (c.refused > 0)
      out += fmt::format("  ! {}: {} requests refused, longer than a replica's KV cache\n",
                         r.site.services[s].name, c.refused);
  }
  return out;
}

}  // namespace

std::string console_report(const RunReport& r) {
  const auto m = site_metrics(r.site, r.state);
  const auto v = [&](const char* name) { return value_of(m, name); };
  const auto sampled = [&](const char* name) {
    return number(
        *std::find_if(m.begin(), m.end(), [&](const Metric& x) { return x.name == name; }));
  };
  const double simulated = sim::to_seconds(r.state.now - r.from);
  std::string out = fmt::format(
      "{}: {} simulated in {:.1f} s ({} x real time), seed {}, trace hash {:016x}{}\n\n",
      r.site.name, clock_text(simulated), r.wall_s,
      number(r.wall_s > 0 ? simulated / r.wall_s : std::nan("")), r.site.seed,
      trace_hash(r.state).value, r.complete ? "" : "  (INTERRUPTED)");
  if (r.site.cohort.on())
    out += "  fidelity " + fidelity_text(r.site) + (r.site.cohort.fluid() ? "\n" : "; ± is 95 %\n");
  const bool limited = has(m, "envelope_mw");
  if (!r.site.services.empty())
    out += fmt::format(
        "  tokens   {} out/s, {} in/s; {} tokens/s/MW consumed{}\n", sampled("tokens_out_per_s"),
        number(v("tokens_in_per_s")), sampled("tokens_per_s_per_mw"),
        limited ? fmt::format(", {} provisioned", number(v("tokens_per_s_per_provisioned_mw")))
                : "");
  if (!r.site.jobs.empty())
    out +=
        fmt::format("  training {} tokens/s kept, {} tokens/MWh at the meter; effective {:.1f} %\n",
                    number(v("trained_tokens_per_s")), number(v("trained_tokens_per_mwh")),
                    100 * v("training_effective_share"));
  out += fmt::format("  power    mean {} MW, peak {} MW", sampled("mean_power_mw"),
                     number(v("peak_power_mw")));
  if (limited)
    out += fmt::format("; limit {} MW, above it for {} s", number(v("envelope_mw")),
                       number(v("time_above_limit")));
  out += fmt::format("\n  energy   {} J/token at the meter, {} MWh; PUE {:.3f}, TUE {:.3f}\n",
                     sampled("j_per_token"), sampled("energy_mwh"), v("pue"), v("tue"));
  const auto mean_mw = [&](const char* energy) {
    return number(v("simulated") > 0 ? v(energy) * 3600 / v("simulated") : 0);
  };
  out += fmt::format("  meters   GPU boards {} MW, behind the racks' supplies {}, before them {}\n",
                     mean_mw("gpu_energy_mwh"), mean_mw("dc_energy_mwh"), mean_mw("it_energy_mwh"));
  if (has(m, "usd_per_mtok")) {
    out += fmt::format("  cost     {} USD/Mtok: capital {}, energy {}, demand {}, other {}\n",
                       sampled("usd_per_mtok"), number(v("usd_per_mtok_capital")),
                       number(v("usd_per_mtok_energy")), number(v("usd_per_mtok_demand")),
                       number(v("usd_per_mtok_other")));
    if (has(m, "revenue_usd_per_mw_h"))
      out += fmt::format("  revenue  {} USD per MW and hour, cost {}\n",
                         number(v("revenue_usd_per_mw_h")), number(v("cost_usd_per_mw_h")));
  }
  const CoolingTotals& plant = r.state.totals.cooling;
  out += fmt::format(
      "  plant    fans {} kW, pumps {} kW, trim chillers {} kW, air side {} kW; outdoor air not "
      "enough for {} h{}\n",
      number(v("rejection_fan_kw")), number(v("pump_kw")), number(v("trim_kw")),
      number(v("air_side_kw")), number(v("trim_hours")),
      plant.reuse_heat > 0 ? fmt::format("; ERF {:.3f}, ERE {:.3f}", v("erf"), v("ere")) : "");
  const bool chips = !std::isnan(v("mean_junction_degc"));
  out += fmt::format(
      "  heat     coolant {:.1f} degC at most{}, water {} L/kWh\n\n",
      sim::to_degc(r.site.cooling.supply) + v("supply_excess_k"),
      chips ? fmt::format(", hottest rack's GPUs {:.1f} degC", v("hottest_junction_degc")) : "",
      number(v("wue_l_per_kwh")));
  if (!r.site.services.empty()) out += service_table(r) + "\n";
  if (const std::string costs = cost_table(r); !costs.empty()) out += costs + "\n";
  out += "  joules   " + energy_line(r.state) + "\n";
  if (!r.site.services.empty()) out += "  tokens   " + token_line(r.state) + "\n";
  out += regime_lines(r);
  out += event_lines(r);
  const std::string notes = warnings(r);
  if (!notes.empty()) out += "\n" + notes;
  if (!r.path.empty()) out += "\n  wrote    " + r.path + "\n";
  return out;
}

std::string json_report(const RunReport& r) {
  using nlohmann::ordered_json;
  const auto metrics = [](const std::vector<Metric>& list) {
    ordered_json j = ordered_json::object();
    for (const auto& m : list) {
      // JSON has no NaN: a figure without meaning is null.
      ordered_json value = std::isfinite(m.value) ? ordered_json(m.value) : ordered_json(nullptr);
      j[m.name] = {{"value", std::move(value)}, {"unit", m.unit}};
      if (std::isfinite(m.half_width)) j[m.name]["half_width_95"] = m.half_width;
    }
    return j;
  };
  ordered_json j;
  j["name"] = r.site.name;
  j["complete"] = r.complete;
  j["seed"] = r.site.seed;
  j["fidelity"] = {{"mode", r.site.cohort.fluid() ? "fluid"
                            : r.site.cohort.on()  ? "cohort"
                                                  : "request"},
                   {"text", fidelity_text(r.site)},
                   {"pods", r.site.pods.size()},
                   {"simulated_pods", simulated_pods(r.site)}};
  j["trace_hash"] = fmt::format("{:016x}", trace_hash(r.state).value);
  j["wall_s"] = r.wall_s;
  j["file"] = r.path;
  j["summary"] = metrics(site_metrics(r.site, r.state));
  for (std::size_t s = 0; s < r.site.services.size(); ++s) {
    j["services"][r.site.services[s].name] = metrics(service_metrics(r.site, r.state, s));
    if (const auto regime =
            regime_of(r.site.services[s].regime, r.state.counts[s], r.state.engines[s].busy_s))
      j["regimes"][r.site.services[s].name] =
          enum_names(regime->bound)[static_cast<std::size_t>(regime->bound)];
  }
  const auto purposes_names = enum_names(Purpose{});
  for (std::size_t i = 0; i < purposes; ++i)
    j["ledger"]["energy_j"][purposes_names[i]] = r.state.ledger.by_purpose[i].value();
  const auto outcomes = token_ledger(r.state);
  const auto outcome_names = enum_names(TokenOutcome{});
  for (std::size_t i = 0; i < token_outcomes; ++i)
    j["ledger"]["output_tokens"][outcome_names[i]] = outcomes[i];
  return j.dump(2) + "\n";
}

}  // namespace mw::analysis
