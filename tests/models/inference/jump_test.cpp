#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "models/inference/random_pod.hpp"
#include "models/inference/trace.hpp"
#include "sim/archive.hpp"

// The jump engine owes the plain one equality in everything that can be observed. These tests run
// both through the same epochs with the same requests and set-points and compare, after each epoch:
// the state in the plain engine's words (requests, their blocks and moments, trace hashes, router,
// histograms), all counts, every energy bin, every record.
using namespace mw::models;
using namespace mw::models::test;

namespace {

struct Seen {
  std::vector<std::byte> state;
  std::vector<std::byte> counts;
  Latencies latencies;
  std::vector<std::int64_t> energy_nj;
  std::vector<RequestRecord> records;
};

class Run {
 public:
  Run(const Case& c, Stepping stepping) : case_(c), p_(c.pod) {
    p_.engine.stepping = stepping;
    pod_ = initial_pod(p_);
    epoch_.latencies = &latencies_;
  }
  Seen step(std::size_t k) {
    if (k < case_.changes.size()) {
      for (const Change& change : case_.changes[k]) {
        apply(pod_, change);
      }
    }
    const Time from = pod_.now, until = case_.cuts[k];
    begin_epoch(epoch_, p_.replicas, from, until, case_.sub_step);
    const auto earlier = [](const Arrival& a, Time t) { return a.t < t; };
    const auto first =
        std::lower_bound(case_.arrivals.begin(), case_.arrivals.end(), from, earlier);
    const auto last = std::lower_bound(first, case_.arrivals.end(), until, earlier);
    advance(pod_, p_, {first, last}, until, epoch_);
    add(sum, epoch_.counts);
    return {mw::sim::save(in_plain_words(pod_, p_)), mw::sim::save(epoch_.counts), latencies_,
            epoch_.energy_nj, epoch_.records};
  }
  const PodState& pod() const { return pod_; }
  void reload() {
    PodState back;
    mw::sim::load(back, mw::sim::save(pod_));
    pod_ = back;
  }
  PodCounts sum;

 private:
  const Case& case_;
  PodParameters p_;
  PodState pod_;
  PodEpoch epoch_;
  Latencies latencies_;
};

bool same(const RequestRecord& a, const RequestRecord& b) {
  return a.id == b.id && a.arrival == b.arrival && a.admitted == b.admitted && a.first == b.first &&
         a.finished == b.finished && a.prompt_tokens == b.prompt_tokens &&
         a.output_tokens == b.output_tokens && a.preemptions == b.preemptions &&
         a.replica == b.replica;
}

/// Empty if equal, else what differs first.
std::string difference(const Seen& plain, const Seen& jump) {
  if (plain.counts != jump.counts) return "counts";
  if (plain.energy_nj != jump.energy_nj) return "energy bins";
  if (!std::equal(plain.records.begin(), plain.records.end(), jump.records.begin(),
                  jump.records.end(), same)) {
    return "records";
  }
  if (plain.state != jump.state) return "state";
  if (plain.latencies != jump.latencies) return "latencies";
  return {};
}

/// Runs both engines; the jump engine goes through its archive now and then. What differs, or "".
std::string compare(const Case& c, PodCounts* sum = nullptr) {
  Run plain(c, Stepping::plain), jump(c, Stepping::jump);
  for (std::size_t k = 0; k < c.cuts.size(); ++k) {
    const Seen a = plain.step(k), b = jump.step(k);
    const std::string what = difference(a, b);
    if (!what.empty()) {
      return what + " differ in epoch " + std::to_string(k) + "\n" +
             counts_text(plain.sum, jump.sum);
    }
    if (k % 5 == 3) jump.reload();
  }
  if (trace_hash(plain.pod()) != trace_hash(jump.pod())) return "trace hashes differ";
  if (sum) *sum = plain.sum;
  return {};
}

}  // namespace

TEST_CASE("jump equals plain on random pods: loads, KV sizes, routers, cuts, caps") {
  CHECK(rc::check([] {
    const Case c = random_case();
    const std::string what = compare(c);
    if (!what.empty()) RC_FAIL(what);
  }));
}

TEST_CASE("jump equals plain in a preemption storm") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    Case c;
    c.pod.table = CellTable{}.build();
    c.pod.engine = {32, 512, 4, 1000};
    c.pod.replicas = 2;
    c.pod.keep_records = true;
    c.arrivals = poisson(seed, 300, 0.01, 4, 800);
    c.cuts = every(second / 3, 200 * second);
    PodCounts sum;
    CHECK(compare(c, &sum) == "");
    CHECK(sum.preemptions > 10 * sum.completed);
    CHECK(sum.completed > 250);
    // The same by priority, and with blocks that go to the host as far as they fit.
    c.pod.tiers = {{0.3, 0}, {0.7, 1}};
    c.pod.engine.swap_block_ps = 20'000'000;
    for (const Scheduling scheduling : {Scheduling::fcfs, Scheduling::priority}) {
      for (const std::int64_t host : {0, 300, 100'000}) {
        CAPTURE(host);
        c.pod.engine.scheduling = scheduling;
        c.pod.engine.preemption = host > 0 ? Preemption::swap : Preemption::recompute;
        c.pod.engine.swap_blocks = host;
        CHECK(compare(c, &sum) == "");
        CHECK(sum.preemptions > sum.completed);
        CHECK(sum.completed > 200);
        CHECK((sum.swaps > 0) == (host > 0));
        if (host == 300) CHECK(sum.swaps < sum.preemptions);
        if (host == 100'000) {
          CHECK(sum.swaps == sum.preemptions);
          CHECK(sum.recomputed_tokens == 0);
        }
      }
    }
  }
}

// The limit lies where the power of the growing context crosses it: within runs, at many contexts.
TEST_CASE("jump equals plain where a power limit changes the clock within a run") {
  CellTable table;
  table.per_kv_j = 3e-4;
  table.end = 100'000;
  table.shift_above = 12;
  table.levels = 5;
  bool changed = false;
  for (std::int64_t limit_w = 500; limit_w <= 1500; limit_w += 50) {
    CAPTURE(limit_w);
    Case c;
    c.pod.table = table.build();
    c.pod.engine = {16, 256, 16, 2000};
    c.pod.slo = {mw::sim::Seconds{0.05}, mw::sim::Seconds{0.004}};
    c.arrivals = poisson(4, 60, 0.2, 100, 400);
    c.cuts = every(second, 30 * second);
    c.changes.push_back({{0, 0, limit_w * 1000}});
    PodCounts sum;
    CHECK(compare(c, &sum) == "");
    changed = changed || (sum.capped_iterations > 0 && sum.capped_iterations < sum.iterations);
  }
  CHECK(changed);
}

// Every iteration lasts 1.01 ms sharp and every request comes on a multiple of that, so each
// arrival meets a boundary to the picosecond: it is seen there, not an iteration later.
TEST_CASE("jump equals plain where arrivals meet the boundaries of a run") {
  CellTable table;
  table.base_s = 1e-3;
  table.per_token_s = table.per_kv_s = table.per_pair_s = table.host_s = 0;
  const Time step = 1'010'000;
  for (const Time late : {0, 1, -1}) {
    CAPTURE(late);
    Case c;
    c.pod.table = table.build();
    c.pod.engine = {16, 256, 16, 400};
    c.pod.keep_records = true;
    c.arrivals = poisson(11, 200, 0.05, 30, 60);
    for (Arrival& a : c.arrivals) a.t += 2 * step - a.t % step + late;
    c.cuts = every(50 * step, 15 * second);
    PodCounts sum;
    CHECK(compare(c, &sum) == "");
    CHECK(sum.completed == 200);
    // Only then do the iterations keep to the grid on which the requests come.
    if (late == 0) CHECK(sum.busy_ps == sum.iterations * step * 1000);
  }
}

TEST_CASE("a jump costs nothing by the token: a run of iterations is cut where it may be") {
  // The inverse of the sum of an arithmetic progression, against adding one by one.
  CHECK(rc::check([] {
    JumpRun run;
    run.time_ps = *rc::gen::inRange<std::int64_t>(1, 50'000'000'000);
    run.time_step = *rc::gen::element<std::int64_t>(
        0, 1, 1000, *rc::gen::inRange<std::int64_t>(0, 100'000'000'000));
    run.iterations = *rc::gen::inRange<std::int64_t>(1, 300);
    run.prepare();
    std::int64_t sum = 0;
    for (std::int64_t n = 0; n < run.iterations; ++n) {
      RC_ASSERT(run.time_until(n) == sum);
      RC_ASSERT(run.whole_within(sum).iterations == n);
      RC_ASSERT(run.whole_within(sum + 1).iterations == (run.time_of(n) == 1 ? n + 1 : n));
      sum += run.time_of(n);
      RC_ASSERT(run.whole_within(sum - 1).iterations == n);
    }
    RC_ASSERT(run.whole_within(sum + 5).iterations == run.iterations);
  }));
}

namespace {

std::optional<Trace> public_trace(const char* name) {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  const std::filesystem::path path =
      std::filesystem::path(data ? data : "") / "inference_traces" / name;
  if (!data || !std::filesystem::exists(path)) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to a folder with inference_traces/" << name);
    return std::nullopt;
  }
  return read_trace(path);
}

/// A cache of the prefixes that a trace names, before engines with blocks of 16 tokens.
std::shared_ptr<const PrefixLaw> prefixes_of(const Trace& trace) {
  const auto law = std::make_shared<PrefixLaw>();
  law->group_tokens = trace.group_tokens;
  law->trace = std::make_shared<const Trace>(trace);
  return law;
}

/// An engine of vLLM's default size whose iterations last about 20 ms.
Case trace_case(const Trace& trace, int replicas, std::int64_t kv_tokens) {
  CellTable table;
  table.base_s = 8e-3;
  table.per_token_s = 2e-5;
  table.per_kv_s = 6e-9;
  table.per_pair_s = 1e-12;
  table.per_kv_j = 4e-6;
  table.window = 0;
  table.end = 400'000;
  table.shift_above = 14;
  table.max_sequences = 256;
  table.max_tokens = 8192;
  Case c;
  c.pod.table = table.build();
  c.pod.engine = {256, 8192, 16, kv_tokens / 16};
  c.pod.replicas = replicas;
  c.pod.slo = {mw::sim::Seconds{1.0}, mw::sim::Seconds{0.03}};
  c.pod.keep_records = true;
  c.sub_step = 100 * millisecond;
  for (const Trace::Row& row : trace.rows) {
    c.arrivals.push_back({row.t, c.arrivals.size(), row.prompt_tokens, row.output_tokens});
  }
  c.cuts = every(10 * second, trace.period + 60 * second);
  // A limit comes and goes.
  c.changes.resize(c.cuts.size());
  for (std::size_t k = 0; k < c.changes.size(); ++k) {
    for (std::size_t r = 0; r < static_cast<std::size_t>(replicas); ++r) {
      const bool limited = k / 6 % 3 == 1;
      c.changes[k].push_back(
          {r, 0, limited ? 700'000 + 50'000 * static_cast<std::int64_t>(k % 6) : no_power_limit});
    }
  }
  return c;
}

}  // namespace

TEST_CASE("jump equals plain on the Azure conversation trace") {
  const auto trace = public_trace("AzureLLMInferenceTrace_conv_2023.csv");
  if (!trace) return;
  for (const std::int64_t kv_tokens : {400'000, 12'000}) {
    PodCounts sum;
    CHECK(compare(trace_case(*trace, 2, kv_tokens), &sum) == "");
    CHECK(sum.completed > 15'000);
    CHECK(sum.capped_iterations > 0);
    if (kv_tokens == 12'000) CHECK(sum.preemptions > 0);
  }
}

TEST_CASE("jump equals plain on the Mooncake trace") {
  const auto trace = public_trace("mooncake_synthetic_trace.jsonl");
  if (!trace) return;
  PodCounts sum;
  CHECK(compare(trace_case(*trace, 3, 600'000), &sum) == "");
  CHECK(sum.completed > 3'000);

  // With a cache of prefixes: every prompt token is computed, or found there, exactly once.
  Case cached = trace_case(*trace, 3, 600'000);
  cached.pod.prefixes = prefixes_of(*trace);
  for (const RouterPolicy router : {RouterPolicy::least_tokens, RouterPolicy::kv_aware}) {
    cached.pod.router = router;
    CHECK(compare(cached, &sum) == "");
    CHECK(sum.completed == static_cast<std::int64_t>(trace->rows.size()));
    CHECK(sum.prompt_tokens + sum.cached_tokens == sum.completed_prompt_tokens);
    MESSAGE("prompt tokens found in the cache: "
            << static_cast<double>(sum.cached_tokens) /
                   static_cast<double>(sum.completed_prompt_tokens));
  }
}
