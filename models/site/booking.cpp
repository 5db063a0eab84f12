#include "models/site/booking.hpp"

#include <algorithm>
#include <cmath>

#include "models/site/availability.hpp"
#include "sim/index.hpp"

namespace mw::models {

void book(SiteState& state, const SiteParameters& site, SiteEpoch& epoch, const RackSums& mean) {
  const double dt = epoch.seconds();
  std::int64_t prefill = 0, decode = 0, idle = 0;
  for (const auto& s : epoch.services) {
    prefill += s.prefill_nj;
    decode += s.decode_nj;
    idle += s.idle_nj;
  }
  double free_w = 0, training_w = 0;
  for (const auto& g : state.allocation) {
    if (is_off(epoch, g.rack)) continue;
    if (g.use == GpuUse::free)
      free_w +=
          site.group(g.rack).free_gpu_w(state.rack_states[sim::idx(g.rack)].clock_ceiling) * g.gpus;
    else if (g.use == GpuUse::training)
      training_w += site.jobs[sim::idx(g.service)].course->power[sim::idx(g.replica)].mean(
          sim::to_seconds(epoch.start), sim::to_seconds(epoch.end));
    else if (is_stranded(epoch, g))
      free_w += site.group(g.rack).idle_gpu_w() * g.gpus;
  }

  const double prefill_w = static_cast<double>(prefill) * 1e-9 / dt;
  const double decode_w = static_cast<double>(decode) * 1e-9 / dt;
  const double idle_w = static_cast<double>(idle) * 1e-9 / dt + free_w;
  const double working_w = prefill_w + decode_w + training_w;
  const double prefill_other = working_w > 0 ? mean.beside_working * prefill_w / working_w : 0;
  const double training_other = working_w > 0 ? mean.beside_working * training_w / working_w : 0;
  // Without services and jobs nothing tells what a constant load is for.
  const bool idles = site.services.empty() && site.jobs.empty();
  const double unserved = idles ? mean.beside_working : 0;
  const double decode_other = mean.beside_working - prefill_other - training_other - unserved;
  const double beside_idle = mean.beside_idle + unserved;

  auto& p = epoch.purpose;
  const auto set = [&](Purpose which, double w) { p[static_cast<std::size_t>(which)] = w; };
  set(Purpose::prefill, prefill_w + prefill_other);
  set(Purpose::decode, decode_w + decode_other);
  set(Purpose::training, training_w + training_other);
  set(Purpose::ingest, mean.cpu);
  set(Purpose::network, mean.network);
  set(Purpose::storage, mean.storage);
  set(Purpose::idle, idle_w + beside_idle);
  set(Purpose::conversion, epoch.rack_loss + epoch.electrical_loss);
  set(Purpose::pumping, epoch.pumping);
  set(Purpose::heat_rejection, epoch.heat_rejection);
  set(Purpose::lighting, epoch.lighting);
  set(Purpose::measured, mean.measured);
  set(Purpose::stored, epoch.stored);
  set(Purpose::generated, -epoch.generated);

  // The engines' part enters as the integers they are, the rest rounded to the nanojoule.
  state.ledger[Purpose::prefill] += ExactEnergy::of_nj(prefill);
  state.ledger[Purpose::decode] += ExactEnergy::of_nj(decode);
  state.ledger[Purpose::idle] += ExactEnergy::of_nj(idle);
  state.ledger[Purpose::prefill] += ExactEnergy::of_joules(prefill_other * dt);
  state.ledger[Purpose::decode] += ExactEnergy::of_joules(decode_other * dt);
  state.ledger[Purpose::idle] += ExactEnergy::of_joules((free_w + beside_idle) * dt);
  for (const Purpose q :
       {Purpose::training, Purpose::ingest, Purpose::network, Purpose::storage, Purpose::conversion,
        Purpose::pumping, Purpose::heat_rejection, Purpose::lighting, Purpose::measured,
        Purpose::stored, Purpose::generated})
    state.ledger[q] += ExactEnergy::of_joules(p[static_cast<std::size_t>(q)] * dt);

  auto& t = state.totals;
  t.it += ExactEnergy::of_joules(epoch.it * dt);
  t.dc += ExactEnergy::of_joules(mean.dc * dt);
  t.generated += ExactEnergy::of_joules(epoch.generated * dt);
  for (const RackState& rack : state.rack_states)
    if (rack.off_for(OffCause::power)) {
      t.dark_rack_s += dt;
    } else if (!rack.powered()) {
      if (rack.off_for(OffCause::shed)) t.shed_rack_s += dt;
      if (rack.outage() == Outage::parked) t.parked_rack_s += dt;
    }
  t.gpu += ExactEnergy::of_joules(epoch.gpu * dt);
  t.compute += ExactEnergy::of_joules(epoch.compute * dt);
  t.water_m3 += epoch.cooling.water * dt;
  t.hottest_junction_c = std::max(t.hottest_junction_c, epoch.hottest_junction_c);
  t.supply_excess_k = std::max(t.supply_excess_k, epoch.cooling.supply_excess);
  add(t.cooling, epoch.cooling, epoch.hottest_junction_c, dt);
  const HeatBalance& heat = epoch.plant.heat;
  t.cooling.heat_in += heat.racks + heat.pumps;
  t.cooling.stored += heat.stored;
  t.heat_residual_j += std::fabs(heat.residual());
  t.unmet_air_heat_j += epoch.cooling.unmet_air_heat * dt;
  for (std::size_t s = 0; s < epoch.services.size(); ++s) {
    PodCounts& sum = state.counts[s];
    // Levels are not summed over time: the newest stands.
    sum.running = sum.waiting = sum.kv_blocks_used = sum.kv_blocks_total = 0;
    add(sum, epoch.services[s]);
    state.engines[s].add(epoch.services[s]);
  }
}

}  // namespace mw::models
