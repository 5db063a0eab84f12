#include "models/inference/front.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mw::models {

namespace {

// Streams of the service. A copy of the generator has three of its own.
constexpr std::uint32_t split_stream = 2, shift_stream = 3, first_copy_stream = 16;
enum Purpose : std::uint32_t { gaps, spells, lengths, purposes };

sim::Stream stream_of(const FrontParameters& p, std::uint64_t copy, Purpose purpose) {
  return {p.seed, p.entity,
          first_copy_stream + static_cast<std::uint32_t>(copy) * purposes + purpose};
}

/// n independent Poisson streams with one common rate are one of n times the rate.
bool copies_merge(const FrontParameters& p) {
  return p.arrivals.cv == 1 && !p.arrivals.bursts;
}

ArrivalLaw law_of(const FrontParameters& p) {
  return {p.arrivals, copies_merge(p) ? static_cast<double>(p.copies) : 1, p.start_unix_ns};
}

struct Drawn {
  Arrival arrival;
  std::uint64_t copy;
};

void generate_copies(FrontState& front, const FrontParameters& p, sim::Time until,
                     std::vector<Drawn>& out) {
  const ArrivalLaw law = law_of(p);
  for (std::uint64_t copy = 0; copy < front.generated.size(); ++copy) {
    ArrivalState& state = front.generated[copy];
    for (sim::Time t; (t = sim::from_seconds(state.t)) < until;) {
      const Lengths l = draw_lengths(p.lengths, stream_of(p, copy, lengths), state.drawn - 1);
      out.push_back({{t, 0, l.prompt, l.output}, copy});
      next_arrival(state, law, stream_of(p, copy, gaps), stream_of(p, copy, spells));
    }
  }
}

void replay_copies(FrontState& front, const FrontParameters& p, sim::Time until,
                   std::vector<Drawn>& out) {
  const Trace& trace = *p.trace;
  for (std::uint64_t copy = 0; copy < front.replayed.size(); ++copy) {
    ReplayState& state = front.replayed[copy];
    while (true) {
      const Trace::Row& row = trace.rows[state.row];
      const sim::Time t = row.t - state.shift + state.lap * trace.period;
      if (t >= until) break;
      out.push_back({{t, 0, row.prompt_tokens, row.output_tokens}, copy});
      if (++state.row == trace.rows.size()) {
        state.row = 0;
        ++state.lap;
      }
    }
  }
}

std::size_t pod_of(const FrontParameters& p, std::uint64_t id) {
  const std::uint64_t draw = sim::bits({p.seed, p.entity, split_stream}, id).first;
  const auto all = static_cast<std::uint64_t>(p.pod_ends.back());
  const auto replica = static_cast<std::int64_t>((draw >> 32) * all >> 32);
  const auto pod = std::upper_bound(p.pod_ends.begin(), p.pod_ends.end(), replica);
  return static_cast<std::size_t>(pod - p.pod_ends.begin());
}

}  // namespace

FrontParameters make_front(const TrafficParameters& traffic, std::span<const std::int32_t> replicas,
                           std::uint64_t seed, std::uint32_t entity, std::int64_t start_unix_ns,
                           const std::filesystem::path& base) {
  FrontParameters p;
  if (traffic.trace) {
    p.trace = std::make_shared<const Trace>(read_trace(find_trace(*traffic.trace, base)));
  } else if (traffic.closed_loop) {
    p.closed_loop = traffic.closed_loop;
    p.lengths = *traffic.lengths;
  } else {
    p.arrivals = traffic.like ? traffic.like->value.arrivals : *traffic.arrivals;
    p.lengths = traffic.like ? traffic.like->value.lengths : *traffic.lengths;
  }
  p.copies = traffic.scale;
  p.pod_ends.resize(replicas.size());
  std::partial_sum(replicas.begin(), replicas.end(), p.pod_ends.begin());
  p.seed = seed;
  p.entity = entity;
  p.start_unix_ns = start_unix_ns;
  return p;
}

FrontState initial_front(const FrontParameters& p) {
  FrontState front;
  if (p.closed_loop) return front;
  const auto copies = static_cast<std::uint64_t>(p.copies);
  if (!p.trace) {
    const ArrivalLaw law = law_of(p);
    for (std::uint64_t copy = 0; copy < (copies_merge(p) ? 1 : copies); ++copy) {
      front.generated.push_back(
          first_arrival(law, stream_of(p, copy, gaps), stream_of(p, copy, spells)));
    }
    return front;
  }
  for (std::uint64_t copy = 0; copy < copies; ++copy) {
    // The first copy is the recording itself; the others start anywhere in it.
    const double u = copy == 0 ? 0 : sim::uniform({p.seed, p.entity, shift_stream}, copy);
    ReplayState state;
    state.shift = static_cast<sim::Time>(u * static_cast<double>(p.trace->period));
    const auto& rows = p.trace->rows;
    const auto first = std::lower_bound(rows.begin(), rows.end(), state.shift,
                                        [](const Trace::Row& r, sim::Time t) { return r.t < t; });
    state.row = static_cast<std::uint64_t>(first - rows.begin());
    if (first == rows.end()) {
      state.row = 0;
      state.lap = 1;
    }
    front.replayed.push_back(state);
  }
  return front;
}

PodUsers users_of_pod(const FrontParameters& p, std::size_t pod) {
  if (!p.closed_loop) return {};
  PodUsers users = users_of_pod(*p.closed_loop, p.pod_ends, pod);
  users.lengths = p.lengths;
  users.draws = stream_of(p, 0, lengths);
  return users;
}

void generate(FrontState& front, const FrontParameters& p, sim::Time until,
              std::vector<std::vector<Arrival>>& per_pod) {
  per_pod.resize(p.pod_ends.size());
  for (std::vector<Arrival>& pod : per_pod) pod.clear();
  std::vector<Drawn> drawn;
  if (p.trace) {
    replay_copies(front, p, until, drawn);
  } else {
    generate_copies(front, p, until, drawn);
  }
  std::stable_sort(drawn.begin(), drawn.end(), [](const Drawn& a, const Drawn& b) {
    return a.arrival.t != b.arrival.t ? a.arrival.t < b.arrival.t : a.copy < b.copy;
  });
  for (Drawn& one : drawn) {
    one.arrival.id = front.next_id++;
    per_pod[pod_of(p, one.arrival.id)].push_back(one.arrival);
  }
  front.now = until;
}

TrafficMeans traffic_means(const FrontParameters& p) {
  const auto copies = static_cast<double>(p.copies);
  if (!p.trace) {
    const MeanLengths mean = mean_lengths(p.lengths);
    const double rate = p.closed_loop ? std::nan("") : p.arrivals.rate.value * copies;
    return {rate, mean.prompt, mean.output};
  }
  const auto n = static_cast<double>(p.trace->rows.size());
  TrafficMeans means{n * copies / sim::to_seconds(p.trace->period), 0, 0};
  for (const Trace::Row& row : p.trace->rows) {
    means.prompt_tokens += row.prompt_tokens / n;
    means.output_tokens += row.output_tokens / n;
  }
  return means;
}

}  // namespace mw::models
