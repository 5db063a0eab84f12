#include "models/training/frontier_flow.hpp"

#include <algorithm>

namespace mw::models {

void FrontierFlow::add_arc(std::size_t from, std::size_t to) {
  from_.push_back(from);
  to_.push_back(to);
  nodes_ = std::max({nodes_, from + 1, to + 1});
}

void FrontierFlow::finish(std::size_t source, std::size_t sink) {
  source_ = source;
  sink_ = sink;
  nodes_ = std::max({nodes_, source + 1, sink + 1});
  state_.assign(arcs(), {});
  first_.assign(nodes_ + 1, 0);
  for (std::size_t a = 0; a < arcs(); ++a) {
    ++first_[from_[a] + 1];
    ++first_[to_[a] + 1];
  }
  for (std::size_t i = 0; i < nodes_; ++i) first_[i + 1] += first_[i];
  residuals_.resize(2 * arcs());
  next_ = first_;
  for (std::size_t a = 0; a < arcs(); ++a) {
    const auto from = static_cast<std::uint32_t>(from_[a]), to = static_cast<std::uint32_t>(to_[a]);
    const auto arc = static_cast<std::uint32_t>(a);
    residuals_[next_[from]++] = {to, arc, true};
    residuals_[next_[to]++] = {from, arc, false};
  }
  level_.assign(nodes_, -1);
}

void FrontierFlow::set_bounds(std::size_t arc, std::int64_t least, std::int64_t most) {
  state_[arc].least = least;
  state_[arc].most = most;
}

/// Levels from the source, breadth first; false if the sink is out of reach.
bool FrontierFlow::search() {
  std::fill(level_.begin(), level_.end(), -1);
  queue_.clear();
  queue_.push_back(source_);
  level_[source_] = 0;
  for (std::size_t at = 0; at < queue_.size(); ++at) {
    const std::size_t node = queue_[at];
    for (std::size_t i = first_[node]; i < first_[node + 1]; ++i) {
      const Residual& r = residuals_[i];
      if (level_[r.to] < 0 && left(r) > 0) {
        level_[r.to] = level_[node] + 1;
        if (r.to == sink_) return true;
        queue_.push_back(r.to);
      }
    }
  }
  return false;
}

/// Fills the level graph, path by path; `next_` remembers which arcs of a node are spent. What was
/// sent, or `unbounded`.
std::int64_t FrontierFlow::block() {
  std::copy(first_.begin(), first_.end() - 1, next_.begin());
  std::int64_t sent = 0;
  path_.clear();
  while (true) {
    const std::size_t node = path_.empty() ? source_ : residuals_[path_.back()].to;
    if (node == sink_) {
      std::int64_t most = unbounded;
      for (const std::size_t i : path_) most = std::min(most, left(residuals_[i]));
      if (most >= unbounded) return unbounded;
      std::size_t keep = path_.size();
      for (std::size_t k = path_.size(); k-- > 0;) {
        const Residual& r = residuals_[path_[k]];
        state_[r.arc].flow += r.forwards ? most : -most;
        if (left(r) == 0) keep = k;
      }
      path_.resize(keep);
      sent += most;
      continue;
    }
    std::size_t& i = next_[node];
    while (i < first_[node + 1] &&
           (level_[residuals_[i].to] != level_[node] + 1 || left(residuals_[i]) <= 0))
      ++i;
    if (i < first_[node + 1]) {
      path_.push_back(i);
    } else if (path_.empty()) {
      return sent;
    } else {  // a dead end
      path_.pop_back();
      ++next_[path_.empty() ? source_ : residuals_[path_.back()].to];
    }
  }
}

bool FrontierFlow::maximise() {
  while (search()) {
    const std::int64_t sent = block();
    if (sent >= unbounded) return false;
    value_ += sent;
  }
  cut_.clear();
  for (std::size_t a = 0; a < arcs(); ++a)
    if (on_source_side(from_[a]) != on_source_side(to_[a])) cut_.push_back(a);
  return true;
}

}  // namespace mw::models
