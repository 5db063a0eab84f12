#include "models/training/failures.hpp"

#include "sim/portable_math.hpp"

namespace mw::models {

FailureStream::FailureStream(const FailureParameters& p, int gpus, std::uint64_t seed)
    : p_(&p), scale_(gpus / p.gpus), seed_(seed), clocks_(p.causes.size()) {
  for (std::size_t i = 0; i < clocks_.size(); ++i) draw(i);
}

// Cumulated hazard H(t) = count scale (t / period)^shape; failures where it passes the sums of
// exponential draws.
void FailureStream::draw(std::size_t i) {
  Clock& clock = clocks_[i];
  const double mean = p_->causes[i].count * scale_;
  if (!(mean > 0)) return;
  constexpr std::uint32_t stream = 0x46;
  clock.sum += sim::exponential({seed_, static_cast<std::uint32_t>(i), stream}, clock.draws++);
  clock.at = p_->period.value * sim::portable::pow(clock.sum / mean, 1 / p_->causes[i].shape);
}

FailureStream::Next FailureStream::next() {
  Next first;
  for (std::size_t i = 0; i < clocks_.size(); ++i)
    if (clocks_[i].at < first.at) first = {clocks_[i].at, i};
  if (first.at < 1e300) draw(first.cause);
  return first;
}

double mean_time_between(const FailureParameters& p, int gpus) {
  double count = 0;
  for (const auto& cause : p.causes) count += cause.count;
  count *= gpus / p.gpus;
  return count > 0 ? p.period.value / count : 1e300;
}

}  // namespace mw::models
