#include "models/site/availability.hpp"

#include <algorithm>

#include "sim/fixed.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

PodCounts scaled(const PodCounts& counts, std::int64_t by, std::int64_t of) {
  std::vector<std::int64_t> parts;
  describe(counts, [&](const char*, const std::int64_t& field, const sim::About&) {
    parts.push_back(sim::mul_div_floor(field, by, of));
  });
  PodCounts out;
  std::size_t i = 0;
  describe(out, [&](const char*, std::int64_t& field, const sim::About&) { field = parts[i++]; });
  return out;
}

std::int64_t lost_tokens(const PodCounts& c) {
  return c.lost_kv_memory + c.lost_cap + c.lost_queue + c.lost_heat + c.lost_failure + c.lost_grid +
         c.lost_shed;
}

}  // namespace

std::int32_t ceiling_level(const StepTable& table, double clock_ceiling) {
  for (int level = 0; level + 1 < table.levels(); ++level)
    if (table.clock_ratio(level) <= clock_ceiling) return level;
  return table.levels() - 1;
}

void apply_rack_states(SiteState& state, const SiteParameters& site, SiteEpoch& epoch) {
  const auto& racks = state.rack_states;
  epoch.rack_off.clear();
  epoch.replica_off.clear();
  const bool disturbed =
      !std::all_of(racks.begin(), racks.end(), [](const RackState& r) { return r.undisturbed(); });
  if (!disturbed && !state.disturbed) return;
  state.disturbed = disturbed;

  if (std::any_of(racks.begin(), racks.end(), [](const RackState& r) { return !r.on(); })) {
    for (const RackState& rack : racks) epoch.rack_off.push_back(rack.powered() ? 0 : 1);
    for (const PodParameters& pod : site.pods)
      epoch.replica_off.emplace_back(idx(pod.replicas), Outage::none);
  }
  for (PodState& pod : state.pods)
    for (ReplicaState& replica : pod.replicas) {
      replica.outage = Outage::none;
      replica.ceiling_level = 0;
    }
  for (const GpuGroup& g : state.allocation) {
    if (g.use != GpuUse::serving) continue;
    const RackState& rack = racks[idx(g.rack)];
    if (!rack.on()) {
      Outage& off = epoch.replica_off[idx(g.pod)][idx(g.replica)];
      if (off == Outage::none) off = rack.outage();
    }
    const std::int32_t pod = state_of_pod(site, g.pod);
    if (pod < 0) continue;  // follows another
    ReplicaState& replica = state.pods[idx(pod)].replicas[idx(g.replica)];
    if (replica.outage == Outage::none) replica.outage = rack.outage();
    replica.ceiling_level = std::max(
        replica.ceiling_level, ceiling_level(*site.pods[idx(g.pod)].table, rack.clock_ceiling));
  }
}

double share_on(const SiteParameters& site, const SiteEpoch& epoch, std::int32_t i) {
  if (epoch.replica_off.empty()) return 1;
  std::int64_t all = 0, on = 0;
  for (std::size_t p = 0; p < site.pods.size(); ++p) {
    if (site.cohort.leader[p] != i) continue;
    all += site.pods[p].replicas;
    on += std::count(epoch.replica_off[p].begin(), epoch.replica_off[p].end(), Outage::none);
  }
  return static_cast<double>(on) / static_cast<double>(all);
}

void leave_out_off(PodSeen& seen, const std::vector<Outage>& off, int bins, sim::Time length,
                   bool lost, PodPast& out) {
  const auto n = static_cast<std::int64_t>(off.size());
  const std::int64_t on = std::count(off.begin(), off.end(), Outage::none);
  if (on == n) return;
  const PodCounts whole = *seen.counts;
  std::vector<std::int64_t> energy(seen.energy_nj, seen.energy_nj + idx(n) * idx(bins));
  std::int64_t all_nj = 0, kept_nj = 0;
  for (std::size_t r = 0; r < off.size(); ++r)
    for (std::size_t b = 0; b < idx(bins); ++b) {
      std::int64_t& nj = energy[r * idx(bins) + b];
      all_nj += nj;
      if (off[r] != Outage::none) nj = 0;
      kept_nj += nj;
    }

  PodCounts c = scaled(whole, on, n);
  c.unavailable_ps = whole.unavailable_ps + (n - on) * length * 1000;
  c.prefill_nj = all_nj > 0 ? sim::mul_div_floor(whole.prefill_nj, kept_nj, all_nj) : 0;
  c.decode_nj = all_nj > 0 ? sim::mul_div_floor(whole.decode_nj, kept_nj, all_nj) : 0;
  c.idle_nj = kept_nj - c.prefill_nj - c.decode_nj;
  if (lost) {
    c.arrivals = whole.arrivals;
    c.arrived_prompt_tokens = whole.arrived_prompt_tokens;
    c.arrived_output_tokens = whole.arrived_output_tokens;
    c.refused = whole.refused + whole.completed - c.completed;
    c.refused_context = whole.refused_context;
    c.refused_prompt_tokens =
        whole.refused_prompt_tokens + whole.completed_prompt_tokens - c.completed_prompt_tokens;
    c.refused_output_tokens =
        whole.refused_output_tokens + whole.completed_output_tokens - c.completed_output_tokens;
  } else {
    // Parts of sums are sums of parts.
    const auto more = [&](std::int64_t arrived, std::int64_t completed, std::int64_t refused) {
      return sim::mul_div_floor(arrived - completed - refused, on, n);
    };
    c.arrivals = c.completed + c.refused + more(whole.arrivals, whole.completed, whole.refused);
    c.arrived_prompt_tokens = c.completed_prompt_tokens + c.refused_prompt_tokens +
                              more(whole.arrived_prompt_tokens, whole.completed_prompt_tokens,
                                   whole.refused_prompt_tokens);
    c.arrived_output_tokens = c.completed_output_tokens + c.refused_output_tokens +
                              more(whole.arrived_output_tokens, whole.completed_output_tokens,
                                   whole.refused_output_tokens);
  }
  const std::int64_t rest =
      c.completed_output_tokens + c.refused_output_tokens - c.slo_good_tokens - lost_tokens(c);
  const Outage cause =
      *std::find_if(off.begin(), off.end(), [](Outage o) { return o != Outage::none; });
  std::int64_t& by_outage = cause == Outage::failure ? c.lost_failure
                            : cause == Outage::heat  ? c.lost_heat
                            : cause == Outage::shed  ? c.lost_shed
                                                     : c.lost_grid;
  (!lost && whole.slo_good_tokens > 0 ? c.slo_good_tokens : by_outage) += rest;

  out.energy_nj = std::move(energy);
  out.counts = c;
  seen = {out.energy_nj.data(), &out.counts};
}

}  // namespace mw::models
