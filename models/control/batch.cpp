#include "models/control/batch.hpp"

#include <algorithm>
#include <cmath>

namespace mw::models {
namespace {

/// At least one up or down, inside the range.
std::int32_t moved(std::int32_t now, double by, std::int32_t least, std::int32_t most) {
  const double next = now * (1 + by);
  constexpr double hair = 1e-9;  // of rounding in the product
  const auto whole =
      static_cast<std::int32_t>(by > 0 ? std::ceil(next - hair) : std::floor(next + hair));
  return std::clamp(whole, std::min(least, most), most);
}

}  // namespace

BatchSetting batch_step(const BatchParameters& p, const BatchRange& range, const BatchReading& seen,
                        const BatchSetting& now) {
  constexpr double nearly_all = 0.9;
  BatchSetting next = now;
  const auto chunk = [&](double by) {
    next.tokens = moved(now.tokens, by, range.least.tokens, range.most.tokens);
  };
  const auto batch = [&](std::int32_t from, double by) {
    next.seqs = moved(from, by, range.least.seqs, range.most.seqs);
  };
  const bool slow = seen.tpot > 1, late = seen.ttft > 1;
  const bool easy = seen.tpot < p.margin, early = seen.ttft < p.margin;
  if (slow && late) return now;
  if (slow) {
    if (early && now.tokens > range.least.tokens) {
      chunk(-p.step);
    } else {
      const auto running = static_cast<std::int32_t>(std::ceil(seen.fill * now.seqs));
      batch(std::min(now.seqs, std::max(running, range.least.seqs)), -p.step);
    }
  } else if (easy) {
    const bool full = seen.fill >= nearly_all && now.seqs < range.most.seqs;
    if (late ? now.tokens >= range.most.tokens : early && full)
      batch(now.seqs, p.step);
    else if (late || early)
      chunk(p.step);
  }
  return next;
}

}  // namespace mw::models
