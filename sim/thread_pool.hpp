#pragma once
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mw::sim {

/// Threads that share out loops. Items are taken one by one by whoever is free, so items must not
/// write what other items read; then no result depends on the number of threads.
class ThreadPool {
 public:
  /// `threads` counts the calling thread; 1 runs everything inline, 0 asks for one per core.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(0) ... body(n - 1), each once, and returns when all are done. If some threw, all
  /// items still run and the exception of the lowest index is rethrown. A loop inside a loop runs
  /// inline. One thread owns the pool: loops are not started from several at a time.
  void for_each(std::size_t n, const std::function<void(std::size_t)>& body);

  /// The same with body(item, thread): which of the pool's threads, 0 <= thread < threads(), runs
  /// the item, for work space and sums that each thread keeps for itself. A loop inside a loop
  /// passes its thread on.
  void for_each_on(std::size_t n, const std::function<void(std::size_t, std::size_t)>& body);

 private:
  void work(std::size_t thread);
  void take_items(std::unique_lock<std::mutex>& lock, std::size_t thread);

  std::mutex mutex_;
  std::condition_variable start_, done_;
  const std::function<void(std::size_t, std::size_t)>* body_ = nullptr;  // null: no loop is running
  std::size_t next_ = 0, count_ = 0, unfinished_ = 0;
  std::size_t failed_ = 0;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace mw::sim
