#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace mw::models {

/// A bound that no flow meets.
inline constexpr std::int64_t unbounded = std::int64_t{1} << 61;

/// A maximum flow with lower and upper bounds that keeps its flow when bounds change, provided that
/// it still fits them. Integers. Blocking flows on level graphs (Dinitz 1970), from the flow that
/// was there; the nodes that the last search reached are the source's side of the minimum cut.
class FrontierFlow {
 public:
  void add_arc(std::size_t from, std::size_t to);
  /// After the last arc.
  void finish(std::size_t source, std::size_t sink);
  /// The present flow must lie within.
  void set_bounds(std::size_t arc, std::int64_t least, std::int64_t most);

  /// False where the flow is unbounded: no cut is left.
  bool maximise();
  std::int64_t value() const { return value_; }

  std::size_t arcs() const { return from_.size(); }
  std::size_t from(std::size_t arc) const { return from_[arc]; }
  std::size_t to(std::size_t arc) const { return to_[arc]; }
  bool on_source_side(std::size_t node) const { return level_[node] >= 0; }
  /// The arcs between the two sides, either way.
  const std::vector<std::size_t>& cut() const { return cut_; }

 private:
  struct Residual {
    std::uint32_t to;
    std::uint32_t arc;
    bool forwards;
  };
  std::int64_t left(const Residual& r) const {
    const Bounded& b = state_[r.arc];
    return r.forwards ? (b.most >= unbounded ? unbounded : b.most - b.flow) : b.flow - b.least;
  }
  bool search();
  std::int64_t block();

  struct Bounded {
    std::int64_t flow = 0, least = 0, most = 0;
  };
  std::vector<std::size_t> from_, to_;
  std::vector<Bounded> state_;
  std::vector<std::size_t> first_;  // of each node in residuals_, and one beyond
  std::vector<Residual> residuals_;
  std::vector<std::int32_t> level_;
  std::vector<std::size_t> next_, queue_, path_, cut_;
  std::size_t source_ = 0, sink_ = 0, nodes_ = 0;
  std::int64_t value_ = 0;
};

}  // namespace mw::models
