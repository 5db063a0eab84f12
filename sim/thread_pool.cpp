#include "sim/thread_pool.hpp"

#include <algorithm>
#include <utility>

namespace mw::sim {
namespace {
thread_local bool inside_loop = false;
}

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

// The lock is taken once per item. Items are partition epochs (tens of microseconds and more), so
// that costs nothing next to them, and every hand-over is plainly ordered.
void ThreadPool::take_items(std::unique_lock<std::mutex>& lock) {
  inside_loop = true;
  while (body_ != nullptr && next_ < count_) {
    const std::size_t item = next_++;
    const auto& body = *body_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      body(item);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure && (!failure_ || item < failed_)) {
      failure_ = failure;
      failed_ = item;
    }
    if (--unfinished_ == 0) done_.notify_all();
  }
  inside_loop = false;
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    start_.wait(lock, [this] { return stop_ || (body_ != nullptr && next_ < count_); });
    if (stop_) return;
    take_items(lock);
  }
}

void ThreadPool::for_each(std::size_t n, const std::function<void(std::size_t)>& body) {
  if (inside_loop || workers_.empty() || n <= 1) {
    std::exception_ptr first;
    for (std::size_t i = 0; i < n; ++i) {
      try {
        body(i);
      } catch (...) {
        if (!first) first = std::current_exception();
      }
    }
    if (first) std::rethrow_exception(first);
    return;
  }
  std::unique_lock lock(mutex_);
  body_ = &body;
  next_ = 0;
  count_ = unfinished_ = n;
  failure_ = nullptr;
  start_.notify_all();
  take_items(lock);
  done_.wait(lock, [this] { return unfinished_ == 0; });
  body_ = nullptr;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace mw::sim
