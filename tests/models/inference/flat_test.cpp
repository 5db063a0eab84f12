#include "models/inference/flat_pods.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "models/inference/random_pod.hpp"
#include "sim/archive.hpp"

// Pods in flat memory owe the pods of the host every bit. These tests let both go through the same
// epochs and compare after each: counts, energy bins, trace hashes and latencies; and now and then
// the whole state, which is then loaded anew. Where the build has CUDA and there is a device, it is
// held against the host in the same words; lanes one after another, in either order, always are.
using namespace mw::models;
using namespace mw::models::test;
namespace gpu = mw::gpu;

namespace {

/// Without what stays on the host.
Case flat_case() {
  Case c = random_case();
  c.pod.keep_records = false;
  c.pod.engine.scheduling = Scheduling::fcfs;
  c.pod.tiers.clear();
  c.pod.users = {};
  c.pod.prefixes = nullptr;
  if (c.pod.router == RouterPolicy::kv_aware) c.pod.router = RouterPolicy::least_tokens;
  return c;
}

std::vector<const PodParameters*> all_of(const std::vector<PodParameters>& parameters) {
  std::vector<const PodParameters*> all;
  for (const PodParameters& p : parameters) all.push_back(&p);
  return all;
}

struct Fleet {
  std::vector<Case> pods;
  std::vector<Time> cuts;
  Time sub_step = 10 * millisecond;
};

/// One of the two ways through a fleet's epochs.
class Way {
 public:
  Way(const Fleet& fleet, gpu::Space* space, FlatOptions options = {}) : fleet_(fleet) {
    for (const Case& c : fleet.pods) {
      parameters_.push_back(c.pod);
      pods_.push_back(initial_pod(c.pod));
    }
    epochs_.resize(pods_.size());
    for (std::size_t p = 0; p < pods_.size(); ++p) epochs_[p].latencies = &latencies_[p % 2];
    if (space) flat_ = std::make_unique<FlatPods>(*space, all_of(parameters_), options);
  }
  void step(std::size_t k) {
    const Time from = k == 0 ? 0 : fleet_.cuts[k - 1], until = fleet_.cuts[k];
    std::vector<std::span<const Arrival>> arrivals;
    for (std::size_t p = 0; p < pods_.size(); ++p) {
      const Case& c = fleet_.pods[p];
      if (k < c.changes.size()) {
        for (const Change& change : c.changes[k]) {
          apply(pods_[p], change);
        }
      }
      const auto earlier = [](const Arrival& a, Time t) { return a.t < t; };
      const auto first = std::lower_bound(c.arrivals.begin(), c.arrivals.end(), from, earlier);
      const auto last = std::lower_bound(first, c.arrivals.end(), until, earlier);
      arrivals.emplace_back(first, last);
      begin_epoch(epochs_[p], c.pod.replicas, from, until, fleet_.sub_step);
    }
    if (flat_) {
      flat_->advance(pods_, arrivals, until, epochs_);
    } else {
      for (std::size_t p = 0; p < pods_.size(); ++p)
        advance(pods_[p], parameters_[p], arrivals[p], until, epochs_[p]);
    }
    for (const PodEpoch& epoch : epochs_) add(sum, epoch.counts);
  }
  std::vector<std::byte> state() {
    if (flat_) flat_->fetch(pods_);
    std::vector<PodState> plain;
    for (std::size_t p = 0; p < pods_.size(); ++p)
      plain.push_back(in_plain_words(pods_[p], parameters_[p]));
    return mw::sim::save(plain);
  }
  const std::vector<PodState>& pods() const { return pods_; }
  const std::vector<PodEpoch>& epochs() const { return epochs_; }
  const Latencies& latencies(std::size_t i) const { return latencies_[i]; }
  const FlatPods& flat() const { return *flat_; }
  PodCounts sum;

 private:
  const Fleet& fleet_;
  std::vector<PodParameters> parameters_;
  std::vector<PodState> pods_;
  std::vector<PodEpoch> epochs_;
  Latencies latencies_[2];
  std::unique_ptr<FlatPods> flat_;
};

/// What differs first, or "".
std::string compare(const Fleet& fleet, gpu::Space& space, FlatOptions options,
                    PodCounts* sum = nullptr, int* parts = nullptr) {
  Way host(fleet, nullptr), flat(fleet, &space, options);
  if (parts) *parts = flat.flat().parts();
  for (std::size_t k = 0; k < fleet.cuts.size(); ++k) {
    host.step(k);
    flat.step(k);
    const std::string when = " differ in epoch " + std::to_string(k) + "\n";
    for (std::size_t p = 0; p < fleet.pods.size(); ++p) {
      const PodEpoch &a = host.epochs()[p], &b = flat.epochs()[p];
      if (mw::sim::save(a.counts) != mw::sim::save(b.counts))
        return "counts" + when + counts_text(a.counts, b.counts);
      if (a.energy_nj != b.energy_nj) return "energy bins" + when;
      if (trace_hash(host.pods()[p]) != trace_hash(flat.pods()[p])) return "trace hashes" + when;
    }
    for (std::size_t i = 0; i < 2; ++i)
      if (host.latencies(i) != flat.latencies(i)) return "latencies" + when;
    if (k % 4 == 2 && host.state() != flat.state()) return "states" + when;
  }
  if (host.state() != flat.state()) return "last states differ";
  if (sum) *sum = host.sum;
  return {};
}

std::vector<std::unique_ptr<gpu::Space>> spaces() {
  std::vector<std::unique_ptr<gpu::Space>> all;
  all.push_back(gpu::host_space());
  if (gpu::has_backend(gpu::Backend::cuda))
    all.push_back(gpu::cuda_space());
  else
    MESSAGE("SKIPPED on a device: ", gpu::missing(gpu::Backend::cuda));
  return all;
}

}  // namespace

TEST_CASE("flat pods equal the host's on random fleets: loads, KV sizes, routers, cuts, caps") {
  const auto all = spaces();
  CHECK(rc::check([&] {
    Fleet fleet;
    const int pods = *rc::gen::inRange(1, 5);
    for (int p = 0; p < pods; ++p) {
      fleet.pods.push_back(flat_case());
      fleet.pods.back().pod.partition = static_cast<std::uint32_t>(p);
      fleet.pods.back().pod.replicas = *rc::gen::element(1, 2, 3, 5, 9);
      auto& changes = fleet.pods.back().changes;
      for (auto& epoch : changes)
        std::erase_if(epoch, [&](const Change& c) {
          return c.replica >= static_cast<std::size_t>(fleet.pods.back().pod.replicas);
        });
    }
    fleet.cuts = every(*rc::gen::element<Time>(100 * millisecond, 777'777'777, 3 * second),
                       *rc::gen::element<Time>(2, 9) * second);
    fleet.sub_step = *rc::gen::element<Time>(999'999, 10 * millisecond, 100 * millisecond);
    FlatOptions options;
    options.lanes = *rc::gen::element(1, 2, 4, 32);
    options.backwards = *rc::gen::element(false, true);
    options.room = *rc::gen::element<std::int64_t>(100'000, 1'000'000, INT64_MAX);
    for (const auto& space : all) {
      const std::string what = compare(fleet, *space, options);
      if (!what.empty()) RC_FAIL(what);
    }
  }));
}

TEST_CASE("flat pods equal the host's in a preemption storm, recomputed or swapped") {
  for (const auto& space : spaces()) {
    for (const std::int64_t swapped : {0, 300}) {
      Fleet fleet;
      for (const std::uint64_t seed : {1, 2, 3}) {
        Case c;
        c.pod.table = CellTable{}.build();
        c.pod.engine = {32, 512, 4, 1000};
        c.pod.engine.preemption = swapped > 0 ? Preemption::swap : Preemption::recompute;
        c.pod.engine.swap_blocks = swapped;
        c.pod.engine.swap_block_ps = 20'000'000;
        c.pod.replicas = 2;
        c.arrivals = poisson(seed, 300, 0.01, 4, 800);
        fleet.pods.push_back(c);
      }
      fleet.cuts = every(second / 3, 100 * second);
      PodCounts sum;
      CHECK(compare(fleet, *space, {}, &sum) == "");
      CHECK(sum.preemptions > 5 * sum.completed);
      CHECK((sum.swaps > 0) == (swapped > 0));
    }
  }
}

// Three pods of which memory holds one: each is brought, advanced and taken back in every epoch.
TEST_CASE("pods that memory does not hold all at once take turns, and nobody can tell") {
  for (const auto& space : spaces()) {
    Fleet fleet;
    for (const std::uint64_t seed : {1, 2, 3}) {
      Case c;
      c.pod.table = CellTable{}.build();
      c.pod.engine = {32, 512, 4, 100'000};
      c.pod.replicas = 5;
      c.arrivals = poisson(seed, 2000, 0.005, 40, 80);
      fleet.pods.push_back(c);
    }
    fleet.cuts = every(second, 20 * second);
    FlatOptions options;
    options.room = 70'000;
    int parts = 0;
    CHECK(compare(fleet, *space, options, nullptr, &parts) == "");
    CHECK(parts == 3);
    const FlatPods three(
        *space, std::vector(3, static_cast<const PodParameters*>(&fleet.pods[0].pod)), options);
    CHECK(three.notice().find("in 3 parts") != std::string::npos);
  }
}

TEST_CASE("what a device lacks stays on the host, and is named") {
  const auto space = gpu::host_space();
  PodParameters good;
  good.table = CellTable{}.build();
  good.engine = {32, 512, 4, 1000};
  std::vector<PodParameters> pods(6, good);
  pods[1].keep_records = true;
  pods[2].users.users = 3;
  pods[3].engine.scheduling = Scheduling::priority;
  pods[4].engine.stepping = Stepping::plain;
  const FlatPods flat(*space, all_of(pods));
  for (std::size_t p = 0; p < pods.size(); ++p) CHECK(flat.takes(p) == (p == 0 || p == 5));
  const std::string notice = flat.notice();
  for (const char* why : {"2 of 6 pods", "record", "closed loop", "priorities", "plain engine"})
    CHECK(notice.find(why) != std::string::npos);
}
