#include "analysis/validate/point_training.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "models/training/stack.hpp"
#include "scenarios/nearest.hpp"
#include "scenarios/problems.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;
using scenarios::in_quotes;

/// Lower case, letters and digits alone.
std::string plain(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  }
  return out;
}

/// The first number with a point in it, as year x 100 + month of a release: `NeMo 26.04.01` is
/// 2604.
std::optional<int> release_of(std::string_view text) {
  const auto digit = [&](std::size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  for (std::size_t i = 0; i + 4 < text.size(); ++i) {
    if (digit(i) && digit(i + 1) && text[i + 2] == '.' && digit(i + 3) && digit(i + 4) &&
        (i == 0 || !digit(i - 1)))
      return 1000 * (text[i] - '0') + 100 * (text[i + 1] - '0') + 10 * (text[i + 3] - '0') +
             (text[i + 4] - '0');
  }
  return std::nullopt;
}

/// Entries are named by their first release: `megatron_26_02`.
std::optional<int> first_release(const std::string& name) {
  const auto at = name.find_first_of("0123456789");
  if (at == std::string::npos) return std::nullopt;
  std::string dotted = name.substr(at);
  std::replace(dotted.begin(), dotted.end(), '_', '.');
  return release_of(dotted);
}

void read_stack(Point& point, const RowFields& row, const scenarios::Catalog& catalog) {
  const auto names = catalog.list(TrainingStackParameters::catalog);
  point.written_stack = row.text("stack");
  if (catalog.find(TrainingStackParameters::catalog, point.written_stack)) {
    point.stack = point.written_stack;
    return;
  }
  const auto release = release_of(point.written_stack);
  if (!point.written_stack.empty() && !release) {
    row.problem(
        "stack", fmt::format("{} is no training software", in_quotes(point.written_stack)),
        "write the version of its NeMo container, as 26.04, or one of " + scenarios::listed(names));
    return;
  }
  // The newest that is not newer than the release; the oldest for what came before.
  for (const auto& name : names) {
    const auto first = first_release(name);
    if (!first) continue;
    if (point.stack.empty() || !release || *first <= *release) point.stack = name;
  }
  if (!release) row.by_default("stack: " + point.stack + ", the newest training software");
}

std::optional<TrainingPrecision> precision_of(std::string_view text) {
  const std::string word = plain(text);
  if (word == "bf16" || word == "bfloat16" || word == "fp16" || word == "float16")
    return TrainingPrecision::bf16;
  if (word.starts_with("mxfp8") || word == "fp8mx") return TrainingPrecision::mxfp8;
  if (word.starts_with("fp8")) return TrainingPrecision::fp8;
  if (word.starts_with("nvfp4") || word == "fp4") return TrainingPrecision::nvfp4;
  return std::nullopt;
}

template <class E>
void read_choice(E& value, const char* column, const RowFields& row) {
  const std::string word(row.text(column));
  if (word.empty()) return;
  std::vector<std::string> names;
  for (const char* name : enum_names(E{})) {
    if (word == name) {
      value = static_cast<E>(names.size());
      return;
    }
    names.emplace_back(name);
  }
  row.problem(column, fmt::format("{} is none of its words", in_quotes(word)),
              "write one of " + scenarios::listed(names));
}

}  // namespace

void read_training(Point& point, const RowFields& row, const scenarios::Catalog& catalog) {
  read_stack(point, row, catalog);
  TrainingJob& job = point.job;
  const auto count = [&](const char* column, int fallback, double most) {
    return static_cast<int>(row.integer(column, 1, most).value_or(fallback));
  };
  const auto flag = [&](const char* column) { return row.integer(column, 0, 1); };
  if (const auto written = row.text("precision"); written.empty()) {
    row.by_default("precision: bf16");
  } else if (const auto precision = precision_of(written)) {
    job.precision = *precision;
  } else {
    row.problem("precision", fmt::format("{} is no format to train in", in_quotes(written)),
                "write bf16, fp8, mxfp8 or nvfp4");
  }
  job.tp = count("tp", 1, 1024);
  job.pp = count("pp", 1, 1024);
  job.cp = count("cp", 1, 1024);
  job.ep = count("ep", 1, 1024);
  if (const auto vpp = row.integer("vpp", 1, 1024); vpp && job.pp > 1)
    job.vpp = static_cast<int>(*vpp);
  job.micro_batch = count("micro_batch", 1, 65536);
  job.sequence = count("seq_len", 8192, 16777216);
  const auto dp = row.integer("dp", 1, 1048576);
  const int model = job.tp * job.pp * job.cp;
  job.gpus = count("n_gpus", dp ? static_cast<int>(*dp) * model : model, 1048576);
  point.n_gpus = job.gpus;
  const auto global = row.integer("global_batch", 1, 16777216);
  if (!global) row.problem("global_batch", "is blank", "give the samples of a step");
  job.global_batch = static_cast<int>(global.value_or(1));
  read_choice(job.sharding, "sharding", row);
  read_choice(job.recompute, "recompute", row);
  read_choice(job.dispatch, "dispatch", row);
  if (const auto graphs = flag("graphs")) job.graphs = *graphs == 1;
  job.overlap_experts = flag("overlap_experts").value_or(0) == 1;
  job.frozen = flag("frozen").value_or(0) == 1;
  job.offload_layers = static_cast<int>(row.integer("offload_layers", 0, 10000).value_or(0));
  job.mtp = static_cast<int>(row.integer("mtp", 0, 8).value_or(0));
  point.rack = row.text("rack");
  if (!point.rack.empty() && !catalog.find("racks", point.rack))
    row.problem("rack", fmt::format("there is no rack {} in the catalog", in_quotes(point.rack)),
                scenarios::advise_name(point.rack, catalog.list("racks")));
  point.train_steps = row.integer("train_steps", 1, 1e9).value_or(0);
}

}  // namespace mw::analysis
