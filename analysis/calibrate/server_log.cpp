#include "analysis/calibrate/server_log.hpp"

#include <algorithm>

#include "models/inference/pod.hpp"
#include "sim/io/jsonl.hpp"

namespace mw::analysis {

using namespace mw::models;

std::vector<LoggedRequest> read_server_log(const std::filesystem::path& path) {
  sim::JsonlReader lines(path);
  std::vector<LoggedRequest> log;
  double soonest = 0, begin = 0;
  while (lines.next()) {
    LoggedRequest r;
    r.arrival = lines.number("arrival_time");
    r.first = lines.number("first_token_ts");
    r.last = lines.number("last_token_ts");
    r.prompt = static_cast<std::int32_t>(lines.number("input_toks"));
    r.output = static_cast<std::int32_t>(lines.number("output_toks"));
    const double wait = lines.number("queued_ts") - r.arrival;
    soonest = log.empty() ? wait : std::min(soonest, wait);
    begin = log.empty() ? r.arrival : std::min(begin, r.arrival);
    log.push_back(r);
  }
  if (log.empty())
    throw sim::InputError(path.string(), 0, 0, "holds no request", "name a log with requests");
  for (LoggedRequest& r : log) {
    r.arrival -= begin;
    r.first -= begin + soonest;
    r.last -= begin + soonest;
  }
  std::stable_sort(log.begin(), log.end(), [](const LoggedRequest& a, const LoggedRequest& b) {
    return a.arrival < b.arrival;
  });
  return log;
}

std::vector<LoggedRequest> replay(const std::vector<LoggedRequest>& log,
                                  const ReplayEngine& engine) {
  PodParameters parameters;
  parameters.table = engine.table;
  parameters.engine = engine.engine;
  parameters.keep_records = true;
  PodState pod = initial_pod(parameters);
  std::vector<LoggedRequest> out = log;
  std::size_t completed = 0;
  PodEpoch epoch;
  const auto run_until = [&](sim::Time until, std::span<const Arrival> arrivals) {
    begin_epoch(epoch, 1, pod.now, until, until - pod.now);
    advance(pod, parameters, arrivals, until, epoch);
    for (const RequestRecord& record : epoch.records) {
      LoggedRequest& r = out[static_cast<std::size_t>(record.id)];
      r.first = sim::to_seconds(record.first);
      r.last = sim::to_seconds(record.finished);
    }
    completed += static_cast<std::size_t>(epoch.counts.completed + epoch.counts.refused);
  };

  std::vector<Arrival> together;
  for (std::size_t i = 0; i < log.size();) {
    const sim::Time t = std::max(sim::from_seconds(log[i].arrival), pod.now);
    if (t > pod.now) run_until(t, {});
    // Seen just after the end of the iteration that now runs, a request misses the one that
    // follows; so do all that arrive before that end.
    const ReplicaState& replica = pod.replicas.front();
    const bool late = engine.plans_ahead && replica.busy;
    const sim::Time seen = late ? std::max(t, replica.ends.ns + 1) : t;
    together.clear();
    do {
      together.push_back({seen, i, log[i].prompt, log[i].output});
    } while (++i < log.size() && sim::from_seconds(log[i].arrival) <= seen);
    run_until(seen + 1, together);
  }
  while (completed < log.size()) run_until(pod.now + 100 * sim::second, {});
  return out;
}

}  // namespace mw::analysis
