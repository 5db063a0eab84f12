#include "models/inference/flat_pods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <numeric>

#include "gpu/tiles.hpp"
#include "models/inference/flat_pod.hpp"
#include "models/inference/switching.hpp"
#include "sim/index.hpp"
#include "sim/invariant.hpp"

namespace mw::models {
namespace {

// Of histograms, so that only a few pods count into one at a time.
constexpr std::int32_t most_copies = 64;

using sim::idx;

// --- Where things lie in a pod's memory --------------------------------------------------------

/// Deals out memory from a beginning on; without one it only counts.
class Layout {
 public:
  explicit Layout(char* memory) : memory_(memory) {}
  template <class T>
  T* take(std::size_t count) {
    used_ = (used_ + alignof(T) - 1) / alignof(T) * alignof(T);
    T* const taken = memory_ ? reinterpret_cast<T*>(memory_ + used_) : nullptr;
    used_ += count * sizeof(T);
    return taken;
  }
  template <class T>
  void lay(gpu::FlatList<T>& list, std::size_t capacity) {
    list.lay(take<T>(capacity), capacity);
  }
  std::size_t used() const { return (used_ + 255) / 256 * 256; }

 private:
  char* memory_;
  std::size_t used_ = 0;
};

/// Lists are as long as they can ever become:
///   - those that run and those sent back together: max_num_seqs, as in order of arrival nobody new
///     is admitted while one that was sent back waits; or as many as there are now, where more came
///     from replicas that were switched off;
///   - the heap: an outdated entry for each request sent back, which tidy() keeps below 64 and as
///     many as decode;
///   - groups of those who wait for prompts alone: each has somebody, because in order of arrival
///     no prompt sends a decoding request back.
std::size_t lay_pod(char* memory, const PodParameters& p, const PodState* state) {
  Layout layout(memory);
  FlatPod* const pod = layout.take<FlatPod>(1);
  const auto n = idx(p.replicas), most = idx(p.engine.max_num_seqs);
  FlatReplica* const replicas = layout.take<FlatReplica>(n);
  FlatReplica spare;  // stands in where memory is only counted
  FlatPod spare_pod;
  if (memory) {
    new (pod) FlatPod;
    for (std::size_t r = 0; r < n; ++r) new (replicas + r) FlatReplica;
    pod->replicas.lay(replicas, n);
    pod->replicas.fill();
  }
  layout.lay(memory ? pod->router.outstanding : spare_pod.router.outstanding, n);
  for (std::size_t r = 0; r < n; ++r) {
    FlatReplica& replica = memory ? replicas[r] : spare;
    layout.lay(replica.jump.slots, most);
    const JumpState* const jump = state ? &state->replicas[r].jump : nullptr;
    layout.lay(replica.jump.sent_back,
               jump ? std::max(most, jump->running() + jump->sent_back.size()) : most);
    layout.lay(replica.jump.last_keys, 64 + 2 * most);
    layout.lay(replica.jump.stalled, most + 1);
    layout.lay(replica.jump.free_slots, most);
    layout.lay(replica.jump.finishing, most);
    layout.lay(replica.due, most);
    layout.lay(replica.jump.block_takers, idx(p.engine.block_size));
  }
  return layout.used();
}

template <class T>
void copy_list(gpu::FlatList<T>& to, const std::vector<T>& from) {
  to.clear();
  for (const T& value : from) to.push_back(value);
}
template <class T>
void copy_list(std::vector<T>& to, const gpu::FlatList<T>& from) {
  to.assign(from.begin(), from.end());
}

/// Both ways, but for those that wait to run for the first time.
template <class To, class From>
void copy_replica(To& to, const From& from) {
  static_cast<ReplicaBooks&>(to) = static_cast<const ReplicaBooks&>(from);
  static_cast<JumpSums&>(to.jump) = static_cast<const JumpSums&>(from.jump);
  copy_list(to.jump.sent_back, from.jump.sent_back);
  copy_list(to.jump.slots, from.jump.slots);
  copy_list(to.jump.free_slots, from.jump.free_slots);
  copy_list(to.jump.block_takers, from.jump.block_takers);
  copy_list(to.jump.last_keys, from.jump.last_keys);
  copy_list(to.jump.finishing, from.jump.finishing);
  copy_list(to.jump.stalled, from.jump.stalled);
}
template <class To, class From>
void copy_router(To& to, const From& from) {
  copy_list(to.outstanding, from.outstanding);
  to.next = from.next;
  to.off = from.off;
  to.draws = from.draws;
  to.completed_requests = from.completed_requests;
  to.completed_output_tokens = from.completed_output_tokens;
}

/// `memory` is laid out; the requests that wait go to the end of `chain`, links counted from there.
void pack(char* memory, const PodState& from, std::vector<FlatWaiting>& chain) {
  FlatPod& pod = *reinterpret_cast<FlatPod*>(memory);
  copy_router(pod.router, from.router);
  FlatReplica* const replicas = pod.replicas.data();
  std::int32_t link = 0;
  for (std::size_t r = 0; r < from.replicas.size(); ++r) {
    copy_replica(replicas[r], from.replicas[r]);
    const JumpState& state = from.replicas[r].jump;
    FlatJump& jump = replicas[r].jump;
    for (std::size_t i = idx(static_cast<std::int64_t>(state.head)); i < state.arrived.size();
         ++i) {
      if (jump.chained++ == 0) jump.first = link;
      const bool more = i + 1 < state.arrived.size();
      jump.last = link;
      chain.push_back({state.arrived[i], more ? link + 1 : -1});
      ++link;
    }
  }
}

/// But for what the host has of it: set-points, the fingerprint of refusals, and who waits at the
/// front.
void unpack(PodState& to, const char* memory, const FlatWaiting* chain) {
  const FlatPod& pod = *reinterpret_cast<const FlatPod*>(memory);
  copy_router(to.router, pod.router);
  for (std::size_t r = 0; r < to.replicas.size(); ++r) {
    const FlatReplica& from = pod.replicas.data()[r];
    const ReplicaBooks set = to.replicas[r];
    copy_replica(to.replicas[r], from);
    to.replicas[r].requested_level = set.requested_level;
    to.replicas[r].ceiling_level = set.ceiling_level;
    to.replicas[r].max_seqs = set.max_seqs;
    to.replicas[r].max_tokens = set.max_tokens;
    to.replicas[r].power_limit_mw = set.power_limit_mw;
    to.replicas[r].outage = set.outage;
    to.replicas[r].draining = set.draining;
    JumpState& jump = to.replicas[r].jump;
    jump.arrived.clear();
    jump.head = 0;
    for (std::int32_t i = from.jump.first; i >= 0; i = chain[i].behind)
      jump.arrived.push_back(chain[i].request);
  }
}

void add_to(LogHistogram& sum, const FlatHistogram& more) {
  LogHistogram one;
  std::size_t from = 0, to = FlatHistogram::bins;
  while (from < to && more.counts[from] == 0) ++from;
  if (from == to) return;
  while (more.counts[to - 1] == 0) --to;
  one.first = static_cast<std::int64_t>(from);
  one.counts.assign(more.counts + from, more.counts + to);
  one.total = std::accumulate(one.counts.begin(), one.counts.end(), std::int64_t{0});
  one.smallest = std::bit_cast<double>(INT64_MAX - more.below);
  one.largest = std::bit_cast<double>(more.largest);
  sum.merge(one);
}

// --- Tables --------------------------------------------------------------------------------------

/// A step table in a space.
class Table {
 public:
  Table(gpu::Space& space, const StepTable& t) : view_(t.view()) {
    view_.level_laws = put(space, t.level_laws);
    view_.token_time = put(space, t.token_time);
    view_.token_core_energy = put(space, t.token_core_energy);
    view_.token_other_energy = put(space, t.token_other_energy);
    view_.sampled_time = put(space, t.sampled_time);
    view_.sampled_core_energy = put(space, t.sampled_core_energy);
    view_.sampled_other_energy = put(space, t.sampled_other_energy);
    view_.decode_rows = put(space, t.decode_rows);
    view_.decode_cells = put(space, t.decode_cells);
  }
  const StepTableView& view() const { return view_; }

 private:
  template <class T>
  const T* put(gpu::Space& space, const std::vector<T>& values) {
    gpu::Buffer<char> buffer(space);
    buffer.put({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
    const T* const there = reinterpret_cast<const T*>(buffer.data());
    buffers_.push_back(std::move(buffer));
    return there;
  }
  StepTableView view_;
  std::vector<gpu::Buffer<char>> buffers_;
};

/// Lanes of a pod's tile: one a replica, as far as a warp goes.
int lanes_of(int replicas, int most) {
  return std::min(static_cast<int>(std::bit_ceil(static_cast<unsigned>(replicas))), most);
}

}  // namespace

std::string flat_obstacle(const PodParameters& p) {
  if (p.engine.stepping != Stepping::jump) return "the plain engine is asked for";
  if (p.engine.scheduling != Scheduling::fcfs || !p.tiers.empty()) return "priorities";
  if (p.keep_records) return "a record is kept of each request";
  if (p.prefixes) return "a prefix cache";
  if (p.may_drain) return "replicas that drain are watched";
  if (p.users.users > 0) return "users wait for their answers (a closed loop)";
  return {};
}

struct FlatPods::Inside {
  gpu::Space& space;
  std::vector<const PodParameters*> parameters;
  FlatOptions options;

  struct Pod {
    std::size_t index;         // among all pods
    std::int64_t bytes;        // of its memory
    std::int64_t memory = 0;   // where, in its part
    std::int64_t replica = 0;  // its first, among those taken
    // Of the chains: where its part begins, and the most requests in it that can still wait.
    std::int64_t chain = 0, chained = 0;
    std::int32_t law = 0;
    std::size_t part = 0;
  };
  struct Part {
    std::size_t first, last;  // pods
    std::int64_t bytes = 0;
    std::vector<char> aside;  // its pods' memory while another part has the device
  };
  std::vector<Pod> pods;
  std::vector<std::ptrdiff_t> place;  // by index among all pods; -1: not taken
  std::vector<Part> parts;
  std::int64_t replicas = 0, bytes = 0, room = 0;
  std::map<std::string, std::size_t> left;  // on the host, by reason

  std::map<const StepTable*, Table> tables;
  gpu::Buffer<PodLaw> laws{space};
  gpu::Buffer<char> memory{space};
  gpu::Buffer<FlatTask> tasks{space};
  gpu::Buffer<Arrival> arrivals{space};
  gpu::Buffer<FlatSetPoint> set_points{space};
  gpu::Buffer<FlatWaiting> waited{space}, waiting{space};
  gpu::Buffer<FlatLatencies> latencies{space};
  gpu::Buffer<std::int64_t> energy{space};
  gpu::Buffer<sim::TraceHash> hashes{space};
  gpu::Buffer<FlatResult> results{space};

  std::size_t chain_links = 0;  // in use of `waiting`
  bool loaded = false;
  std::string given_up;
  sim::Time now = 0;
  // Work space of an epoch.
  std::vector<FlatTask> task_list;
  std::vector<Arrival> arrival_list;
  std::vector<FlatSetPoint> set_point_list;
  std::vector<std::int64_t> energy_list;
  std::vector<sim::TraceHash> hash_list;
  std::vector<FlatResult> result_list;

  Inside(gpu::Space& s, std::vector<const PodParameters*> all_pods, FlatOptions how)
      : space(s), parameters(std::move(all_pods)), options(how), place(parameters.size(), -1) {
    const auto& all = parameters;
    std::vector<PodLaw> law_list;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string obstacle = flat_obstacle(*all[i]);
      if (!obstacle.empty()) {
        ++left[obstacle];
        continue;
      }
      PodLaw law = law_of(*all[i]);
      law.router_draws = {};  // its own, in its task
      const StepTable* const table = all[i]->table.get();
      auto found = tables.find(table);
      if (found == tables.end()) found = tables.try_emplace(table, space, *table).first;
      law.table = found->second.view();
      // Pods of a service share all of it.
      if (law_list.empty() || !(law_list.back() == law)) law_list.push_back(law);
      place[i] = static_cast<std::ptrdiff_t>(pods.size());
      pods.push_back({i, static_cast<std::int64_t>(lay_pod(nullptr, *all[i], nullptr)), 0, replicas,
                      0, 0, static_cast<std::int32_t>(law_list.size() - 1), 0});
      replicas += all[i]->replicas;
      bytes += pods.back().bytes;
    }
    laws.put(law_list);
    room = std::min(options.room, space.free_bytes() / 5 * 4);
    divide();
  }

  /// Into as few parts as fit, four fifths of the memory being for the pods and the rest for what
  /// an epoch brings.
  void divide() {
    parts.clear();
    for (std::size_t i = 0; i < pods.size(); ++i) {
      Pod& pod = pods[i];
      if (parts.empty() || parts.back().bytes + pod.bytes > room) parts.push_back({i, i, 0, {}});
      Part& part = parts.back();
      pod.memory = part.bytes;
      pod.part = parts.size() - 1;
      part.bytes += pod.bytes;
      part.last = i + 1;
    }
    std::int64_t most = 0;
    for (const Part& part : parts) most = std::max(most, part.bytes);
    memory.at_least(idx(most));
  }

  /// All memory that an epoch takes at most, before anything happens in it.
  void reserve(std::span<const std::span<const Arrival>> requests, int bins, std::int32_t copies) {
    std::size_t arriving = 0, links = 1;
    for (const Pod& pod : pods) {
      arriving += requests[pod.index].size();
      links += idx(pod.chained);
    }
    waited.at_least(links + arriving);  // where the requests of this epoch go
    waiting.at_least(1);
    arrivals.at_least(arriving);
    tasks.at_least(pods.size());
    set_points.at_least(idx(replicas));
    energy.at_least(idx(replicas * bins));
    hashes.at_least(idx(replicas));
    results.at_least(pods.size());
    latencies.at_least(idx(copies));
  }

  void to_device(const Part& part) {
    space.put(memory.data(), part.aside.data(), part.aside.size());
  }
  void from_device(Part& part) {
    part.aside.resize(idx(part.bytes));
    space.get(part.aside.data(), memory.data(), part.aside.size());
  }

  void load(std::span<const PodState> states) {
    std::vector<FlatWaiting> chain;
    bytes = 0;
    for (Pod& pod : pods) {
      pod.bytes =
          static_cast<std::int64_t>(lay_pod(nullptr, *parameters[pod.index], &states[pod.index]));
      bytes += pod.bytes;
    }
    divide();
    for (Part& part : parts) {
      part.aside.assign(idx(part.bytes), 0);
      for (std::size_t i = part.first; i < part.last; ++i) {
        char* const at = part.aside.data() + pods[i].memory;
        lay_pod(at, *parameters[pods[i].index], &states[pods[i].index]);
        const std::size_t before = chain.size();
        pack(at, states[pods[i].index], chain);
        pods[i].chain = static_cast<std::int64_t>(before);
        pods[i].chained = static_cast<std::int64_t>(chain.size() - before);
      }
    }
    waiting.put(chain);
    chain_links = chain.size();
    if (parts.size() == 1) {
      to_device(parts[0]);
      parts[0].aside = {};
    }
    loaded = true;
  }
};

FlatPods::FlatPods(gpu::Space& space, std::vector<const PodParameters*> parameters,
                   FlatOptions options)
    : inside_(std::make_unique<Inside>(space, std::move(parameters), options)) {}
FlatPods::~FlatPods() = default;

bool FlatPods::takes(std::size_t pod) const {
  return inside_->place[pod] >= 0;
}
bool FlatPods::empty() const {
  return inside_->pods.empty();
}
const std::string& FlatPods::given_up() const {
  return inside_->given_up;
}
int FlatPods::parts() const {
  return static_cast<int>(inside_->parts.size());
}

std::string FlatPods::notice() const {
  const Inside& in = *inside_;
  std::string text =
      fmt::format("{} of {} pods advance on {} ({:.2f} GB)", in.pods.size(), in.parameters.size(),
                  in.space.name(), static_cast<double>(in.bytes) * 1e-9);
  for (const auto& [why, count] : in.left)
    text += fmt::format("; {} stay on the processor: {}", count, why);
  if (in.parts.size() > 1)
    text += fmt::format(
        "; its memory does not hold them all, so they go there in {} parts in every "
        "epoch, which takes longer",
        in.parts.size());
  return text;
}

void FlatPods::advance(std::span<PodState> states,
                       std::span<const std::span<const Arrival>> arrivals, sim::Time until,
                       std::span<PodEpoch> epochs) {
  Inside& in = *inside_;
  if (in.pods.empty()) return;
  for (const Inside::Pod& pod : in.pods) {
    const PodState& state = states[pod.index];
    MW_INVARIANT(state.held_by == (in.loaded ? this : nullptr) &&
                     state.now == (in.loaded ? in.now : states[in.pods[0].index].now),
                 "a pod's state is not the one that its device holds");
  }
  // Replicas are switched by the host's hands, which is seldom.
  std::vector<PodCounts> at_host(in.pods.size());
  if (std::any_of(in.pods.begin(), in.pods.end(),
                  [&](const Inside::Pod& pod) { return switching_due(states[pod.index]); })) {
    fetch(states);
    for (std::size_t i = 0; i < in.pods.size(); ++i) {
      PodState& state = states[in.pods[i].index];
      if (switching_due(state))
        switch_replicas(state, *in.parameters[in.pods[i].index], at_host[i]);
    }
  }
  const sim::Time now = states[in.pods[0].index].now;
  const PodEpoch& first = epochs[in.pods[0].index];
  // Who counts into whose histograms: each has a few copies, for its pods in turn.
  struct Group {
    std::int32_t pods = 0, first = 0, copies = 0, next = 0;
  };
  std::map<Latencies*, Group> groups;
  for (const Inside::Pod& pod : in.pods) ++groups[epochs[pod.index].latencies].pods;
  std::int32_t copies = 0;
  for (auto& [to, group] : groups) {
    group.first = copies;
    group.copies = std::min(group.pods, most_copies);
    copies += group.copies;
  }
  in.given_up.clear();
  try {
    if (!in.loaded) in.load(states);
    in.reserve(arrivals, first.bins, copies);
  } catch (const gpu::NoRoom& full) {
    if (in.options.required) throw;
    in.given_up = full.what();
    fetch(states);
    for (std::size_t i = 0; i < in.pods.size(); ++i) {
      const std::size_t p = in.pods[i].index;
      mw::models::advance(states[p], *in.parameters[p], arrivals[p], until, epochs[p]);
      add(epochs[p].counts, at_host[i]);
    }
    return;
  }

  in.arrival_list.clear();
  in.set_point_list.clear();
  in.task_list.clear();
  std::int64_t waiting = 0;
  for (std::size_t i = 0; i < in.pods.size(); ++i) {
    Inside::Pod& pod = in.pods[i];
    const PodParameters& p = *in.parameters[pod.index];
    PodState& state = states[pod.index];
    std::span<const Arrival> mine = arrivals[pod.index];
    if (nobody_on(state.router)) {
      const PodLaw law = law_of(p);
      for (const Arrival& a : mine) receive(state, p, law, a, at_host[i]);
      mine = {};
    }
    FlatTask task;
    task.memory = pod.memory;
    task.arrivals = static_cast<std::int64_t>(in.arrival_list.size());
    task.arrival_count = static_cast<std::int32_t>(mine.size());
    task.replica = pod.replica;
    task.waited = pod.chain;
    task.waiting = pod.chain = waiting;
    waiting += pod.chained + task.arrival_count;
    task.law = pod.law;
    Group& group = groups[epochs[pod.index].latencies];
    task.latencies = group.first + group.next++ % group.copies;
    task.result = static_cast<std::int32_t>(i);
    task.router_draws = {p.seed, p.partition, router_stream};
    task.refusals = state.refusals;
    in.task_list.push_back(task);
    in.arrival_list.insert(in.arrival_list.end(), mine.begin(), mine.end());
    for (const ReplicaState& replica : state.replicas)
      in.set_point_list.push_back({replica.power_limit_mw, replica.requested_level,
                                   replica.ceiling_level, replica.max_seqs, replica.max_tokens});
  }

  // What waits was left where the last epoch's requests are.
  std::swap(in.waited, in.waiting);
  in.chain_links = idx(waiting);
  in.arrivals.put(in.arrival_list);
  in.set_points.put(in.set_point_list);
  in.latencies.zero(idx(copies));

  AdvanceFlatPods body;
  FlatEpoch& e = body.epoch;
  e.memory = in.memory.data();
  e.laws = in.laws.data();
  e.arrivals = in.arrivals.data();
  e.set_points = in.set_points.data();
  e.waited = in.waited.data();
  e.waiting = in.waiting.data();
  e.latencies = in.latencies.data();
  e.energy_nj = in.energy.data();
  e.hashes = in.hashes.data();
  e.results = in.results.data();
  e.start = first.start;
  e.now = now;
  e.until = until;
  e.sub_step = first.sub_step;
  e.bins = first.bins;

  for (Inside::Part& part : in.parts) {
    if (in.parts.size() > 1) in.to_device(part);
    // Tiles alike stand together: by width, and the busy ones first.
    const int most = in.space.backend() == gpu::Backend::cuda ? 32 : in.options.lanes;
    const auto width = [&](const FlatTask& t) {
      return lanes_of(in.parameters[in.pods[idx(t.result)].index]->replicas, most);
    };
    const auto begin = in.task_list.begin() + static_cast<std::ptrdiff_t>(part.first);
    const auto end = in.task_list.begin() + static_cast<std::ptrdiff_t>(part.last);
    std::sort(begin, end, [&](const FlatTask& a, const FlatTask& b) {
      if (width(a) != width(b)) return width(a) < width(b);
      if (a.arrival_count != b.arrival_count) return a.arrival_count > b.arrival_count;
      return a.result < b.result;
    });
    in.tasks.put({&*begin, part.last - part.first});
    for (auto from = begin; from != end;) {
      auto to = from;
      while (to != end && width(*to) == width(*from)) ++to;
      e.tasks = in.tasks.data() + (from - begin);
      const int count = static_cast<int>(to - from);
      if (in.space.backend() == gpu::Backend::cuda) {
        advance_on_cuda(body, count, width(*from));
      } else {
        gpu::each_tile(body, count, {width(*from), in.options.backwards});
      }
      from = to;
    }
    if (in.parts.size() > 1) in.from_device(part);
  }

  // Back to the host: what was counted, by replica, by pod and by who asked for latencies.
  in.energy_list.resize(idx(in.replicas * first.bins));
  in.hash_list.resize(idx(in.replicas));
  in.result_list.resize(in.pods.size());
  in.energy.get(in.energy_list);
  in.hashes.get(in.hash_list);
  in.results.get(in.result_list);
  for (std::size_t i = 0; i < in.pods.size(); ++i) {
    Inside::Pod& pod = in.pods[i];
    PodState& state = states[pod.index];
    PodEpoch& epoch = epochs[pod.index];
    epoch.counts = in.result_list[i].counts;
    const auto bins = in.energy_list.begin() + pod.replica * first.bins;
    std::copy_n(bins, epoch.energy_nj.size(), epoch.energy_nj.begin());
    state.refusals = in.result_list[i].refusals;
    for (std::size_t r = 0; r < state.replicas.size(); ++r)
      state.replicas[r].hash = in.hash_list[idx(pod.replica) + r];
    state.now = until;
    state.held_by = this;
    pod.chained = epoch.counts.waiting;
    add(epoch.counts, at_host[i]);
    epoch.counts.waiting += static_cast<std::int64_t>(state.held.size());
  }
  for (const auto& [to, group] : groups) {
    if (!to) continue;
    std::vector<FlatLatencies> counted(idx(group.copies));
    in.space.get(counted.data(), in.latencies.data() + group.first,
                 counted.size() * sizeof(FlatLatencies));
    for (const FlatLatencies& one : counted) {
      add_to(to->ttft, one.ttft);
      add_to(to->tpot, one.tpot);
      add_to(to->itl, one.itl);
      add_to(to->e2e, one.e2e);
      add_to(to->queue, one.queue);
    }
  }
  in.now = until;
}

void FlatPods::fetch(std::span<PodState> states) {
  Inside& in = *inside_;
  if (!in.loaded) return;
  std::vector<FlatWaiting> chain(in.chain_links);
  in.waiting.get(chain);
  for (Inside::Part& part : in.parts) {
    if (in.parts.size() == 1) in.from_device(part);
    for (std::size_t i = part.first; i < part.last; ++i) {
      Inside::Pod& pod = in.pods[i];
      unpack(states[pod.index], part.aside.data() + pod.memory, chain.data() + pod.chain);
      states[pod.index].held_by = nullptr;
    }
    part.aside = {};
  }
  in.loaded = false;
}

}  // namespace mw::models
