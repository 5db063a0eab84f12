// Cohort: some pods stand for all. What is told of the whole must be right as often as it says.
#include "models/site/cohort.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "models/site/hand_site.hpp"
#include "models/site/summary.hpp"
#include "sim/archive.hpp"
#include "sim/random.hpp"

using namespace mw;
using namespace mw::models;
using models::test::HandSite;
using models::test::run_until;
using sim::millisecond;
using sim::second;

namespace {

/// Forty pods of one replica on twenty racks, at about half of what they can do.
HandSite fleet(std::uint64_t seed = 11) {
  HandSite hand;
  hand.compute_racks = 20;
  hand.chat_replicas = 40;
  hand.chat_replicas_per_pod = 1;
  hand.chat_rate = 40 * 8;
  hand.chat_kv_blocks = 3000;
  hand.chat_cv = 1;
  hand.batch = false;
  hand.duration = 60 * second;
  hand.seed = seed;
  return hand;
}

SiteParameters cohort_of(const HandSite& hand, double share, int least, double window_s) {
  SiteParameters site = hand.build();
  sample_pods(site, {share, least, sim::Duration{sim::from_seconds(window_s)}});
  return site;
}

SiteState run(const SiteParameters& site, int threads = 2) {
  SiteState state = initial_site(site);
  run_until(state, site, site.duration, threads);
  return state;
}

const Metric& metric(const std::vector<Metric>& all, const std::string& name) {
  for (const auto& m : all)
    if (m.name == name) return m;
  throw std::logic_error(name);
}

}  // namespace

TEST_CASE("Every pod of a stratum is simulated, or follows one of its own stratum") {
  HandSite hand = fleet();
  hand.chat_replicas = 37;
  hand.chat_replicas_per_pod = 2;  // 18 pods of two and one of one
  hand.batch = true;
  hand.compute_racks = 22;
  const SiteParameters site = cohort_of(hand, 0.3, 2, 20);
  const Cohort& c = site.cohort;
  REQUIRE(site.pods.size() == 20);
  CHECK(std::accumulate(c.strata_pods.begin(), c.strata_pods.end(), 0) == 20);
  std::vector<int> of_stratum(c.strata_pods.size(), 0);
  for (std::size_t i = 0; i < c.sampled.size(); ++i) {
    ++of_stratum[static_cast<std::size_t>(c.stratum[i])];
    CHECK(c.leader[static_cast<std::size_t>(c.sampled[i])] == static_cast<int>(i));
    CHECK(c.lag[static_cast<std::size_t>(c.sampled[i])] == 0);
  }
  for (std::size_t h = 0; h < of_stratum.size(); ++h) {
    const int pods = c.strata_pods[h];
    CHECK(of_stratum[h] == std::min(pods, std::max(2, (3 * pods + 9) / 10)));
  }
  std::set<std::pair<std::int32_t, sim::Time>> distances;
  for (std::size_t p = 0; p < site.pods.size(); ++p) {
    const auto leader = static_cast<std::size_t>(c.sampled[static_cast<std::size_t>(c.leader[p])]);
    CHECK(site.service_of_pod[leader] == site.service_of_pod[p]);
    CHECK(site.pods[leader].replicas == site.pods[p].replicas);
    CHECK(c.lag[p] >= 0);
    CHECK(c.lag[p] <= 20 * second);
    CHECK(c.lag[p] % second == 0);
    distances.insert({c.leader[p], c.lag[p]});
  }
  CHECK(distances.size() == site.pods.size());  // nobody is another's double
}

// 470 replicas in pods of up to 16 are twenty pods of 16 and ten of 15: one stratum, as they are
// alike to within a sixteenth. A leader still has the very replicas of those that follow it, of
// either size there are two, and together they are no more than the share asks for.
TEST_CASE("Pods that differ by a replica are one stratum, but do not follow each other") {
  HandSite hand = fleet();
  hand.chat_replicas = 470;
  hand.chat_replicas_per_pod = 16;
  hand.compute_racks = 240;
  const SiteParameters site = cohort_of(hand, 0.2, 4, 20);
  const Cohort& c = site.cohort;
  REQUIRE(site.pods.size() == 30);
  CHECK(c.strata_pods == std::vector<std::int32_t>{30});
  CHECK(c.sampled.size() == 6);
  std::map<int, int> sampled;
  for (const std::int32_t pod : c.sampled)
    ++sampled[site.pods[static_cast<std::size_t>(pod)].replicas];
  CHECK(sampled == std::map<int, int>{{15, 2}, {16, 4}});
  for (std::size_t p = 0; p < site.pods.size(); ++p) {
    const auto leader = static_cast<std::size_t>(c.sampled[static_cast<std::size_t>(c.leader[p])]);
    CHECK(site.pods[leader].replicas == site.pods[p].replicas);
  }
}

// All pods sampled: nobody follows, nothing is estimated, and no request is left out.
TEST_CASE("A cohort of all pods is the site itself, bit for bit, and claims no error") {
  const HandSite hand;
  const SiteParameters every = hand.build();
  const SiteParameters cohort = cohort_of(hand, 1, 2, 600);
  REQUIRE(cohort.cohort.sampled.size() == every.pods.size());
  const SiteState a = run(every), b = run(cohort);
  CHECK(trace_hash(a) == trace_hash(b));
  CHECK(sim::save(a.counts) == sim::save(b.counts));
  CHECK(sim::save(a.ledger.by_purpose) == sim::save(b.ledger.by_purpose));
  for (std::size_t s = 0; s < every.services.size(); ++s) {
    CHECK(service_latencies(every, a, s) == service_latencies(cohort, b, s));
    for (const Metric& m : service_metrics(cohort, b, s)) CHECK(std::isnan(m.half_width));
  }
  for (const Metric& m : site_metrics(cohort, b)) CHECK(std::isnan(m.half_width));
}

// Requests of which each is kept with chance p by a draw of its own: the mean count is p times
// that of all, and the excess of the variance over the mean of counts shrinks with p as well:
//   var / mean = 1 + p (D - 1),   D the index of dispersion of all requests.
TEST_CASE("Requests of the sampled pods follow the law of a stream thinned by chance") {
  struct Case {
    double cv;
    std::optional<BurstParameters> bursts;
  };
  const Case cases[] = {{1, {}}, {2, {}}, {0.3, {}}, {2, BurstParameters{4, {5}, {15}}}};
  for (const Case& one : cases) {
    FrontParameters all;
    all.arrivals.rate = {50};
    all.arrivals.cv = one.cv;
    all.arrivals.bursts = one.bursts;
    all.lengths.prompt.fixed = 100;
    all.lengths.output.emplace().fixed = 10;
    all.pod_ends = {1, 2, 3, 4, 5};
    all.seed = 3;
    all.copies = 2;
    const std::int32_t two[] = {1, 4};
    const FrontParameters some = keep_pods(all, two);
    CHECK(some.kept == doctest::Approx(0.4));
    const auto counts = [](const FrontParameters& front) {
      FrontState state = initial_front(front);
      Generation generation;
      std::vector<double> n;
      for (int s = 1; s <= 4000; ++s)
        n.push_back(static_cast<double>(generate(generation, state, front, s * second).all.size()));
      const double mean = std::accumulate(n.begin(), n.end(), 0.0) / 4000;
      double squares = 0;
      for (const double x : n) squares += (x - mean) * (x - mean) / 4000;
      return std::pair(mean, squares / mean);
    };
    const auto [mean_all, dispersion_all] = counts(all);
    const auto [mean_some, dispersion_some] = counts(some);
    INFO("cv ", one.cv, " bursts ", one.bursts.has_value(), " dispersions ", dispersion_all, ", ",
         dispersion_some);
    CHECK(mean_some == doctest::Approx(0.4 * mean_all).epsilon(one.bursts ? 0.06 : 0.02));
    CHECK(dispersion_some ==
          doctest::Approx(1 + 0.4 * (dispersion_all - 1)).epsilon(one.bursts ? 0.15 : 0.08));
  }
}

TEST_CASE("A thinned trace keeps its rows' chances and its order, lap after lap") {
  auto trace = std::make_shared<Trace>();
  for (int i = 0; i < 1000; ++i) trace->rows.push_back({i * millisecond, i + 1, 1});
  trace->period = second;
  FrontParameters all;
  all.trace = trace;
  all.pod_ends = {1, 2, 3, 4};
  all.copies = 3;
  const std::int32_t one[] = {2};
  const FrontParameters some = keep_pods(all, one);
  FrontState state = initial_front(some);
  Generation generation;
  double n = 0, prompts = 0;
  for (int s = 1; s <= 100; ++s)
    for (const Arrival& a : generate(generation, state, some, s * second).all) {
      ++n;
      prompts += a.prompt_tokens;
      CHECK(a.t >= (s - 1) * second);
    }
  // 300,000 rows, a quarter kept: 75,000 within 4 sigma of 237; prompts are 1 to 1000.
  CHECK(std::fabs(n - 75'000) < 4 * 237);
  CHECK(std::fabs(prompts / n - 500.5) < 4 * 289 / std::sqrt(n));
}

// Cut anywhere, parts of the past add up to it: energies to the nanojoule, counts to the last.
TEST_CASE("The past cut anew loses nothing and keeps bins and purposes in step") {
  constexpr sim::Time sub = 100 * millisecond;
  std::vector<PastEpoch> past;
  const sim::Time cuts[] = {0,          700 * millisecond,  second,    1130 * millisecond,
                            2 * second, 2700 * millisecond, 3 * second};
  PodCounts total;
  std::int64_t energy = 0;
  std::uint64_t draw = 0;
  const auto number = [&](double most) {
    return static_cast<std::int64_t>(most * sim::uniform({1, 2, 3}, draw++));
  };
  for (std::size_t e = 0; e + 1 < std::size(cuts); ++e) {
    PastEpoch one{cuts[e], cuts[e + 1], {}};
    PodPast pod;
    const auto bins = static_cast<std::size_t>((one.end - one.start + sub - 1) / sub);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < 2 * bins; ++i) {
      pod.energy_nj.push_back(number(1e12));
      sum += pod.energy_nj.back();
    }
    pod.counts.prefill_nj = sum / 3;
    pod.counts.decode_nj = sum / 2;
    pod.counts.idle_nj = sum - sum / 3 - sum / 2;
    pod.counts.output_tokens = number(1e6);
    pod.counts.arrivals = number(100);
    pod.counts.running = number(100);
    add(total, pod.counts);
    energy += sum;
    one.pods.push_back(std::move(pod));
    past.push_back(std::move(one));
  }
  std::vector<const PastEpoch*> all;
  for (const auto& e : past) all.push_back(&e);
  PodCounts sum;
  std::int64_t spent = 0;
  PodPast out;
  sim::Time from = 0;
  while (from < 3 * second) {
    const sim::Time to = std::min(3 * second, from + 1 + number(9e8));
    cut_past(all, 0, 2, from, to, sub, out);
    const auto bins = std::accumulate(out.energy_nj.begin(), out.energy_nj.end(), std::int64_t{0});
    CHECK(bins == out.counts.prefill_nj + out.counts.decode_nj + out.counts.idle_nj);
    for (const std::int64_t nj : out.energy_nj) CHECK(nj >= 0);
    spent += bins;
    add(sum, out.counts);
    from = to;
  }
  CHECK(out.counts.running == past.back().pods[0].counts.running);  // a level, not a sum
  CHECK(spent == energy);
  CHECK(sum.prefill_nj == total.prefill_nj);
  CHECK(sum.decode_nj == total.decode_nj);
  CHECK(sum.idle_nj == total.idle_nj);
  CHECK(sum.output_tokens == total.output_tokens);
  CHECK(sum.arrivals == total.arrivals);
  // Cut where it was cut, it is what it was.
  cut_past(all, 0, 2, second, 1130 * millisecond, sub, out);
  CHECK(out.energy_nj == past[2].pods[0].energy_nj);
  CHECK(sim::save(out.counts) == sim::save(past[2].pods[0].counts));
}

// After everybody has fallen back a follower's bins are its leader's, `lag` ago; the racks' GPU
// power sums to the engines' energy by purpose, so the ledger closes as it does request by request.
TEST_CASE("Followers echo their leader replica by replica, and the ledger closes") {
  for (const bool controlled : {false, true}) {
    HandSite hand = fleet();
    hand.bare_racks = true;
    if (controlled) {
      hand.policy = PowerPolicy::uniform;
      hand.envelope_w = 100e3;
      hand.interval = sim::Seconds{0.7};
      hand.actuation = sim::Seconds{0.13};
    }
    const SiteParameters site = cohort_of(hand, 0.1, 4, 10);
    REQUIRE(site.cohort.sampled.size() == 4);
    SiteState state = initial_site(site);
    sim::ThreadPool pool(2);
    SiteEpoch epoch;
    std::vector<std::vector<std::int64_t>> seconds(site.cohort.sampled.size());
    double integral = 0;
    while (state.now < site.duration) {
      const SiteState before = state;
      step_epoch(state, site, pool, epoch);
      integral += epoch.meter * epoch.seconds();
      if (controlled) continue;
      // `remember` has moved the leaders' bins: the newest epoch of the past holds them.
      if (state.cohort.past.empty() || epoch.start < 30 * second) continue;
      const auto& ring = state.cohort.past;
      const std::size_t newest = (state.cohort.oldest + ring.size() - 1) % ring.size();
      CHECK(ring[newest].end == epoch.end);
      for (std::size_t p = 0; p < site.pods.size(); ++p) {
        const sim::Time lag = site.cohort.lag[p];
        CHECK(site.cohort.lag_at(p, epoch.start) == lag);
        const auto found = std::find_if(ring.begin(), ring.end(), [&](const PastEpoch& e) {
          return e.start == epoch.start - lag;
        });
        if (found == ring.end()) continue;  // overwritten by this very epoch
        const auto& was = found->pods[static_cast<std::size_t>(site.cohort.leader[p])];
        const std::int32_t rack =
            std::find_if(site.placement.begin(), site.placement.end(), [&](const GpuGroup& g) {
              return g.pod == static_cast<std::int32_t>(p);
            })->rack;
        double others = 0;  // of the rack, in the first sub-step
        for (const auto& g : site.placement) {
          if (g.rack != rack || g.pod == static_cast<std::int32_t>(p)) continue;
          const auto q = static_cast<std::size_t>(g.pod);
          const auto at = std::find_if(ring.begin(), ring.end(), [&](const PastEpoch& e) {
            return e.start == epoch.start - site.cohort.lag[q];
          });
          others =
              at == ring.end()
                  ? std::nan("")
                  : static_cast<double>(
                        at->pods[static_cast<std::size_t>(site.cohort.leader[q])].energy_nj[0]) *
                        1e-8;
        }
        if (std::isnan(others)) continue;
        const double leak = before.leakage_w[static_cast<std::size_t>(rack)] * 8;
        CHECK(epoch.gpu_bins[static_cast<std::size_t>(rack) * 10] ==
              doctest::Approx(static_cast<double>(was.energy_nj[0]) * 1e-8 + others + leak)
                  .epsilon(1e-12));
      }
    }
    PodCounts sum;
    for (const auto& c : state.counts) add(sum, c);
    CHECK(state.ledger[Purpose::prefill] == ExactEnergy::of_nj(sum.prefill_nj));
    CHECK(state.ledger[Purpose::decode] == ExactEnergy::of_nj(sum.decode_nj));
    CHECK(state.ledger.meter().value() == doctest::Approx(integral).epsilon(1e-9));
    PodCounts groups;
    for (const auto& c : state.cohort.groups) add(groups, c);
    CHECK(sim::save(groups) == sim::save(sum));
    if (controlled) CHECK(sum.capped_iterations > 0);
  }
}

TEST_CASE("Any number of threads, and a checkpoint at any moment, give the same bits") {
  HandSite hand = fleet();
  hand.policy = PowerPolicy::uniform;
  hand.envelope_w = 100e3;
  hand.interval = sim::Seconds{0.7};
  hand.actuation = sim::Seconds{0.13};
  const SiteParameters site = cohort_of(hand, 0.1, 4, 10);
  const auto whole = sim::save(run(site, 1));
  CHECK(sim::save(run(site, 2)) == whole);
  CHECK(sim::save(run(site, 3)) == whole);
  for (const sim::Time at : {500 * millisecond, 9 * second, 14 * second, 33 * second}) {
    SiteState state = initial_site(site);
    run_until(state, site, at);
    SiteState other;
    sim::load(other, sim::save(state));
    run_until(other, site, site.duration, 2);
    CHECK(sim::save(other) == whole);
  }
}

namespace {

std::vector<Metric> figures(const SiteParameters& site) {
  const SiteState state = run(site);
  auto m = service_metrics(site, state, 0);
  for (const Metric& one : site_metrics(site, state)) m.push_back(one);
  return m;
}

/// How often intervals of other worlds' cohorts hold the figures of these.
struct Coverage {
  int held = 0, asked = 0;
  double width = 0;  // of the tokens' interval, a part of them; mean
};
/// `part`: n / N of the cohorts.
Coverage coverage(const std::vector<std::vector<Metric>>& truth, double part,
                  const std::function<SiteParameters(std::uint64_t)>& cohort) {
  // By name: tokens_out_per_s stands in both lists; the first is the service's.
  const char* names[] = {"tokens_out_per_s", "tokens_in_per_s", "completed_per_s", "gpu_power_w",
                         "j_per_token",      "ttft_p50",        "tpot_p50",        "energy_mwh"};
  Coverage c;
  std::map<std::string, int> missed;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const auto m = figures(cohort(i));
    for (const char* name : names) {
      const Metric& estimate = metric(m, name);
      REQUIRE(estimate.half_width > 0);
      const double half = estimate.half_width * std::sqrt((1 + part) / (1 - part));
      const double other = metric(truth[i], name).value;
      std::fabs(estimate.value - other) <= half ? ++c.held : ++missed[name];
      ++c.asked;
    }
    const Metric& tokens = metric(m, "tokens_out_per_s");
    c.width += tokens.half_width / tokens.value / static_cast<double>(truth.size());
  }
  std::string misses;
  for (const auto& [name, times] : missed) misses += " " + name + " " + std::to_string(times);
  MESSAGE("n/N = ", part, ": ", c.held, " of ", c.asked, " intervals held; tokens +- ",
          100 * c.width, " %; of ", truth.size(), " missed:", misses);
  return c;
}

}  // namespace

// The interval speaks of the site whose sampled pods got just these requests. A run of every
// request in another world differs by its own chance too:
//   var(estimate - other world) = (1 + n/N) / (1 - n/N) times what the interval is made from.
// So the interval, widened by that, must hold the other world's figure 95 times of 100. (Poisson
// arrivals: swings that all pods share would differ from world to world on top of it.)
TEST_CASE("95 % intervals hold 95 of 100 times, and shrink as 1 / sqrt(n)") {
  constexpr std::uint64_t worlds = 60;
  std::vector<std::vector<Metric>> truth;
  for (std::uint64_t i = 0; i < worlds; ++i) truth.push_back(figures(fleet(1000 + i).build()));
  std::vector<double> spread_of_means;
  for (const int n : {5, 20}) {
    const Coverage c = coverage(truth, n / 40.0, [&](std::uint64_t seed) {
      SiteParameters site = cohort_of(fleet(seed), 0, n, 10);
      REQUIRE(site.cohort.sampled.size() == static_cast<std::size_t>(n));
      return site;
    });
    // The eight figures of a world are not independent; 60 worlds alone would be 3 % apart.
    CHECK(c.held >= 0.91 * c.asked);
    CHECK(c.held <= 0.99 * c.asked);
    spread_of_means.push_back(c.width);
  }
  // s / sqrt(n) x sqrt(1 - n/N) x t: 5 of 40 against 20 of 40.
  const double expected =
      std::sqrt(20.0 / 5) * std::sqrt((1 - 5 / 40.0) / (1 - 20 / 40.0)) * (2.776 / 2.093);
  CHECK(spread_of_means[0] / spread_of_means[1] == doctest::Approx(expected).epsilon(0.15));
}

// Thirty pods, of which those of 15 replicas are told mostly by those of 16: the simulated ones
// stand for unlike numbers of others. The same bounds.
TEST_CASE("95 % intervals hold where pods of two sizes are one stratum") {
  constexpr std::uint64_t worlds = 60;
  const auto two_sizes = [](std::uint64_t seed) {
    HandSite hand = fleet(seed);
    hand.chat_replicas = 455;
    hand.chat_replicas_per_pod = 16;  // 29 pods, 20 of 16 replicas and 9 of 15
    hand.compute_racks = 230;
    hand.chat_rate = 455;
    hand.duration = 40 * second;
    return hand;
  };
  std::vector<std::vector<Metric>> truth;
  for (std::uint64_t i = 0; i < worlds; ++i) truth.push_back(figures(two_sizes(1000 + i).build()));
  const Coverage c = coverage(truth, 4 / 29.0, [&](std::uint64_t seed) {
    SiteParameters site = cohort_of(two_sizes(seed), 0.1, 4, 10);
    REQUIRE(site.cohort.strata_pods == std::vector<std::int32_t>{29});
    return site;
  });
  CHECK(c.held >= 0.91 * c.asked);
  CHECK(c.held <= 0.99 * c.asked);
}

// Forty pods that are one another's shifted past swing as forty do; eight pods scaled by five would
// swing sqrt(5) = 2.2 times as much. Shares of a follower's window overlap a little: the variance
// is 1 + 2 (correlation time) (followers) / window times that of independent pods, here about 1.1.
TEST_CASE("Swings, ramps, P99 and excursions of power are those of the whole site") {
  struct Power {
    double mean = 0, deviation = 0, ramp = 0, p99 = 0, excursions = 0;
  };
  constexpr int worlds = 8;
  double threshold = 0;
  const auto look = [&](const SiteParameters& site) {
    SiteState state = initial_site(site);
    sim::ThreadPool pool(2);
    SiteEpoch epoch;
    std::vector<double> w;
    while (state.now < site.duration) {
      step_epoch(state, site, pool, epoch);
      if (epoch.start >= 80 * second) w.push_back(epoch.gpu);  // after all have fallen back
    }
    Power p;
    const auto n = static_cast<double>(w.size());
    p.mean = std::accumulate(w.begin(), w.end(), 0.0) / n;
    for (std::size_t i = 0; i < w.size(); ++i) {
      p.deviation += (w[i] - p.mean) * (w[i] - p.mean) / n;
      if (i > 0) p.ramp += (w[i] - w[i - 1]) * (w[i] - w[i - 1]) / n;
      if (w[i] > threshold) p.excursions += 100 / n;
    }
    std::sort(w.begin(), w.end());
    p.p99 = w[static_cast<std::size_t>(0.99 * n)];
    return p;
  };
  const auto all_worlds = [&](auto build) {
    Power sum;
    for (int i = 0; i < worlds; ++i) {
      const Power p = look(build(static_cast<std::uint64_t>(i)));
      sum.mean += p.mean / worlds;
      sum.deviation += p.deviation / worlds;
      sum.ramp += p.ramp / worlds;
      sum.p99 += p.p99 / worlds;
      sum.excursions += p.excursions / worlds;
    }
    return sum;
  };
  const auto fleet_of = [](std::uint64_t seed) {
    HandSite hand = fleet(seed);
    hand.duration = 240 * second;
    hand.chat_rate = 40;  // a replica works a third of the time or so: power swings both ways
    return hand;
  };
  const auto every = [&](std::uint64_t seed) { return fleet_of(seed).build(); };
  const Power first = all_worlds(every);
  threshold = first.mean + 2 * std::sqrt(first.deviation);
  const Power truth = all_worlds(every);
  const Power cohort =
      all_worlds([&](std::uint64_t seed) { return cohort_of(fleet_of(100 + seed), 0.2, 4, 40); });
  const Power scaled =
      all_worlds([&](std::uint64_t seed) { return cohort_of(fleet_of(100 + seed), 0.2, 4, 0); });
  const double deviation = std::sqrt(truth.deviation);
  MESSAGE("variance ", cohort.deviation / truth.deviation, ", scaled ",
          scaled.deviation / truth.deviation, "; ramps ", cohort.ramp / truth.ramp, ", scaled ",
          scaled.ramp / truth.ramp, "; P99 off by ", (cohort.p99 - truth.p99) / deviation,
          " sigma, scaled ", (scaled.p99 - truth.p99) / deviation, "; above 2 sigma ",
          truth.excursions, " %, ", cohort.excursions, " %, scaled ", scaled.excursions, " %");
  CHECK(cohort.deviation / truth.deviation > 0.7);
  CHECK(cohort.deviation / truth.deviation < 1.5);
  CHECK(cohort.ramp / truth.ramp == doctest::Approx(1).epsilon(0.15));
  CHECK(std::fabs(cohort.p99 - truth.p99) < 0.8 * deviation);
  CHECK(truth.excursions > 1);
  CHECK(std::fabs(cohort.excursions - truth.excursions) < 0.6 * truth.excursions);
  // The test can tell: samples scaled up fail it.
  CHECK(scaled.deviation / truth.deviation > 2.5);
  CHECK(scaled.ramp / truth.ramp > 2.5);
  CHECK(scaled.p99 - truth.p99 > 1.5 * deviation);
  CHECK(scaled.excursions > 2.5 * truth.excursions);
}
