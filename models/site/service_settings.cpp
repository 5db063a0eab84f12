#include "models/site/service_settings.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/site/availability.hpp"
#include "models/site/epoch.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

enum Setting : std::size_t { seqs_setting, tokens_setting, profile_setting, settings_of_service };
enum BatchPoint : std::size_t { ttft_point, tpot_point, fill_point, points_of_batch };

BatchRange range_of(const SiteParameters& site, std::size_t service) {
  const EngineParameters& engine = site.pods[idx(site.services[service].first_pod)].engine;
  return {{std::min(site.batch.least_seqs, engine.max_num_seqs), engine.max_num_seqs + 1},
          {engine.max_num_seqs, engine.max_num_batched_tokens}};
}

double late(const LogHistogram& seen, const std::optional<sim::Seconds>& promised) {
  constexpr double quantile = 0.95;
  return promised && promised->value > 0 && seen.total > 0
             ? seen.quantile(quantile) / promised->value
             : 0;
}

const PowerProfile& profile_of(const SiteState& state, const SiteParameters& site,
                               std::size_t service) {
  const double set = state.settings[service * settings_of_service + profile_setting].effective;
  return set > 0.5 ? site.profiles.efficient : site.profiles.fast;
}

void apply(SiteState& state, const SiteParameters& site) {
  for (std::size_t s = 0; s < site.services.size(); ++s) {
    const auto set = [&](Setting setting) {
      return static_cast<std::int32_t>(
          std::llround(state.settings[s * settings_of_service + setting].effective));
    };
    for (int i = 0; i < site.services[s].pods; ++i) {
      const auto p = idx(site.services[s].first_pod + i);
      for (ReplicaState& replica : state.pods[p].replicas) {
        if (site.batch.policy != BatchPolicy::none) {
          replica.max_seqs = set(seqs_setting);
          replica.max_tokens = set(tokens_setting);
        }
        if (site.profiles.on())
          replica.requested_level =
              ceiling_level(*site.pods[p].table, profile_of(state, site, s).clock.value);
      }
    }
  }
}

bool on(const SiteParameters& site) {
  return site.batch.policy != BatchPolicy::none || site.profiles.on();
}

void ask(SiteState& state, const SiteParameters& site, std::size_t setting, double value) {
  if (value != state.settings[setting].requested)
    sim::request(state.settings[setting], site.setting_laws[setting], state.now, value);
}

}  // namespace

std::string batch_refusal(const SiteParameters& site) {
  if (site.batch.policy == BatchPolicy::none || !site.cohort.on()) return {};
  return "reads the latencies of every interval, which a cohort does not tell";
}

std::string profile_refusal(const SiteParameters& site) {
  if (!site.profiles.on()) return {};
  const PolicyLaw* law = law_of(site.control.policy);
  if (!law || !law->telemetry || !law->ranks)
    return "reads what groups draw and services earn, which this power policy does not";
  return site.cohort.on() ? "sets every replica, of which a cohort has only some" : "";
}

void wire_settings(SiteParameters& site) {
  if (!on(site)) return;
  const auto law = [&](std::size_t s, const char* quantity, double min, double max) {
    site.setting_laws.push_back({.object = "service/" + site.services[s].name,
                                 .quantity = quantity,
                                 .unit = "1",
                                 .min = min,
                                 .max = max,
                                 .quantum = 1,
                                 .latency = site.control.actuation});
  };
  for (std::size_t s = 0; s < site.services.size(); ++s) {
    const BatchRange range = range_of(site, s);
    law(s, "max_num_seqs", range.least.seqs, range.most.seqs);
    law(s, "max_num_batched_tokens", range.least.tokens, range.most.tokens);
    law(s, "efficient_profile", 0, 1);
  }
  if (site.batch.policy == BatchPolicy::none) return;
  site.batch_points = site.points.size();
  for (const auto& service : site.services)
    for (const char* quantity : {"ttft_lateness", "tpot_lateness", "batch_fill"})
      site.points.push_back({.object = "service/" + service.name,
                             .quantity = quantity,
                             .unit = "1",
                             .period = site.batch.interval,
                             .window = site.batch.interval});
}

void start_settings(SiteState& state, const SiteParameters& site) {
  state.next_batch = sim::from_seconds(site.batch.interval.value);
  if (!on(site)) return;
  for (std::size_t s = 0; s < site.services.size(); ++s) {
    const BatchRange range = range_of(site, s);
    state.settings.push_back(sim::initial_set_point(range.most.seqs));
    state.settings.push_back(sim::initial_set_point(range.most.tokens));
    state.settings.push_back(sim::initial_set_point(0));
  }
  state.profiles.resize(site.services.size());
  state.batch_lateness.assign(2 * site.services.size(), 0);
  apply(state, site);
}

void publish_settings(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch) {
  if (site.batch.policy == BatchPolicy::none) return;
  for (std::size_t s = 0; s < site.services.size(); ++s) {
    const auto put = [&](BatchPoint what, double value) {
      const std::size_t point = site.batch_points + s * points_of_batch + what;
      sim::record(state.points[point], site.points[point],
                  {site.seed, static_cast<std::uint32_t>(point)}, epoch.end, value);
    };
    // An epoch in which nothing ended tells nothing: what the last one told stands.
    const Slo& slo = site.pods[idx(site.services[s].first_pod)].slo;
    double& ttft = state.batch_lateness[2 * s];
    double& tpot = state.batch_lateness[2 * s + 1];
    if (const double told = late(epoch.latencies[s].ttft, slo.ttft); told > 0) ttft = told;
    if (const double told = late(epoch.latencies[s].tpot, slo.tpot); told > 0) tpot = told;
    put(ttft_point, ttft);
    put(tpot_point, tpot);
    const double allowed = site.services[s].replicas *
                           state.settings[s * settings_of_service + seqs_setting].effective;
    put(fill_point, static_cast<double>(epoch.services[s].running) / allowed);
  }
}

void set_batches(SiteState& state, const SiteParameters& site) {
  if (site.batch.policy == BatchPolicy::none || state.now < state.next_batch) return;
  state.next_batch += sim::from_seconds(site.batch.interval.value);
  for (std::size_t s = 0; s < site.services.size(); ++s) {
    const auto reading = [&](BatchPoint what) {
      const std::size_t point = site.batch_points + s * points_of_batch + what;
      return sim::read(state.points[point], site.points[point], state.now);
    };
    if (reading(fill_point).quality == sim::Quality::missing) continue;
    const std::size_t first = s * settings_of_service;
    const BatchSetting now{
        static_cast<std::int32_t>(std::llround(state.settings[first + seqs_setting].effective)),
        static_cast<std::int32_t>(std::llround(state.settings[first + tokens_setting].effective))};
    const BatchSetting next = batch_step(
        site.batch, range_of(site, s),
        {reading(ttft_point).value, reading(tpot_point).value, reading(fill_point).value}, now);
    ask(state, site, first + seqs_setting, next.seqs);
    ask(state, site, first + tokens_setting, next.tokens);
  }
}

void set_profiles(SiteState& state, const SiteParameters& site, const PowerView& seen) {
  if (!site.profiles.on() || state.steering.rooms.empty()) return;
  std::vector<GroupReading> readings = seen.groups;
  std::vector<double> rated;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    const LimitedGpus& gpus = site.limited[i];
    rated.push_back(gpus.gpus * gpus.rated_w);
    const double allowed =
        gpus.gpus * profile_limit_w(state, site, site.steered.service[i], gpus.rated_w);
    readings[i].limit = std::min(readings[i].limit, milliwatts(allowed));
  }
  const PolicyView view{site.control.how,     site.steered.tree.groups, readings,
                        site.steered.service, site.steered.given_rank,  seen.services};
  choose_profiles(site.profiles, view, site.steered.tree, rated, state.steering.rooms, state.now,
                  state.profiles);
  for (std::size_t s = 0; s < state.profiles.size(); ++s)
    ask(state, site, s * settings_of_service + profile_setting,
        state.profiles[s].efficient ? 1 : 0);
}

bool turn_settings(SiteState& state, const SiteParameters& site) {
  bool changed = false;
  for (std::size_t i = 0; i < state.settings.size(); ++i) {
    const double before = state.settings[i].effective;
    sim::advance(state.settings[i], site.setting_laws[i], state.now);
    if (state.settings[i].effective == before) continue;
    changed = true;
    constexpr std::uint32_t setting_effective = 4;  // a kind of control transition
    state.control_hash.fold(state.now, setting_effective, i,
                            static_cast<std::uint64_t>(std::llround(state.settings[i].effective)));
  }
  if (changed) apply(state, site);
  return changed && site.profiles.on();
}

sim::Time next_setting(const SiteState& state) {
  sim::Time next = std::numeric_limits<sim::Time>::max();
  for (const auto& setting : state.settings) next = std::min(next, sim::next_effect(setting));
  return next;
}

double profile_limit_w(const SiteState& state, const SiteParameters& site, std::int32_t service,
                       double rated_w) {
  if (!site.profiles.on() || service < 0) return std::numeric_limits<double>::infinity();
  return rated_w * profile_of(state, site, idx(service)).limit.value;
}

}  // namespace mw::models
