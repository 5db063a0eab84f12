#include "models/training/run.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace mw::models {

void check(const TrainingRunParameters& run, sim::Problems& problems) {
  if (run.evaluation_every > 0 && !(run.evaluation.value > 0))
    problems.add("evaluation", "takes no time", "give its length, or leave evaluation_every out");
  if (run.evaluation.value > 0 && run.evaluation_every == 0)
    problems.add("evaluation", "never happens", "say evaluation_every how many steps");
}

const FailureParameters& failures_of(const TrainingRunParameters& run) {
  static const FailureParameters none;
  return run.failures ? run.failures->value : none;
}

namespace {

double interval_of(const CheckpointParameters& p, double cost, double between) {
  const double young = std::sqrt(2 * cost * between);
  switch (p.rule) {
    case CheckpointRule::fixed:
      return p.every.value;
    case CheckpointRule::young:
      return young;
    case CheckpointRule::daly:
      if (cost >= 2 * between) return between;
      return young * (1 + std::sqrt(cost / (2 * between)) / 3 + cost / (18 * between)) - cost;
  }
  return young;
}

/// Steps, saves and evaluations from one failure to the next. Positions are counted in steps; saves
/// and evaluations come between whole ones.
class Job {
 public:
  Job(const TrainingRunParameters& p, double step_seconds, double state_bytes, int gpus,
      std::uint64_t seed)
      : p_(p), causes_(failures_of(p)), step_(step_seconds), failures_(causes_, gpus, seed) {
    const auto& c = p.checkpoint;
    out_.checkpoint_bytes = state_bytes;
    out_.write = state_bytes / c.bandwidth.value;
    out_.load = out_.write;
    out_.pause = c.asynchronous ? state_bytes / gpus / c.snapshot_bandwidth.value : out_.write;
    double every = interval_of(c, out_.pause, mean_time_between(causes_, gpus));
    // Hosts hold one state at a time: it is written before the next is taken.
    if (c.asynchronous) every = std::max(every, out_.write);
    end_ = p.duration.value;
    every_ = std::max(1.0, std::round(std::min(every, end_) / step_));
    out_.every = every_ * step_;
    out_.interruptions.assign(causes_.causes.size(), 0);
    next_ = failures_.next();
  }

  TrainingRun run() {
    enter(JobPhase::starting, p_.start.value);
    while (now_ < end_) {
      if (next_.at <= now_)
        fail();
      else
        train();
    }
    out_.seconds = end_;
    settle(true);
    for (std::size_t i = 0; i < out_.spans.size(); ++i) {
      const double to = i + 1 < out_.spans.size() ? out_.spans[i + 1].start : end_;
      out_.time[static_cast<std::size_t>(out_.spans[i].phase)] += to - out_.spans[i].start;
    }
    return std::move(out_);
  }

 private:
  double until() const { return std::min(next_.at, end_); }

  /// Goes through a phase, or as far as the next failure. Says whether it got through.
  bool enter(JobPhase phase, double length) {
    if (length <= 0) return now_ < until();
    const bool through = now_ + length <= until();
    out_.spans.push_back({now_, phase, 0});
    now_ = through ? now_ + length : until();
    return through;
  }

  /// One stretch of steps: to the next save or evaluation, a failure or the end.
  void train() {
    const double save = taken_ + every_, round = p_.evaluation_every;
    const double target =
        round > 0 ? std::min(save, (std::floor(done_ / round) + 1) * round) : save;
    const double stretch = (target - done_) * step_;
    unsaved_.push_back(out_.spans.size());
    out_.spans.push_back({now_, JobPhase::training, (done_ - std::floor(done_)) * step_});
    if (now_ + stretch > until()) {
      done_ += (until() - now_) / step_;
      now_ = until();
      return;
    }
    now_ += stretch;
    done_ = target;
    if (done_ == save) {
      taken_ = done_;
      if (!enter(JobPhase::saving, out_.pause)) return;
      ++out_.checkpoints;
      // Of use once it is written whole.
      const double writing = p_.checkpoint.asynchronous ? out_.write : 0;
      saves_.push_back({now_ + writing, done_, unsaved_.size()});
    }
    if (round > 0 && std::fmod(done_, round) == 0) enter(JobPhase::evaluating, p_.evaluation.value);
  }

  /// Back to the newest checkpoint that is written: steps since then are lost, unless the run
  /// ends.
  void settle(bool ends) {
    std::size_t kept = 0;
    double done = saved_;
    for (const auto& save : saves_)
      if (save.at <= now_) done = save.done, kept = save.spans;
    if (ends) done = done_, kept = unsaved_.size();
    for (std::size_t i = kept; i < unsaved_.size(); ++i)
      out_.spans[unsaved_[i]].phase = JobPhase::lost;
    out_.lost_steps += done_ - done;
    done_ = saved_ = taken_ = done;
    out_.kept_steps = done;
    unsaved_.clear();
    saves_.clear();
  }

  void fail() {
    ++out_.interruptions[next_.cause];
    ++out_.all_interruptions;
    const int nodes = static_cast<int>(causes_.causes[next_.cause].nodes);
    settle(false);
    next_ = failures_.next();
    std::erase_if(repairs_, [&](double t) { return t <= now_; });
    for (int i = 0; i < nodes; ++i) repairs_.push_back(now_ + p_.repair.value);
    if (!enter(JobPhase::detecting, p_.detection.value)) return;
    if (!find_spare()) return;
    enter(JobPhase::starting, p_.restart.value + out_.load);
  }

  /// Waits for as many repairs as the spares do not make up for.
  bool find_spare() {
    const auto spares = static_cast<std::size_t>(p_.spares);
    if (repairs_.size() <= spares) return true;
    std::sort(repairs_.begin(), repairs_.end());
    const double free = repairs_[repairs_.size() - spares - 1];
    if (free <= now_) return true;
    ++out_.waits;
    return enter(JobPhase::waiting, free - now_);
  }

  struct Save {
    double at, done;
    std::size_t spans;
  };
  const TrainingRunParameters& p_;
  const FailureParameters& causes_;
  double step_, every_ = 1;  // s; steps between saves
  double end_ = 0, now_ = 0;
  FailureStream failures_;
  FailureStream::Next next_{};
  double done_ = 0, taken_ = 0, saved_ = 0;  // steps: done, at the last save begun, safe
  std::vector<std::size_t> unsaved_;         // spans of training since the last failure
  std::vector<Save> saves_;
  std::vector<double> repairs_;  // when nodes come back
  TrainingRun out_;
};

}  // namespace

TrainingRun run_job(const TrainingRunParameters& p, double step_seconds, double state_bytes,
                    int gpus, std::uint64_t seed) {
  return Job(p, step_seconds, state_bytes, gpus, seed).run();
}

}  // namespace mw::models
