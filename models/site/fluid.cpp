#include "models/site/fluid.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "models/site/availability.hpp"
#include "models/site/epoch.hpp"
#include "sim/fixed.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

/// Amounts that grow by fractions, handed out whole: what is owed is carried over.
class Wholes {
 public:
  explicit Wholes(std::span<double> carry) : carry_(carry) {}
  std::int64_t take(double amount) {
    double& owed = carry_[next_++];
    owed += std::max(amount, 0.0);
    const double whole = std::floor(owed);
    owed -= whole;
    return static_cast<std::int64_t>(whole);
  }

 private:
  std::span<double> carry_;
  std::size_t next_ = 0;
};

std::int64_t whole(double x) {
  return static_cast<std::int64_t>(std::floor(x));
}

/// Energy over replicas and bins by cumulative floors: they sum to the whole.
void spread(PodEpoch& epoch, std::int64_t nj, int replicas) {
  for (int r = 0; r < replicas; ++r) {
    const std::int64_t own =
        sim::mul_div_floor(nj, r + 1, replicas) - sim::mul_div_floor(nj, r, replicas);
    std::int64_t before = 0;
    for (int b = 0; b < epoch.bins; ++b) {
      const sim::Time end = std::min(epoch.end, epoch.start + (b + 1) * epoch.sub_step);
      const std::int64_t until =
          sim::mul_div_floor(own, end - epoch.start, epoch.end - epoch.start);
      epoch.energy_nj[idx(r) * idx(epoch.bins) + idx(b)] = until - before;
      before = until;
    }
  }
}

/// Sum over the pods of a service of `of` their leader's flow.
template <class Of>
double over_pods(const SiteState& state, const SiteParameters& site, std::size_t service,
                 const Of& of) {
  double sum = 0;
  for (std::size_t p = 0; p < site.pods.size(); ++p)
    if (idx(site.service_of_pod[p]) == service) sum += of(state.flows[idx(site.cohort.leader[p])]);
  return sum;
}

}  // namespace

void let_flow(SiteParameters& site) {
  sample_pods(site, {.share = 0, .least = 1, .window = sim::Duration{0}});
  site.cohort.flows.clear();
  for (const std::int32_t pod : site.cohort.sampled)
    site.cohort.flows.push_back(
        flow_request(site.services[idx(site.service_of_pod[idx(pod)])].front, site.pods[idx(pod)]));
}

std::vector<FlowState> initial_flows(const SiteParameters& site) {
  return std::vector<FlowState>(site.cohort.flows.size());
}

void flow_pods(SiteState& state, const SiteParameters& site, SiteEpoch& epoch) {
  const std::size_t n = site.cohort.flows.size();
  const double seconds = epoch.seconds();
  epoch.pods.resize(n);
  epoch.flows.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    const PodParameters& pod = site.pods[simulated_pod(site, i)];
    const SiteService& service = site.services[idx(site.service_of_pod[simulated_pod(site, i)])];
    const FlowRequest& request = site.cohort.flows[i];
    FlowState& flow = state.flows[i];
    // As if all replicas of the stratum were on, under what then comes to those that are: each pod
    // has its part of it (see_pods). Where none is on, all waits.
    const double on = share_on(site, epoch, static_cast<std::int32_t>(i));
    const double among = on > 0 ? on : 1;
    flow.waiting *= flow.among / among;
    flow.among = among;
    const double share = double{1} * pod.replicas / service.replicas / among;
    const double arriving = share * request.rate.mean(epoch.start, epoch.end);
    const double fitting = arriving * request.fits;

    std::int64_t limit = no_power_limit;
    std::int32_t ceiling = 0;
    for (const auto& replica : state.pods[i].replicas) {
      limit = std::min(limit, replica.power_limit_mw);
      ceiling = std::max(ceiling, replica.ceiling_level);
    }
    KnownFlow& known = epoch.flows[i];
    const double rate = fitting + flow.waiting / seconds;
    // Beyond its capacity a pod flows at that, however much more comes.
    const bool as_before =
        known.rate == rate || std::min(known.rate, rate) >= known.steady.capacity;
    if (known.rate < 0 || known.limit_mw != limit || known.ceiling != ceiling || !as_before)
      known = {rate, limit, ceiling, steady_pod(pod, request, rate, limit, ceiling)};
    const SteadyPod& steady = on > 0 ? known.steady : SteadyPod{};

    const double before = flow.waiting;
    flow.waiting =
        rate < steady.capacity
            ? 0
            : std::max(0.0, before + (fitting - std::min(steady.capacity, rate)) * seconds);
    const double completed = rate * seconds - flow.waiting;
    flow.request_s += steady.running * seconds;

    begin_epoch(epoch.pods[i], pod.replicas, epoch.start, epoch.end, site.sub_step);
    epoch.pods[i].latencies = nullptr;
    PodCounts& c = epoch.pods[i].counts;
    if (on == 0) c.unavailable_ps = pod.replicas * (epoch.end - epoch.start) * 1000;
    Wholes of(flow.carry);
    const double refused = arriving * (1 - request.fits) * seconds;
    c.refused = of.take(refused);
    c.refused_prompt_tokens =
        of.take(arriving * (request.all_prompt - request.fits * request.prompt) * seconds);
    c.refused_output_tokens =
        of.take(arriving * (request.all_output - request.fits * request.output) * seconds);
    c.completed = c.admitted = of.take(completed);
    c.completed_prompt_tokens = c.prompt_tokens = of.take(completed * request.prompt);
    c.completed_output_tokens = c.output_tokens = of.take(completed * request.output);
    c.iterations = of.take(steady.iterations * seconds);
    c.capped_iterations = of.take(steady.capped * seconds);
    c.heated_iterations = of.take(steady.heated * seconds);
    c.busy_ps = of.take(steady.busy * seconds * 1e12);
    c.prefill_nj = of.take(steady.prefill_w * seconds * 1e9);
    c.decode_nj = of.take(steady.decode_w * seconds * 1e9);
    c.idle_nj = of.take(steady.idle_w * seconds * 1e9);
    // What came is what left and what waits, to the request and the token.
    const auto more = [&](double each) {
      return whole(flow.waiting * each) - whole(before * each);
    };
    c.arrivals = c.completed + c.refused + more(1);
    c.arrived_prompt_tokens =
        c.completed_prompt_tokens + c.refused_prompt_tokens + more(request.prompt);
    c.arrived_output_tokens =
        c.completed_output_tokens + c.refused_output_tokens + more(request.output);

    c.lost_kv_memory = c.refused_output_tokens;
    const bool slow = pod.slo.tpot && steady.per_token > pod.slo.tpot->value;
    if (slow) c.slo_missed_tpot = c.completed;
    if (flow.waiting == 0 && !slow) {
      c.slo_good_requests = c.completed;
      c.slo_good_tokens = c.completed_output_tokens;
    } else {
      (steady.capped > 0   ? c.lost_cap
       : steady.heated > 0 ? c.lost_heat
                           : c.lost_queue) += c.completed_output_tokens;
    }
    c.running = std::llround(steady.running);
    c.waiting = whole(flow.waiting);
    c.kv_blocks_total = kv_blocks(pod.engine, *pod.table) * pod.replicas;
    c.kv_blocks_used = std::min<std::int64_t>(
        c.kv_blocks_total, std::llround(steady.running * request.context / pod.engine.block_size));
    spread(epoch.pods[i], c.prefill_nj + c.decode_nj + c.idle_nj, pod.replicas);
  }
}

double flow_per_token(const SiteState& state, const SiteParameters& site, std::size_t service) {
  return over_pods(state, site, service, [](const FlowState& f) { return f.request_s; }) /
         static_cast<double>(state.counts[service].output_tokens);
}

double flow_waiting(const SiteState& state, const SiteParameters& site, std::size_t service) {
  return over_pods(state, site, service, [](const FlowState& f) { return f.waiting; });
}

}  // namespace mw::models
