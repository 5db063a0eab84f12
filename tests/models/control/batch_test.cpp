#include "models/control/batch.hpp"

#include <doctest/doctest.h>

using namespace mw::models;

namespace {

const BatchParameters p{.policy = BatchPolicy::within_slo, .margin = 0.9, .least_seqs = 8};
const BatchRange range{{8, 257}, {256, 8192}};

}  // namespace

// An engine whose iterations last 10 ms + 0.1 ms for each request that runs, and as many requests
// as may run: n of them wait 10 + 0.1 n ms for a token. 20 ms are promised, so the largest batch is
// 100, and growth ends at the first n of which 10 + 0.1 n is 0.9 x 20 or more: 80.
TEST_CASE("batch: with work enough it settles inside its margin, as large as the promise allows") {
  for (const std::int32_t start : {256, 8}) {
    BatchSetting now{start, 8192};
    for (int i = 0; i < 60; ++i) {
      const double tpot = (10 + 0.1 * now.seqs) / 20;
      // First tokens are near their promise: chunks stay.
      now = batch_step(p, range, {0.95, tpot, 1}, now);
      if (tpot < 0.9) now = batch_step(p, range, {0.5, tpot, 1}, now);
    }
    CAPTURE(start);
    CHECK(now.seqs >= 80);
    CHECK(now.seqs <= 100);
  }
}

TEST_CASE("batch: which of the two moves follows from which promise is short") {
  const BatchSetting now{100, 4000};
  CHECK(batch_step(p, range, {0.5, 1.1, 1}, now) == BatchSetting{100, 3600});
  CHECK(batch_step(p, range, {0.95, 1.1, 1}, now) == BatchSetting{90, 4000});
  CHECK(batch_step(p, range, {0.95, 1.1, 0.5}, now) == BatchSetting{45, 4000});
  CHECK(batch_step(p, range, {1.2, 0.5, 1}, now) == BatchSetting{100, 4400});
  CHECK(batch_step(p, range, {1.2, 0.5, 1}, {100, 8192}) == BatchSetting{110, 8192});
  CHECK(batch_step(p, range, {0.5, 0.5, 1}, now) == BatchSetting{110, 4000});
  CHECK(batch_step(p, range, {0.5, 0.5, 0.2}, now) == BatchSetting{100, 4400});
  CHECK(batch_step(p, range, {1.2, 1.2, 1}, now) == now);
  CHECK(batch_step(p, range, {0.95, 0.95, 1}, now) == now);
  // Never outside what the engines take.
  CHECK(batch_step(p, range, {0.95, 1.1, 1}, {8, 257}) == BatchSetting{8, 257});
  CHECK(batch_step(p, range, {0.5, 0.5, 1}, {256, 8192}) == BatchSetting{256, 8192});
}
