#include "models/inference/front.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace mw::models {

namespace {

// Streams of the service. A copy of the generator has three of its own.
constexpr std::uint32_t shift_stream = 3, tier_stream = 4, prefix_stream = 5,
                        first_copy_stream = 16;
enum Purpose : std::uint32_t { gaps, spells, requests, purposes };

sim::Stream stream_of(const FrontParameters& p, std::uint64_t copy, Purpose purpose) {
  return {p.seed, p.entity,
          first_copy_stream + static_cast<std::uint32_t>(copy) * purposes + purpose};
}

/// n independent Poisson streams with one common rate are one of n times the rate.
bool copies_merge(const FrontParameters& p) {
  return p.arrivals.cv == 1 && !p.arrivals.bursts;
}

ArrivalLaw law_of(const FrontParameters& p) {
  return {p.arrivals, copies_merge(p) ? static_cast<double>(p.copies) : 1, p.start_unix_ns, p.kept};
}

/// The 128 bits of a request: 40 for the probability of either length, 48 for its pod.
struct RequestDraw {
  explicit RequestDraw(sim::Bits bits)
      : prompt(unit(bits.first >> 24)),
        output(unit(bits.second >> 24)),
        pod((bits.first & low) << 24 | (bits.second & low)) {}
  double prompt, output;
  std::uint64_t pod;

 private:
  static constexpr std::uint64_t low = (1 << 24) - 1;
  static double unit(std::uint64_t bits) { return (static_cast<double>(bits) + 0.5) * 0x1p-40; }
};

/// A replica by its bits, all alike (up to n in 2^32), and the pod it is of.
std::uint32_t pod_of(const std::vector<std::int32_t>& ends, std::uint64_t bits48) {
  const std::uint64_t draw = bits48 >> 16;
  const auto replica =
      static_cast<std::int64_t>(draw * static_cast<std::uint64_t>(ends.back()) >> 32);
  // Pods are of nearly the same size: the guess is right or next to it.
  std::size_t pod = draw * ends.size() >> 32;
  while (replica >= ends[pod]) ++pod;
  while (pod > 0 && replica < ends[pod - 1]) --pod;
  return static_cast<std::uint32_t>(pod);
}

/// Rows to the next that is kept, when each is by a draw of its own: a geometric number.
std::uint64_t rows_to_next(const FrontParameters& p, double u) {
  constexpr double most = 1e15;  // far beyond any run
  return 1 + static_cast<std::uint64_t>(std::min(
                 most, std::floor(sim::portable::log(u) / sim::portable::log(1 - p.kept))));
}
void step_on(ReplayState& state, const Trace& trace, std::uint64_t rows) {
  const std::uint64_t at = state.row + rows;
  state.row = at % trace.rows.size();
  state.lap += static_cast<std::int64_t>(at / trace.rows.size());
}

bool earlier(const Arrival& a, const Arrival& b) {
  return a.t != b.t ? a.t < b.t : a.id < b.id;
}

/// What the prompts have in common; null: nothing.
std::shared_ptr<const PrefixLaw> prefixes_of(const TrafficParameters& traffic,
                                             const FrontParameters& p) {
  PrefixLaw law;
  if (p.trace) {
    if (p.trace->group_tokens == 0) return nullptr;
    law.group_tokens = p.trace->group_tokens;
    law.trace = p.trace;
    law.copies = static_cast<std::uint64_t>(p.copies);
  } else {
    if (!traffic.shared_prefixes && !(p.closed_loop && p.closed_loop->turns > 1)) return nullptr;
    if (p.closed_loop) {
      law.users = static_cast<std::uint64_t>(p.closed_loop->users);
      law.turns = static_cast<std::uint64_t>(p.closed_loop->turns);
    }
    if (traffic.shared_prefixes)
      add_shared(law, *traffic.shared_prefixes, {p.seed, p.entity, prefix_stream});
  }
  return std::make_shared<const PrefixLaw>(std::move(law));
}

/// Sorts by time within [from, until): into as many equal spans of time as there are requests, then
/// by insertion, which finds nearly everything in its place.
void sort_by_time(std::span<Arrival> arrivals, sim::Time from, sim::Time until) {
  struct Scratch {
    std::vector<Arrival> sorted;
    std::vector<std::uint32_t> place;
  };
  thread_local Scratch scratch;
  const std::size_t n = arrivals.size();
  if (n > 32) {
    const double scale = static_cast<double>(n) / static_cast<double>(until - from);
    const auto span_of = [&](const Arrival& a) {
      return std::min(n - 1, static_cast<std::size_t>(static_cast<double>(a.t - from) * scale));
    };
    scratch.place.assign(n + 1, 0);
    for (const Arrival& a : arrivals) ++scratch.place[span_of(a) + 1];
    std::partial_sum(scratch.place.begin(), scratch.place.end(), scratch.place.begin());
    scratch.sorted.resize(n);
    for (const Arrival& a : arrivals) scratch.sorted[scratch.place[span_of(a)]++] = a;
    std::copy(scratch.sorted.begin(), scratch.sorted.end(), arrivals.begin());
  }
  for (std::size_t i = 1; i < n; ++i) {
    if (!earlier(arrivals[i], arrivals[i - 1])) continue;
    const Arrival moved = arrivals[i];
    std::size_t at = i;
    for (; at > 0 && earlier(moved, arrivals[at - 1]); --at) arrivals[at] = arrivals[at - 1];
    arrivals[at] = moved;
  }
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
  p.prefixes = prefixes_of(traffic, p);
  return p;
}

FrontParameters keep_pods(FrontParameters p, std::span<const std::int32_t> pods) {
  const std::int32_t all = p.pod_ends.back();
  std::vector<std::int32_t> ends;
  std::int32_t kept = 0;
  for (const std::int32_t pod : pods) {
    const auto i = static_cast<std::size_t>(pod);
    kept += p.pod_ends[i] - (i > 0 ? p.pod_ends[i - 1] : 0);
    ends.push_back(kept);
  }
  p.kept *= static_cast<double>(kept) / all;
  p.pod_ends = std::move(ends);
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
    if (p.kept < 1) {
      const double first_kept = sim::uniform({p.seed, p.entity, shift_stream}, copies + copy);
      step_on(state, *p.trace, rows_to_next(p, first_kept) - 1);
    }
    front.replayed.push_back(state);
  }
  return front;
}

sim::Stream tier_draws(const FrontParameters& p) {
  return {p.seed, p.entity, tier_stream};
}

PodUsers users_of_pod(const FrontParameters& p, std::size_t pod) {
  if (!p.closed_loop) return {};
  PodUsers users = users_of_pod(*p.closed_loop, p.pod_ends, pod);
  users.lengths = p.lengths;
  users.draws = stream_of(p, 0, requests);
  users.prefixes = p.prefixes;
  return users;
}

void Generation::begin(FrontState& front, const FrontParameters& parameters, sim::Time until) {
  if (parameters_ != &parameters) laws_.reset();
  if (parameters_ != &parameters || front_ != &front || known_ != front.now ||
      known_made_ != front.made || next_.size() != front.generated.size()) {
    next_.clear();
    for (const ArrivalState& state : front.generated) next_.push_back(sim::from_seconds(state.t));
  }
  front_ = &front;
  parameters_ = &parameters;
  ends_ = front.pod_ends.empty() ? &parameters.pod_ends : &front.pod_ends;
  from_ = front.now;
  until_ = until;
  copies_ = front.generated.size() + front.replayed.size();
  if (!parameters.trace && !laws_)
    laws_ = Laws{law_of(parameters), RequestLengths(parameters.lengths)};
  constexpr std::uint64_t most_parts = 64;
  drawn_.resize(std::min(copies_, most_parts));
}

void Generation::draw(std::size_t part) {
  std::vector<Drawn>& out = drawn_[part];
  out.clear();
  const std::uint64_t begin = copies_ * part / parts(), end = copies_ * (part + 1) / parts();
  if (parameters_->trace) {
    for (std::uint64_t copy = begin; copy < end; ++copy) replay(copy, out);
    return;
  }
  // First those that have a request in the span: where few do, their states lie far apart.
  thread_local std::vector<std::uint64_t> scratch;
  scratch.resize(end - begin);
  std::uint64_t* const due = scratch.data();
  const sim::Time* const next = next_.data();
  const sim::Time until = until_;
  std::size_t n = 0;
  for (std::uint64_t copy = begin; copy < end; ++copy) {
    due[n] = copy;
    n += next[copy] < until ? 1 : 0;
  }
  // Then so many at once, while memory is asked for the next ones' states.
  const ArrivalState* const states = front_->generated.data();
  const auto ask_for = [states, due, n](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < std::min(n, to); ++i) {
      const ArrivalState* const state = states + due[i];  // may lie in two lines
      __builtin_prefetch(state, 1);
      __builtin_prefetch(reinterpret_cast<const char*>(state + 1) - 1, 1);
    }
  };
  constexpr std::size_t together = 32;
  std::array<std::uint64_t, together> drawn;
  std::array<GapDraw, together> which;
  std::array<double, together> gap;
  std::array<sim::Bits, together> bits;
  ask_for(0, together);
  for (std::size_t first = 0; first < n; first += together) {
    const std::size_t m = std::min(together, n - first);
    ask_for(first + together, first + 2 * together);
    // One after another without work in between: what is not here yet is waited for together.
    for (std::size_t i = 0; i < m; ++i) drawn[i] = states[due[first + i]].drawn;
    for (std::size_t i = 0; i < m; ++i) {
      const std::uint64_t copy = due[first + i];
      which[i] = {stream_of(*parameters_, copy, gaps), drawn[i]};
      bits[i] = sim::bits(stream_of(*parameters_, copy, requests), drawn[i] - 1);
    }
    draw_gaps(laws_->arrivals, std::span(which).first(m), gap);
    for (std::size_t i = 0; i < m; ++i) generate(due[first + i], bits[i], gap[i], out);
  }
}

/// Its first request in the span is drawn, and the gap behind it.
void Generation::generate(std::uint64_t copy, sim::Bits bits, double gap, std::vector<Drawn>& out) {
  const FrontParameters& p = *parameters_;
  ArrivalState& state = front_->generated[copy];
  const sim::Stream gaps_stream = stream_of(p, copy, gaps),
                    spells_stream = stream_of(p, copy, spells),
                    requests_stream = stream_of(p, copy, requests);
  sim::Time& t = next_[copy];
  const auto add = [&](sim::Bits of_request) {
    const RequestDraw draw(of_request);
    Lengths l = laws_->lengths.at(draw.prompt, draw.output);
    const std::uint64_t id = (state.drawn - 1) * copies_ + copy;
    if (p.prefixes) l.prompt += p.prefixes->tokens_before(id);
    out.push_back({{t, id, l.prompt, l.output}, pod_of(*ends_, draw.pod)});
  };
  add(bits);
  next_arrival(state, laws_->arrivals, gap, spells_stream);
  for (t = sim::from_seconds(state.t); t < until_; t = sim::from_seconds(state.t)) {
    add(sim::bits(requests_stream, state.drawn - 1));
    next_arrival(state, laws_->arrivals, gaps_stream, spells_stream);
  }
}

void Generation::replay(std::uint64_t copy, std::vector<Drawn>& out) {
  const FrontParameters& p = *parameters_;
  const Trace& trace = *p.trace;
  const sim::Stream requests_stream = stream_of(p, copy, requests);
  ReplayState& state = front_->replayed[copy];
  while (true) {
    const Trace::Row& row = trace.rows[state.row];
    const sim::Time t = row.t - state.shift + state.lap * trace.period;
    if (t >= until_) break;
    const std::uint64_t number =
        static_cast<std::uint64_t>(state.lap) * trace.rows.size() + state.row;
    const RequestDraw draw(sim::bits(requests_stream, number));
    out.push_back({{t, number * copies_ + copy, row.prompt_tokens, row.output_tokens},
                   pod_of(*ends_, draw.pod)});
    step_on(state, trace, p.kept < 1 ? rows_to_next(p, draw.prompt) : 1);
  }
}

void Generation::split() {
  std::vector<std::size_t>& begin = arrivals_.begin;
  const std::size_t pods = parameters_->pod_ends.size();
  // Counted one place further on, so that filling the pods leaves each begin where it belongs.
  begin.assign(pods + 2, 0);
  for (const auto& part : drawn_) {
    for (const Drawn& one : part) ++begin[one.pod + 2];
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  arrivals_.all.resize(begin.back());
  for (const auto& part : drawn_) {
    for (const Drawn& one : part) arrivals_.all[begin[one.pod + 1]++] = one.arrival;
  }
  begin.pop_back();
  front_->made += static_cast<std::int64_t>(arrivals_.all.size());
  front_->now = known_ = until_;
  known_made_ = front_->made;
}

void Generation::sort(std::size_t pod) {
  if (copies_ < 2) return;
  const std::size_t begin = arrivals_.begin[pod];
  sort_by_time(std::span(arrivals_.all).subspan(begin, arrivals_.begin[pod + 1] - begin), from_,
               until_);
}

const ArrivalsByPod& generate(Generation& generation, FrontState& front,
                              const FrontParameters& parameters, sim::Time until) {
  generation.begin(front, parameters, until);
  for (std::size_t part = 0; part < generation.parts(); ++part) generation.draw(part);
  generation.split();
  for (std::size_t pod = 0; pod < parameters.pod_ends.size(); ++pod) generation.sort(pod);
  return generation.arrivals();
}

TrafficMeans traffic_means(const FrontParameters& p) {
  const auto copies = static_cast<double>(p.copies);
  if (!p.trace) {
    MeanLengths mean = mean_lengths(p.lengths);
    if (p.prefixes) {
      // A turn repeats those before it: on the average half of all the others.
      mean.prompt += 0.5 * static_cast<double>(p.prefixes->turns - 1) * (mean.prompt + mean.output);
      mean.prompt += p.prefixes->share * p.prefixes->shared_tokens;
    }
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
