#include "models/site/cohort.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "models/site/availability.hpp"
#include "models/site/epoch.hpp"
#include "models/site/epoch_bins.hpp"
#include "sim/fixed.hpp"
#include "sim/index.hpp"
#include "sim/random.hpp"

namespace mw::models {
namespace {

using sim::idx;

// Entities of draws that belong to no service: those count from 0.
constexpr std::uint32_t cohort_entity = 0xc0c0c0c0;
enum CohortStream : std::uint32_t { order_stream, lag_stream };

/// The window that a scenario does not set. Lags that are long against the time over which a pod's
/// power forgets itself make followers independent; under moving limits they echo what limits did.
sim::Time default_window(const SiteParameters& site) {
  constexpr sim::Time usual = 600 * sim::second;
  // Lags are whole steps: within fewer than ten, followers would be copies.
  const sim::Time least = 10 * site.step;
  if (site.control.policy == PowerPolicy::none || !std::isfinite(site.envelope_w))
    return std::max(usual, least);
  return std::max(least,
                  std::min(usual, 10 * sim::from_seconds(decision_interval(site.control).value)));
}

/// Parts of a whole that add up to it: the part between two moments of [start, end).
std::int64_t part(std::int64_t whole, sim::Time start, sim::Time end, sim::Time from,
                  sim::Time to) {
  return sim::mul_div_floor(whole, to - start, end - start) -
         sim::mul_div_floor(whole, from - start, end - start);
}

/// Of two kinds of pods (service, hardware, minus replicas), the larger first.
bool of_one_stratum(const std::tuple<std::int32_t, std::int32_t, int>& larger,
                    const std::tuple<std::int32_t, std::int32_t, int>& smaller) {
  return std::get<0>(larger) == std::get<0>(smaller) &&
         std::get<1>(larger) == std::get<1>(smaller) &&
         16 * std::get<2>(smaller) <= 15 * std::get<2>(larger);
}

void clear_levels(PodCounts& c) {
  c.running = c.waiting = c.kv_blocks_used = c.kv_blocks_total = 0;
}

/// The epoch's counts between two of its moments. Energies follow the energy spent by then, so that
/// they sum to the same as the bins; everything else follows time.
PodCounts part_of_counts(const PodCounts& c, const PastEpoch& e, sim::Time from, sim::Time to,
                         std::int64_t spent_before, std::int64_t spent) {
  PodCounts p;
  std::vector<std::int64_t> parts;
  describe(c, [&](const char*, const std::int64_t& field, const sim::About&) {
    parts.push_back(part(field, e.start, e.end, from, to));
  });
  std::size_t i = 0;
  describe(p, [&](const char*, std::int64_t& field, const sim::About&) { field = parts[i++]; });
  const std::int64_t all = c.prefill_nj + c.decode_nj + c.idle_nj;
  const auto share = [&](std::int64_t whole) {
    return all > 0 ? sim::mul_div_floor(whole, spent_before + spent, all) -
                         sim::mul_div_floor(whole, spent_before, all)
                   : 0;
  };
  p.prefill_nj = share(c.prefill_nj);
  p.decode_nj = share(c.decode_nj);
  p.idle_nj = spent - p.prefill_nj - p.decode_nj;
  p.running = c.running;
  p.waiting = c.waiting;
  p.kv_blocks_used = c.kv_blocks_used;
  p.kv_blocks_total = c.kv_blocks_total;
  return p;
}

}  // namespace

std::string fidelity_text(const SiteParameters& site) {
  std::string out = "every request";
  if (site.cohort.fluid()) {
    out = fmt::format(
        "fluid: rates of {} kinds of pods in steady flow, for {} pods; no requests, so no "
        "latencies "
        "but their mean, and no peaks of chance",
        site.cohort.flows.size(), site.pods.size());
  } else if (site.cohort.on()) {
    const auto pods = site.pods.size(), sampled = site.cohort.sampled.size();
    out = fmt::format("cohort: every request of {} pods of {} ({:.3g} %)", sampled, pods,
                      100 * static_cast<double>(sampled) / static_cast<double>(pods));
    if (sampled < pods)
      out += fmt::format("; the others follow them, up to {:g} s behind",
                         sim::to_seconds(site.cohort.window));
  }
  if (!site.cohort.why.empty()) out += " (" + site.cohort.why + ")";
  if (site.long_steps)
    out += fmt::format(
        "; steps of {:g} s and power on a grid of {:g} s, as nobody controls (site.physics_step, "
        "site.sub_step)",
        sim::to_seconds(site.step), sim::to_seconds(site.sub_step));
  return out;
}

std::size_t simulated_pods(const SiteParameters& site) {
  return site.cohort.on() ? site.cohort.sampled.size() : site.pods.size();
}
std::size_t simulated_pod(const SiteParameters& site, std::size_t i) {
  return site.cohort.on() ? idx(site.cohort.sampled[i]) : i;
}

std::int32_t state_of_pod(const SiteParameters& site, std::int32_t pod) {
  if (!site.cohort.on()) return pod;
  const std::int32_t leader = site.cohort.leader[idx(pod)];
  return site.cohort.sampled[idx(leader)] == pod ? leader : -1;
}

void sample_pods(SiteParameters& site, const CohortParameters& how) {
  Cohort cohort;
  cohort.why = site.cohort.why;
  const sim::Time asked = how.window ? how.window->ns : default_window(site);
  cohort.window = asked / site.step * site.step;

  // The rack of a pod's first row tells its hardware.
  std::vector<std::int32_t> group(site.pods.size(), -1);
  for (const auto& row : site.placement)
    if (row.use == GpuUse::serving && group[idx(row.pod)] < 0)
      group[idx(row.pod)] = site.group_of_rack[idx(row.rack)];
  // Kinds of pods: their leaders must have the same replicas. By service and hardware, the largest
  // pods first.
  std::map<std::tuple<std::int32_t, std::int32_t, int>, std::vector<std::int32_t>> kinds;
  for (std::size_t p = 0; p < site.pods.size(); ++p)
    kinds[{site.service_of_pod[p], group[p], -site.pods[p].replicas}].push_back(
        static_cast<std::int32_t>(p));

  // Of each kind the pods are put in an order by chance; the first are simulated, the others are
  // dealt to them in turn.
  const auto by_chance = [&](std::int32_t pod) {
    return sim::bits({site.seed, cohort_entity, order_stream}, static_cast<std::uint64_t>(pod))
        .first;
  };
  std::vector<std::int32_t> leader_pod(site.pods.size());
  std::map<std::int32_t, std::int32_t> stratum_of;
  cohort.lag.assign(site.pods.size(), 0);
  const auto slots = static_cast<double>(cohort.window / site.step);
  for (auto first = kinds.begin(), next = first; first != kinds.end(); first = next) {
    // A stratum is what differs by a replica or so: then pods of one size tell how those of the
    // other differ, too.
    std::size_t alike = 0;
    for (; next != kinds.end() && of_one_stratum(first->first, next->first); ++next)
      alike += next->second.size();
    const auto share = static_cast<std::size_t>(std::ceil(how.share * static_cast<double>(alike)));
    const std::size_t wanted = std::max(share, idx(how.least));
    // Each kind its share, but two at least, so that there is one to follow where the other is
    // struck by a fault; the most numerous what these leave.
    const std::size_t fewest = idx(std::min(how.least, 2));
    const auto most = std::max_element(first, next, [](const auto& a, const auto& b) {
      return a.second.size() < b.second.size();
    });
    const auto its_share = [&](const auto& kind) {
      const double part = static_cast<double>(kind.second.size()) / static_cast<double>(alike);
      return std::min(kind.second.size(),
                      std::max(fewest, idx(std::llround(static_cast<double>(wanted) * part))));
    };
    std::size_t left = wanted;
    for (auto kind = first; kind != next; ++kind)
      if (kind != most) left -= std::min(left, its_share(*kind));
    for (auto kind = first; kind != next; ++kind) {
      auto& pods = kind->second;
      std::sort(pods.begin(), pods.end(), [&](std::int32_t a, std::int32_t b) {
        return std::pair(by_chance(a), a) < std::pair(by_chance(b), b);
      });
      const std::size_t n =
          kind == most ? std::min(pods.size(), std::max(fewest, left)) : its_share(*kind);
      for (std::size_t i = 0; i < pods.size(); ++i) {
        const std::size_t l = i % n;
        leader_pod[idx(pods[i])] = pods[l];
        if (i < n) {
          cohort.sampled.push_back(pods[i]);
          stratum_of[pods[i]] = static_cast<std::int32_t>(cohort.strata_pods.size());
          continue;
        }
        if (slots < 1) continue;
        // Followers of one pod share the window out among them: no two at nearly the same distance.
        const auto followers = static_cast<double>((pods.size() - 1 - l) / n);
        const auto rank = static_cast<double>(i / n - 1);
        const double u = sim::uniform({site.seed, cohort_entity, lag_stream},
                                      static_cast<std::uint64_t>(pods[i]));
        const double slot = std::min(slots - 1, std::floor((rank + u) / followers * slots));
        cohort.lag[idx(pods[i])] = (1 + static_cast<sim::Time>(slot)) * site.step;
      }
    }
    cohort.strata_pods.push_back(static_cast<std::int32_t>(alike));
  }
  std::sort(cohort.sampled.begin(), cohort.sampled.end());
  for (const std::int32_t pod : cohort.sampled) cohort.stratum.push_back(stratum_of[pod]);
  for (const std::int32_t pod : leader_pod)
    cohort.leader.push_back(static_cast<std::int32_t>(
        std::lower_bound(cohort.sampled.begin(), cohort.sampled.end(), pod) -
        cohort.sampled.begin()));

  std::size_t next = 0;
  for (auto& service : site.services) {
    std::vector<std::int32_t> kept;
    for (; next < cohort.sampled.size() && cohort.sampled[next] < service.first_pod + service.pods;
         ++next)
      kept.push_back(cohort.sampled[next] - service.first_pod);
    service.front = keep_pods(service.front, kept);
  }
  site.cohort = std::move(cohort);
}

CohortState initial_cohort(const SiteParameters& site) {
  CohortState state;
  state.groups.resize(site.cohort.sampled.size());
  state.engines.resize(site.cohort.sampled.size());
  state.latencies.resize(site.cohort.sampled.size());
  return state;
}

void cut_past(std::span<const PastEpoch* const> past, std::size_t pod, std::size_t replicas,
              sim::Time from, sim::Time to, sim::Time sub_step, PodPast& out) {
  const auto bins = static_cast<std::size_t>((to - from + sub_step - 1) / sub_step);
  out.energy_nj.assign(replicas * bins, 0);
  out.counts = {};
  for (const PastEpoch* e : past) {
    const sim::Time first = std::max(from, e->start), last = std::min(to, e->end);
    if (first >= last) continue;
    const PodPast& was = e->pods[pod];
    const auto was_bins = static_cast<std::size_t>((e->end - e->start + sub_step - 1) / sub_step);
    std::int64_t before = 0, spent = 0;
    for (std::size_t b = 0; b < was_bins; ++b) {
      const sim::Time bin = e->start + static_cast<sim::Time>(b) * sub_step;
      const sim::Time bin_end = std::min(e->end, bin + sub_step);
      if (bin >= last) break;
      for (std::size_t r = 0; r < replicas; ++r) {
        const std::int64_t whole = was.energy_nj[r * was_bins + b];
        if (bin < first) before += part(whole, bin, bin_end, bin, std::min(first, bin_end));
        for (sim::Time x = std::max(first, bin), y = 0; x < std::min(last, bin_end); x = y) {
          const auto target = static_cast<std::size_t>((x - from) / sub_step);
          y = std::min({last, bin_end, from + static_cast<sim::Time>(target + 1) * sub_step});
          const std::int64_t nj = part(whole, bin, bin_end, x, y);
          out.energy_nj[r * bins + target] += nj;
          spent += nj;
        }
      }
    }
    clear_levels(out.counts);
    add(out.counts, part_of_counts(was.counts, *e, first, last, before, spent));
  }
}

void see_pods(SiteState& state, const SiteParameters& site, SiteEpoch& epoch) {
  const Cohort& cohort = site.cohort;
  epoch.seen.resize(site.pods.size());
  const auto own = [&](std::size_t i) {
    return PodSeen{epoch.pods[i].energy_nj.data(), &epoch.pods[i].counts};
  };
  if (!cohort.on()) {
    for (std::size_t p = 0; p < site.pods.size(); ++p) epoch.seen[p] = own(p);
    return;
  }
  CohortState& c = state.cohort;
  epoch.cut.resize(site.pods.size());
  for (PodCounts& group : c.groups) clear_levels(group);
  std::vector<const PastEpoch*> over;
  const int bins = bins_of(epoch, site);
  const auto past = [&](std::size_t i) -> const PastEpoch& {
    return c.past[(c.oldest + i) % c.past.size()];
  };
  const auto follow = [&](std::size_t p, std::size_t leader) {
    const sim::Time lag = cohort.lag_at(p, epoch.start);
    if (lag == 0) {
      epoch.seen[p] = own(leader);
    } else {
      const sim::Time from = epoch.start - lag, to = epoch.end - lag;
      std::size_t low = 0;  // the epoch in which `from` lies
      for (std::size_t high = c.past.size(); high - low > 1;) {
        const std::size_t middle = (low + high) / 2;
        (past(middle).start <= from ? low : high) = middle;
      }
      if (past(low).start == from && past(low).end == to) {
        const PodPast& was = past(low).pods[leader];
        epoch.seen[p] = {was.energy_nj.data(), &was.counts};
      } else {
        over.clear();
        for (; low < c.past.size() && past(low).start < to; ++low) over.push_back(&past(low));
        cut_past(over, leader, idx(site.pods[p].replicas), from, to, site.sub_step, epoch.cut[p]);
        epoch.seen[p] = {epoch.cut[p].energy_nj.data(), &epoch.cut[p].counts};
      }
    }
    return epoch.seen[p].counts->unavailable_ps == 0;
  };
  const std::size_t simulated = cohort.sampled.size();
  for (std::size_t p = 0; p < site.pods.size(); ++p) {
    const auto leader = idx(cohort.leader[p]);
    const bool follows = idx(cohort.sampled[leader]) != p;
    if (!follow(p, leader) && follows) {
      // What befell its leader did not befall it: another of the stratum stands in.
      bool found = false;
      for (std::size_t k = 1; k < simulated && !found; ++k) {
        const std::size_t other = (leader + k) % simulated;
        found = cohort.stratum[other] == cohort.stratum[leader] &&
                site.pods[simulated_pod(site, other)].replicas == site.pods[p].replicas &&
                follow(p, other);
      }
      if (!found) follow(p, leader);
    }
    if (!epoch.replica_off.empty() &&
        (cohort.fluid() ? epoch.seen[p].counts->unavailable_ps == 0 : follows))
      leave_out_off(epoch.seen[p], epoch.replica_off[p], bins, epoch.end - epoch.start,
                    !cohort.fluid(), epoch.cut[p]);
    add(c.groups[leader], *epoch.seen[p].counts);
    c.engines[leader].add(*epoch.seen[p].counts);
  }
}

void remember(SiteState& state, const SiteParameters& site, SiteEpoch& epoch) {
  const Cohort& cohort = site.cohort;
  // Nobody falls back to what lies before the end of the first window.
  if (!cohort.on() || cohort.window == 0 || epoch.end <= cohort.window) return;
  CohortState& c = state.cohort;
  std::size_t at = c.oldest;
  if (c.past.empty() || c.past[at].end > epoch.end - cohort.window) {
    c.past.insert(c.past.begin() + static_cast<std::ptrdiff_t>(at), PastEpoch{});
    c.past[at].pods.resize(epoch.pods.size());
  }
  c.oldest = (at + 1) % c.past.size();
  PastEpoch& newest = c.past[at];
  newest.start = epoch.start;
  newest.end = epoch.end;
  for (std::size_t i = 0; i < epoch.pods.size(); ++i) {
    std::swap(newest.pods[i].energy_nj, epoch.pods[i].energy_nj);
    newest.pods[i].counts = epoch.pods[i].counts;
  }
}

Latencies cohort_latencies(const SiteState& state, const SiteParameters& site, std::size_t service,
                           std::int32_t without) {
  const Cohort& cohort = site.cohort;
  std::vector<std::int64_t> pods_of(cohort.sampled.size(), 0);
  for (const std::int32_t leader : cohort.leader) ++pods_of[idx(leader)];
  const std::int32_t thinned = without < 0 ? -1 : cohort.stratum[idx(without)];
  Latencies sum;
  for (std::size_t i = 0; i < cohort.sampled.size(); ++i) {
    const auto pod = idx(cohort.sampled[i]);
    if (idx(site.service_of_pod[pod]) != service || static_cast<std::int32_t>(i) == without)
      continue;
    // Whole weights: all of them times the pods that are left to stand for the stratum.
    const std::int64_t all = without < 0 ? 1 : cohort.strata_pods[idx(thinned)];
    const std::int64_t times = without < 0                    ? 1
                               : cohort.stratum[i] == thinned ? all
                                                              : all - pods_of[idx(without)];
    merge(sum, state.cohort.latencies[i], times * pods_of[i]);
  }
  return sum;
}

}  // namespace mw::models
