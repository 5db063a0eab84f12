#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "models/inference/hand_table.hpp"
#include "models/inference/lengths.hpp"
#include "models/inference/pod.hpp"
#include "models/inference/prefix_law.hpp"
#include "models/inference/repeated_prompts.hpp"
#include "sim/random.hpp"

using namespace mw;
using namespace mw::models;

namespace {

struct Asked {
  double found_per_prompt;  // tokens, over the requests after the first batch
  std::int64_t cached, computed, prompts;
};

/// A list of `distinct` prompts asked `passes` times over, all at once, `batch` at a time, in front
/// of a cache of `capacity` tokens.
Asked ask_list(int distinct, int passes, int batch, std::int64_t capacity) {
  PodParameters p;
  p.table = test::HandTable{.max_tokens = 20000, .kv_tokens = capacity}.build();
  p.engine.max_num_seqs = batch;
  p.engine.kv_blocks = capacity / p.engine.block_size;
  const auto law = std::make_shared<PrefixLaw>();
  law->distinct = static_cast<std::uint64_t>(distinct);
  p.prefixes = law;
  LengthParameters lengths;
  lengths.prompt.lognormal = LognormalLength{250, 0.5};
  lengths.output.emplace().lognormal = LognormalLength{600, 1};
  std::vector<Arrival> arrivals;
  Asked asked{};
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(distinct * passes); ++i) {
    const sim::Stream draws{1, 2, 3};
    arrivals.push_back({0, i, draw_lengths(lengths, draws, law->prompt_of(i)).prompt,
                        draw_lengths(lengths, draws, i).output});
    asked.prompts += arrivals.back().prompt_tokens;
  }
  PodState state = initial_pod(p);
  PodEpoch epoch;
  const sim::Time end = 10000 * sim::second;
  begin_epoch(epoch, 1, 0, end, end);
  Latencies latencies;
  epoch.latencies = &latencies;
  advance(state, p, arrivals, end, epoch);
  REQUIRE(epoch.counts.completed == distinct * passes);
  asked.cached = epoch.counts.cached_tokens;
  asked.computed = epoch.counts.prompt_tokens;
  asked.found_per_prompt = double(asked.cached) / (distinct * passes - batch);
  return asked;
}

}  // namespace

TEST_CASE("a repeated prompt is found as far as its last whole block before its last token") {
  PrefixLaw law;
  law.distinct = 7;
  // 50 tokens: three blocks of 16 lie before the last token; 49: the third ends with the last but
  // none; 48: its own last token is always computed, so two.
  CHECK(law.keys_of(3, 50).groups == 3);
  CHECK(law.keys_of(3, 48).groups == 2);
  const PromptKeys first = law.keys_of(3, 50, 90), again = law.keys_of(10, 50, 90);
  CHECK(first.groups == 5);
  for (int group = 0; group < 3; ++group) CHECK(first[group] == again[group]);
  CHECK(first[3] != again[3]);  // the answers differ
  CHECK(first[0] != law.keys_of(4, 50)[0]);
}

TEST_CASE("prompts asked again: found or computed, each token once") {
  for (const std::int64_t capacity : {400'000, 60'000}) {
    const Asked asked = ask_list(200, 3, 32, capacity);
    // Where the cache is small some requests are sent back and look anew; none is here.
    CHECK(asked.cached + asked.computed == asked.prompts);
  }
}

// All that lies between two uses of a prompt must fit into the blocks that nobody holds: with 168
// requests of 850 tokens between them that is at about 32 x 1100 + 168 x 860 = 180,000 tokens.
TEST_CASE("what a cache of prefixes keeps of a list asked again: the engine and its closed form") {
  const int distinct = 200, batch = 32;
  for (const int passes : {2, 4}) {
    double before = 0;
    for (const std::int64_t capacity : {100'000, 150'000, 170'000, 190'000, 230'000, 400'000}) {
      const double found = ask_list(distinct, passes, batch, capacity).found_per_prompt;
      const double closed = cached_prompt_tokens({.distinct = double(distinct),
                                                  .requests = double(distinct * passes),
                                                  .batch = double(batch),
                                                  .prompt = 250,
                                                  .output = 600,
                                                  .prompt_cv = 0.5,
                                                  .output_cv = 1,
                                                  .context = 250 + 600,
                                                  .capacity = double(capacity)});
      MESSAGE(passes << " passes, " << capacity << " tokens: " << found << " found, " << closed);
      const bool between = capacity > 120'000 && capacity < 250'000;
      // Where it just fits, single requests decide; else the prompts drawn (246 tokens on average).
      CHECK(std::fabs(closed - found) < (between ? 45 : 15));
      CHECK(closed >= before);
      before = closed;
    }
  }
  // More places than prompts: the one before still runs, so nothing can have been evicted.
  CHECK(cached_prompt_tokens({.distinct = 20, .requests = 100, .batch = 40, .prompt = 100.5}) ==
        doctest::Approx(92));
  // Asked once, or a list that does not repeat.
  CHECK(cached_prompt_tokens({.distinct = 100, .requests = 100, .batch = 8, .prompt = 250}) == 0);
  CHECK(cached_prompt_tokens({.distinct = 0, .requests = 100, .batch = 8, .prompt = 250}) == 0);
}
