#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/validate/figures.hpp"
#include "models/compute/precision.hpp"
#include "models/training/job.hpp"
#include "scenarios/catalog.hpp"
#include "scenarios/names.hpp"
#include "sim/input_error.hpp"

// Measured points: rows of a CSV file, one benchmark run each (docs/validate.md).
namespace mw::analysis {

enum class PointKind { serving, wall, training, image, video, cap };
inline std::span<const char* const> enum_names(PointKind) {
  static constexpr const char* names[] = {"serving", "wall", "training", "image", "video", "cap"};
  return names;
}

/// How a benchmark sends its requests.
enum class Pattern { closed_loop, poisson, at_once };
inline std::span<const char* const> enum_names(Pattern) {
  static constexpr const char* names[] = {"closed_loop", "poisson", "at_once"};
  return names;
}

enum class TtftKind { median, mean };
inline std::span<const char* const> enum_names(TtftKind) {
  static constexpr const char* names[] = {"median", "mean"};
  return names;
}

/// Share of the kernels' time that stretches with 1 / clock, where a row of kind cap does not say:
/// calibrated, the one that meets all sweeps of V100 and A40 best (Zeus, NSDI 2023;
/// docs/validate.md).
inline constexpr double common_compute_share = 0.5;

/// One row, complete: names are those of the catalog, what was blank has its default.
struct Point {
  int line = 0;
  std::string id, group, task, family;
  PointKind kind = PointKind::serving;
  std::string model, gpu, stack, rack;  // catalog names; model as written for image and video
  std::string written_model, written_gpu, written_stack;
  // Of the whole row: `replicas` engines of tp x pp x attention_dp GPUs each.
  int n_gpus = 1, tp = 1, pp = 1, ep = 1, attention_dp = 1, replicas = 1;
  models::Precision precision = models::Precision::bf16, kv = models::Precision::bf16;
  // Limits of one engine.
  int max_num_seqs = 256, max_num_batched_tokens = 8192;
  int admission_interval = 1;  // iterations of decodes alone between looks at new requests
  int batch_wait = 0;          // iterations that prompts wait for more of them
  double batch_wait_fill = 0;  // unless they fill this share of an iteration
  std::optional<std::int64_t> kv_blocks;
  Pattern pattern = Pattern::at_once;
  bool whole_run = false;  // at once: counted from the first request to the last token
  int concurrency = 0;     // closed loop: users of the whole row
  double rate = 0;         // Poisson: requests per second of the whole row
  std::int64_t n_requests = 0;
  std::int64_t distinct_prompts = 0;  // asked in turn, held in a cache of prefixes; 0: all differ
  double isl = 0, osl = 0;            // mean lengths; the longest where `shortest` is below 1
  double isl_cv = 0, osl_cv = 0;      // lognormal
  double shortest = 1;                // uniform from this share of isl and osl up to them
  std::optional<double> cap_w;        // power limit of one GPU
  TtftKind ttft = TtftKind::median;
  bool contended = false;                   // other jobs shared the host
  std::optional<double> request_latency_s;  // where it is not the stack's
  std::string weak;                         // a reason of the user's own to set the row apart
  // Image and video.
  int batch = 1, width = 0, height = 0, frames = 1, steps = 0, ulysses = 1, ring = 1;
  // Training; the stack is of the catalog `training_stacks`.
  models::TrainingJob job;
  std::int64_t train_steps = 0;  // of the whole run; 0: not told
  // Cap: the work's name is the model.
  double free_w = 0;                    // mean power of one GPU without a limit
  std::optional<double> compute_share;  // of its kernels' time; none: fitted to the sweep's rows
  std::optional<double> waits;          // share of all time in which the GPU waits; none: the same
  Figures measured;
  std::vector<std::string> notes;  // defaults that had to be guessed for this row
};

struct ColumnAbout {
  std::string_view name, text, fallback;
  std::vector<std::string_view> also;  // other names it is known by
};
/// Every column that is understood, for reading and for the documentation.
std::span<const ColumnAbout> point_columns();

struct PointFile {
  std::vector<Point> points;              // that can be predicted as far as the row tells
  std::vector<sim::InputError> problems;  // one for each row, or field, that cannot
  std::vector<std::string> warnings;      // of the whole file: unknown columns
  std::vector<std::string> defaults;      // that were used, each once
  std::size_t rows = 0;
};

/// Reads a whole points file. Throws sim::InputError only if it is no table at all.
PointFile read_points(const std::string& path, const scenarios::Catalog& catalog,
                      const scenarios::Names& names);
/// The same from a text; `name` stands for the file in messages.
PointFile read_points_text(const std::string& name, std::string_view text,
                           const scenarios::Catalog& catalog, const scenarios::Names& names);

}  // namespace mw::analysis
