#include <doctest/doctest.h>

#include <algorithm>

#include "models/inference/hand_table.hpp"
#include "models/inference/pod.hpp"

// Which requests an iteration takes under SGLang's and TensorRT-LLM's policies, with pencil and
// paper: an iteration of n tokens takes 1 ms + n us.
using namespace mw::models;
using namespace mw::models::test;
using mw::sim::FineTime;
using mw::sim::second;
using mw::sim::Time;

namespace {

struct Result {
  PodCounts counts;
  Latencies latencies;
  std::vector<RequestRecord> records;  // by number of the request
};
Result run(const PodParameters& p, const std::vector<Arrival>& arrivals) {
  PodState pod = initial_pod(p);
  PodEpoch epoch;
  Result r;
  epoch.latencies = &r.latencies;
  begin_epoch(epoch, p.replicas, 0, second, second);
  advance(pod, p, arrivals, second, epoch);
  r.counts = epoch.counts;
  r.records = epoch.records;
  std::sort(r.records.begin(), r.records.end(),
            [](const RequestRecord& a, const RequestRecord& b) { return a.id < b.id; });
  return r;
}

PodParameters pod(Stepping stepping) {
  PodParameters p;
  p.table = HandTable{}.build();
  p.engine = {4, 64, 16, 1000, stepping};
  p.keep_records = true;
  return p;
}

constexpr Time at_1_5_ms = 1'500'000;

}  // namespace

// A (4 in, 4 out) prefills until 1.004 ms and has its second token at 2.005. B (8 in, 2 out) came
// at 1.5 ms. Mixed: A's third and B's first at 3.014, both done at 4.016. Alone: B's first at
// 3.013, A's third only at 4.015, 2.010 ms after its second; A's last at 5.016. With at most 5
// tokens B takes two iterations: first token 2.005 + 1.005 + 1.003 ms.
TEST_CASE("prompts alone: decodes stand still until the prompt is done") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    const std::vector<Arrival> two = {{0, 0, 4, 4}, {at_1_5_ms, 1, 8, 2}};
    PodParameters p = pod(stepping);
    const Result mixed = run(p, two);
    CHECK((mixed.records[1].first == FineTime{3'014'000, 0}));
    CHECK((mixed.records[0].finished == FineTime{4'016'000, 0}));
    CHECK((mixed.records[1].finished == FineTime{4'016'000, 0}));

    p.engine.batching = Batching::prefill_first;
    const Result alone = run(p, two);
    CHECK((alone.records[1].first == FineTime{3'013'000, 0}));
    CHECK((alone.records[1].finished == FineTime{4'015'000, 0}));
    CHECK((alone.records[0].finished == FineTime{5'016'000, 0}));
    CHECK(alone.latencies.itl.total == 4);
    CHECK(alone.latencies.itl.largest == doctest::Approx(2.010e-3));
    // The prompts' energy is theirs alone: 12 tokens in two iterations, and four decodes in three.
    CHECK(alone.counts.iterations == 5);
    CHECK(alone.counts.prompt_tokens == 12);

    p.engine.max_num_batched_tokens = 5;
    const Result parts = run(p, two);
    CHECK((parts.records[1].first == FineTime{4'013'000, 0}));
  }
}

// A (4 in, 8 out); B (4 in, 1 out) comes at 1.5 ms, within A's first decode. Looked for in each
// iteration it has its token at 2.005 + 1.005 ms. With 3: nobody is looked for until three decodes
// have ended, at 4.007 ms; the token comes 1.005 ms later. On an idle engine it does not wait.
TEST_CASE("new requests are read after so many decodes") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    const std::vector<Arrival> two = {{0, 0, 4, 8}, {at_1_5_ms, 1, 4, 1}};
    PodParameters p = pod(stepping);
    CHECK((run(p, two).records[1].first == FineTime{3'010'000, 0}));
    p.engine.admission_interval = 3;
    const Result third = run(p, two);
    CHECK((third.records[0].first == FineTime{1'004'000, 0}));
    CHECK((third.records[1].first == FineTime{5'012'000, 0}));
  }
}

// The same two, where prompts wait two iterations for 12 tokens: B goes with the fourth decode.
// With C (8 in) at 2.5 ms they are 12 and a decode at 3.006 ms, and go at once: 13 tokens.
TEST_CASE("prompts wait for more of them, so many iterations at most") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    std::vector<Arrival> some = {{0, 0, 4, 8}, {at_1_5_ms, 1, 4, 1}};
    PodParameters p = pod(stepping);
    p.engine.batch_wait = 2;
    p.engine.batch_wait_tokens = 12;
    CHECK((run(p, some).records[1].first == FineTime{5'012'000, 0}));
    some.push_back({2'500'000, 2, 8, 1});
    const Result filled = run(p, some);
    CHECK((filled.records[1].first == FineTime{4'019'000, 0}));
    CHECK((filled.records[2].first == FineTime{4'019'000, 0}));
  }
}

// Policies that were never together are refused, with advice.
TEST_CASE("policies that exclude each other are refused") {
  EngineParameters engine;
  const auto problems = [&] {
    mw::sim::Problems found;
    check(engine, found);
    return found.items.size();
  };
  CHECK(problems() == 0);
  engine.batching = Batching::prefill_first;
  CHECK(problems() == 0);
  engine.preemption = Preemption::swap;
  CHECK(problems() == 1);
  engine.preemption = Preemption::recompute;
  engine.batch_wait = 3;
  CHECK(problems() == 1);
  engine.batching = Batching::mixed;
  CHECK(problems() == 0);
  engine.scheduling = Scheduling::priority;
  engine.batch_wait = 0;
  engine.admission_interval = 10;
  CHECK(problems() == 1);
}
