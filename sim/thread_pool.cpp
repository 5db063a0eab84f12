#include "sim/thread_pool.hpp"

#include <algorithm>
#include <utility>

namespace mw::sim {
namespace {
thread_local bool inside_loop = false;
thread_local std::size_t own_number = 0;  // inside a loop: which thread of its pool this one is
}  // namespace

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (int i = 1; i < threads; ++i)
    workers_.emplace_back([this, i] { work(static_cast<std::size_t>(i)); });
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
void ThreadPool::take_items(std::unique_lock<std::mutex>& lock, std::size_t thread) {
  inside_loop = true;
  own_number = thread;
  while (body_ != nullptr && next_ < count_) {
    const std::size_t item = next_++;
    const auto& body = *body_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      body(item, thread);
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

void ThreadPool::work(std::size_t thread) {
  std::unique_lock lock(mutex_);
  while (true) {
    start_.wait(lock, [this] { return stop_ || (body_ != nullptr && next_ < count_); });
    if (stop_) return;
    take_items(lock, thread);
  }
}

void ThreadPool::for_each(std::size_t n, const std::function<void(std::size_t)>& body) {
  for_each_on(n, [&body](std::size_t item, std::size_t) { body(item); });
}

void ThreadPool::for_each_on(std::size_t n,
                             const std::function<void(std::size_t, std::size_t)>& body) {
  if (inside_loop || workers_.empty() || n <= 1) {
    // A pool of one thread has only number 0, also where another pool's loop runs it.
    const std::size_t thread = inside_loop && !workers_.empty() ? own_number : 0;
    std::exception_ptr first;
    for (std::size_t i = 0; i < n; ++i) {
      try {
        body(i, thread);
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
  take_items(lock, 0);
  done_.wait(lock, [this] { return unfinished_ == 0; });
  body_ = nullptr;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace mw::sim
