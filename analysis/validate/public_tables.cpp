#include "analysis/validate/public_tables.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "analysis/validate/statistics.hpp"
#include "sim/input_error.hpp"
#include "sim/io/data_folder.hpp"

namespace mw::analysis {
namespace {

namespace fs = std::filesystem;

struct Known {
  const char *name, *converter;
  std::vector<const char*> files;
};
const std::vector<Known>& known_tables() {
  static const std::vector<Known> tables = {
      {"ML.ENERGY v3",
       "mlenergy_v3",
       {"inference_energy/mlenergy_v3_configurations.csv",
        "inference_energy/mlenergy_num_requests.csv"}},
      {"aiconfigurator silicon data", "aic_silicon", {"inference/aic_silicon_sample.csv.gz"}},
      {"MLPerf wall power", "wall", {"mlperf/mlperf_inference_wallpower_summary.csv"}},
      {"training rates",
       "training",
       {"training/published_points.csv", "mlperf/mlperf_training_v4.1_v5.0_v5.1_runs.csv.gz",
        "training_power/mlperf_training_power_long.csv.gz"}},
      {"Zeus power limits",
       "zeus",
       {"training/zeus/summary_power_v100.csv", "training/zeus/summary_power_a40.csv",
        "training/zeus/profile_V100+bert-base-uncased+gpu0.csv",
        "training/zeus/profile_V100+resnet50+gpu0.csv",
        "training/zeus/profile_A40+bert-base-uncased+gpu0.csv",
        "training/zeus/profile_A40+resnet50+gpu0.csv"}}};
  return tables;
}

std::string heading(Figure figure) {
  switch (figure) {
    case Figure::tok_s:
      return "throughput";
    case Figure::itl_ms:
      return "token gap";
    case Figure::tpot_ms:
      return "time per token";
    case Figure::ttft_ms:
      return "first token";
    case Figure::gpu_w:
      return "GPU power";
    case Figure::wall_w:
      return "wall power";
    case Figure::j_per_token:
      return "J/token";
    case Figure::tok_s_gpu:
      return "tokens/s/GPU";
    case Figure::minutes:
      return "minutes of the run";
    case Figure::latency_s:
      return "time of a batch";
    case Figure::j_per_item:
      return "energy of one";
    case Figure::relative_speed:
      return "speed";
    case Figure::relative_power:
      return "power";
    case Figure::relative_energy:
      return "energy of the same work";
  }
  return "";
}

}  // namespace

std::vector<PublicTable> public_tables() {
  const fs::path folder = sim::data_folder();
  std::vector<PublicTable> out;
  for (const auto& table : known_tables()) {
    PublicTable found{table.name, table.converter, {}};
    std::error_code error;
    for (const char* file : table.files)
      if (fs::exists(folder / file, error)) found.files.push_back((folder / file).string());
    if (found.files.size() == table.files.size()) out.push_back(std::move(found));
  }
  if (out.empty())
    throw sim::InputError(folder.string(), 0, 0, "holds none of the measured tables",
                          "set MILLWRIGHT_DATA to a folder that does; docs/validate.md lists them");
  return out;
}

namespace {

/// How the rate of a GPU falls with the size of the job: of each model, GPU and format that MLPerf
/// logs measured at several sizes, its largest against its smallest.
std::string scaling_text(const Comparison& all) {
  struct Ends {
    const Point *least = nullptr, *most = nullptr;
    double least_rate = 0, most_rate = 0;
  };
  std::map<std::string, Ends> lines;
  for (std::size_t i = 0; i < all.points.size(); ++i) {
    const Point& p = all.points[i];
    const auto& predicted = all.predictions[i].predicted[Figure::tok_s_gpu];
    if (p.kind != PointKind::training || !p.id.starts_with("MLPerf")) continue;
    if (!p.measured[Figure::tok_s_gpu] || !predicted) continue;
    Ends& ends = lines[p.gpu + " " + p.model];
    if (!ends.least || p.n_gpus < ends.least->n_gpus) ends.least = &p, ends.least_rate = *predicted;
    if (!ends.most || p.n_gpus > ends.most->n_gpus) ends.most = &p, ends.most_rate = *predicted;
  }
  std::string out;
  for (const auto& [name, ends] : lines) {
    if (ends.least->n_gpus == ends.most->n_gpus) continue;
    const double measured =
        *ends.most->measured[Figure::tok_s_gpu] / *ends.least->measured[Figure::tok_s_gpu];
    const double predicted = ends.most_rate / ends.least_rate;
    out += fmt::format("| {} | {} to {} | {:.1f} | {:.1f} | {:+.1f} |\n", name, ends.least->n_gpus,
                       ends.most->n_gpus, 100 * measured, 100 * predicted,
                       100 * (predicted - measured));
  }
  if (out.empty()) return out;
  return "\n| training: tokens/s/GPU of the largest job over the smallest, MLPerf logs | GPUs | "
         "measured, % | predicted, % | points |\n|---|---|---|---|---|\n" +
         out;
}

/// The tested limit at which the same work takes least energy, by measurement and by the twin.
std::string optimum_text(const Comparison& all) {
  struct Limit {
    double cap, measured, predicted;
  };
  std::map<std::pair<std::string, std::string>, std::vector<Limit>> sweeps;  // group, work
  std::map<std::pair<std::string, std::string>, bool>
      binds;  // some limit takes a tenth of the power
  for (std::size_t i = 0; i < all.points.size(); ++i) {
    const Point& p = all.points[i];
    const auto& measured = p.measured[Figure::relative_energy];
    const auto& predicted = all.predictions[i].predicted[Figure::relative_energy];
    if (p.kind != PointKind::cap || !measured || !predicted) continue;
    const std::pair<std::string, std::string> key{group_of(p), p.gpu + p.model};
    sweeps[key].push_back({*p.cap_w, *measured, *predicted});
    const auto& power = p.measured[Figure::relative_power];
    binds[key] = binds[key] || (power && *power < 0.9);
  }
  struct Found {
    int sweeps = 0, same = 0, near = 0;
    double dearer = 0;
  };
  std::map<std::string, Found> groups;
  for (auto& [key, limits] : sweeps) {
    if (!binds[key]) continue;      // nothing to choose: what was measured is its scatter
    limits.push_back({1e9, 1, 1});  // none
    std::sort(limits.begin(), limits.end(),
              [](const Limit& a, const Limit& b) { return a.cap < b.cap; });
    const auto best =
        std::min_element(limits.begin(), limits.end(),
                         [](const Limit& a, const Limit& b) { return a.measured < b.measured; });
    const auto ours =
        std::min_element(limits.begin(), limits.end(),
                         [](const Limit& a, const Limit& b) { return a.predicted < b.predicted; });
    Found& f = groups[key.first];
    ++f.sweeps;
    f.same += best == ours;
    f.near += std::abs(best - ours) <= 1;
    f.dearer += ours->measured / best->measured - 1;
  }
  std::string out;
  for (const auto& [group, f] : groups)
    out += fmt::format("| {} | {} | {:.0f} | {:.0f} | {:.1f} |\n", group, f.sweeps,
                       100.0 * f.same / f.sweeps, 100.0 * f.near / f.sweeps,
                       100 * f.dearer / f.sweeps);
  if (out.empty()) return out;
  return "\n| limit of least energy, of the tested ones, where limits bind | sweeps | the same, % "
         "| at most one step "
         "away, % | measured energy at the twin's choice over the least, % |\n"
         "|---|---|---|---|---|\n" +
         out;
}

}  // namespace

std::string accuracy_markdown(const Comparison& all) {
  std::string out =
      "Written by `millwright validate --all`. Each row of a table "
      "is "
      "run as its benchmark was: all requests at once with the batch full "
      "([ML.ENERGY](validate.md)), "
      "or a closed loop of its users. Mean absolute error, the median in brackets, in percent; "
      "*naive* is the mean error of the roofline at efficiency 1 and 85 % of the rated power. "
      "*Clean* leaves out the rows that are marked [weak](validate.md#weak-cases).\n";
  const auto errors = group_errors(all.points, all.predictions);
  const auto table = [&](const char* title, const char* begins,
                         const std::vector<Figure>& figures) {
    out += fmt::format("\n| {} | rows |", title);
    for (const Figure f : figures) out += fmt::format(" {} | naive |", heading(f));
    out += "\n|---|---|";
    for (std::size_t i = 0; i < figures.size(); ++i) out += "---|---|";
    out += '\n';
    std::vector<std::pair<std::string, bool>> lines;
    for (const auto& e : errors) {
      const std::pair<std::string, bool> line{e.group, e.clean};
      if (e.family.empty() && e.group.starts_with(begins) &&
          std::find(lines.begin(), lines.end(), line) == lines.end())
        lines.push_back(line);
    }
    std::sort(lines.begin(), lines.end());
    for (const auto& [group, clean] : lines) {
      std::size_t rows = 0;
      std::string cells;
      for (const Figure f : figures) {
        const auto found = std::find_if(errors.begin(), errors.end(), [&](const GroupError& e) {
          return e.group == group && e.clean == clean && e.family.empty() && e.figure == f;
        });
        if (found == errors.end()) {
          cells += " - | - |";
          continue;
        }
        rows = std::max(rows, found->model.rows);
        cells += fmt::format(
            " {:.1f} ({:.1f}) | {} |", 100 * found->model.mape, 100 * found->model.median,
            found->baseline.rows ? fmt::format("{:.0f}", 100 * found->baseline.mape) : "-");
      }
      if (rows > 0)
        out += fmt::format("| {}{} | {} |{}\n", group, clean ? ", clean" : "", rows, cells);
    }
  };
  table("all at once: ML.ENERGY v3", "serving",
        {Figure::tok_s, Figure::itl_ms, Figure::gpu_w, Figure::j_per_token});
  table("closed loops: aiconfigurator silicon data", "serving", {Figure::tpot_ms, Figure::ttft_ms});
  table("whole servers: MLPerf Inference, results not verified by MLCommons", "wall",
        {Figure::tok_s, Figure::wall_w, Figure::j_per_token});
  table("training: Megatron-Bridge's tables and MLPerf logs, the latter not verified by MLCommons",
        "training", {Figure::tok_s_gpu, Figure::minutes, Figure::wall_w});
  out += scaling_text(all);
  table("images: ML.ENERGY v3, from the few runs that the catalog holds", "image",
        {Figure::latency_s, Figure::j_per_item});
  table("videos: the same", "video", {Figure::latency_s, Figure::j_per_item});
  table("power limits: Zeus (NSDI 2023), training of six networks", "cap",
        {Figure::relative_speed, Figure::relative_power, Figure::relative_energy});
  out += optimum_text(all);
  return out;
}

}  // namespace mw::analysis
