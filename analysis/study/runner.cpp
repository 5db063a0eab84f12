#include "analysis/study/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "analysis/interrupt.hpp"
#include "analysis/progress.hpp"

namespace mw::analysis {
namespace {

/// A number of kilobytes from a file of /proc, in bytes; 0 where it is not told.
double from_proc(const char* file, const std::string& name) {
  std::ifstream in(file);
  std::string word;
  double kib = 0;
  while (in >> word)
    if (word == name && in >> kib) return 1024 * kib;
  return 0;
}

/// Lets points start only while memory holds them. How much one takes is learned from those that
/// ran: the growth of this process over the points in flight.
class MemoryGate {
 public:
  void enter() {
    std::unique_lock lock(mutex_);
    while (in_flight_ > 0 && !InterruptGuard::requested()) {
      const double free = from_proc("/proc/meminfo", "MemAvailable:");
      look();
      if (free == 0 || free > 1.5 * largest_) break;
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      lock.lock();
    }
    ++in_flight_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    look();
    --in_flight_;
  }

 private:
  void look() {
    const double grown = from_proc("/proc/self/status", "VmRSS:") - start_;
    if (in_flight_ > 0) largest_ = std::max(largest_, grown / in_flight_);
  }
  std::mutex mutex_;
  double start_ = from_proc("/proc/self/status", "VmRSS:"), largest_ = 0;
  int in_flight_ = 0;
};

/// Points done, their rate, what is left by the guessed costs.
class SweepProgress {
 public:
  SweepProgress(std::size_t all, double cost, bool quiet) : all_(all), cost_(cost), line_(quiet) {}

  double elapsed() const { return line_.elapsed(); }
  void done(double cost, bool failed) {
    ++done_;
    failed_ += failed;
    cost_done_ += cost;
    if (!line_.due()) return;
    const double s = elapsed();
    const double share = cost_ > 0 ? cost_done_ / cost_ : 1;
    line_.say(fmt::format("sweep: {} of {} points, {:.3g} a second, {} left{}", done_, all_,
                          static_cast<double>(done_) / s,
                          clock_text(share > 0 ? s * (1 - share) / share : 0),
                          failed_ > 0 ? fmt::format(", {} failed", failed_) : ""));
  }

 private:
  std::size_t all_, done_ = 0, failed_ = 0;
  double cost_, cost_done_ = 0;
  ProgressLine line_;
};

}  // namespace

RunnerReport run_points(const StudyPlan& plan, const std::vector<std::size_t>& points,
                        StoreWriter& writer, Results& results, sim::ThreadPool& pool, bool quiet) {
  RunnerReport report;
  std::vector<std::size_t> left;
  std::set<std::uint64_t> wanted;  // points that come to the same scenario run once
  double cost = 0;
  for (const std::size_t i : points)
    if (!results.contains(plan.points[i].key) && wanted.insert(plan.points[i].key).second) {
      left.push_back(i);
      cost += plan.points[i].cost;
    }
  SweepProgress progress(left.size(), cost, quiet);
  MemoryGate gate;
  InterruptGuard interrupts;
  std::mutex mutex;
  std::vector<std::unique_ptr<PointReader>> readers(static_cast<std::size_t>(pool.threads()));
  std::atomic<bool> cannot_write = false;
  pool.for_each_on(left.size(), [&](std::size_t n, std::size_t thread) {
    if (InterruptGuard::requested() || cannot_write) return;
    const PlannedPoint& point = plan.points[left[n]];
    PointResult result;
    if (!point.error.empty()) {
      result.key = point.key;
      result.error = point.error;
    } else {
      if (!readers[thread]) readers[thread] = std::make_unique<PointReader>(plan.file->base());
      const auto document = readers[thread]->read(plan.settings(point));
      gate.enter();
      result = run_point(document, plan.file->base().parent_path(), point.key);
      gate.leave();
      if (result.key == 0) return;
    }
    const std::lock_guard lock(mutex);
    if (cannot_write) return;
    try {
      writer.add(result);
    } catch (...) {
      cannot_write = true;  // a full disk: no use in going on
      throw;
    }
    ++report.run;
    report.failed += !result.error.empty();
    report.cpu_s += result.cpu_s;
    progress.done(point.cost, !result.error.empty());
    results[result.key] = std::move(result);
  });
  report.stopped = InterruptGuard::requested();
  report.wall_s = progress.elapsed();
  return report;
}

}  // namespace mw::analysis
