#pragma once
#include <filesystem>
#include <vector>

#include "models/compute/step_table.hpp"
#include "models/inference/engine.hpp"

// The log of a real server, request by request, and the same requests through our engine.
namespace mw::analysis {

/// One request as a server logged it; seconds from the first arrival.
struct LoggedRequest {
  double arrival = 0, first = 0, last = 0;
  std::int32_t prompt = 1, output = 1;

  double ttft() const { return first - arrival; }
  double tpot() const { return output > 1 ? (last - first) / (output - 1) : 0; }
};

/// Reads vLLM logs as LLMServingSim keeps them (JSON lines, plain or gzip): input_toks,
/// output_toks, arrival_time by the client's clock; queued_ts, first_token_ts, last_token_ts by the
/// engine's. The clocks are joined so that the request that was queued soonest was queued at once.
/// Throws sim::InputError.
std::vector<LoggedRequest> read_server_log(const std::filesystem::path& path);

struct ReplayEngine {
  std::shared_ptr<const models::StepTable> table;
  models::EngineParameters engine;
  /// The scheduler plans an iteration when the one before it starts (vLLM's async scheduling), so
  /// what arrives during an iteration waits for the one after the next.
  bool plans_ahead = true;
};

/// The same arrivals and lengths through one engine; times are simulated.
std::vector<LoggedRequest> replay(const std::vector<LoggedRequest>& log,
                                  const ReplayEngine& engine);

}  // namespace mw::analysis
