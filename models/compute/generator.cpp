#include "models/compute/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "sim/io/csv.hpp"

namespace mw::models {
namespace {

/// A batch as a whole: both figures are sums over its items and grow nearly in a line with it.
struct Batch {
  double latency = 0, energy = 0;
};
Batch operator*(Batch b, double factor) {
  return {b.latency * factor, b.energy * factor};
}
Batch between(Batch a, Batch b, double part) {
  return {a.latency + (b.latency - a.latency) * part, a.energy + (b.energy - a.energy) * part};
}

void lower(GeneratorEstimate& e, GeneratorBasis basis, const std::string& note) {
  e.basis = std::max(e.basis, basis);
  e.note += (e.note.empty() ? "" : "; ") + note;
}

/// Fastest measured layout at each batch, for one GPU and one number of them.
std::map<int, Batch> batches_of(const GeneratorParameters& g, const std::string& gpu, int gpus,
                                const GeneratorRun& run) {
  std::map<int, Batch> by_batch;
  for (const GeneratorPoint& p : g.points) {
    if (p.gpu != gpu || p.gpus != gpus) continue;
    if ((run.ulysses > 0 && p.ulysses != run.ulysses) || (run.ring > 0 && p.ring != run.ring))
      continue;
    const Batch batch{p.latency.value, p.energy.value * p.batch};
    const auto [at, added] = by_batch.try_emplace(p.batch, batch);
    if (!added && batch.latency < at->second.latency) at->second = batch;
  }
  return by_batch;
}

/// At `batch` items: a measured one, in a line between two, and by the item beyond them.
Batch at_batch(const std::map<int, Batch>& curve, int batch, GeneratorEstimate& e) {
  const auto above = curve.lower_bound(batch);
  if (above != curve.end() && above->first == batch) return above->second;
  if (above == curve.begin() || above == curve.end()) {
    const auto& [nearest, value] = above == curve.end() ? *std::prev(above) : *above;
    lower(e, GeneratorBasis::extrapolated,
          fmt::format("batch {} by the item from batch {}", batch, nearest));
    return value * (double(batch) / nearest);
  }
  const auto below = std::prev(above);
  lower(e, GeneratorBasis::interpolated,
        fmt::format("between batches {} and {}", below->first, above->first));
  return between(below->second, above->second,
                 double(batch - below->first) / (above->first - below->first));
}

/// The same for a number of GPUs between two measured ones: powers of their ratio.
std::optional<Batch> at_gpus(const GeneratorParameters& g, const std::string& gpu,
                             const GeneratorRun& run, GeneratorEstimate& e, std::string& why) {
  std::map<int, std::map<int, Batch>> by_gpus;
  for (const GeneratorPoint& p : g.points)
    if (p.gpu == gpu && !by_gpus.contains(p.gpus))
      if (auto curve = batches_of(g, gpu, p.gpus, run); !curve.empty())
        by_gpus.emplace(p.gpus, std::move(curve));
  const auto above = by_gpus.lower_bound(run.gpus);
  if (above != by_gpus.end() && above->first == run.gpus)
    return at_batch(above->second, run.batch, e);
  if (above == by_gpus.begin() || above == by_gpus.end()) {
    std::string counts;
    for (const auto& [n, curve] : by_gpus)
      counts += (counts.empty() ? "" : ", ") + std::to_string(n);
    why = counts.empty() ? fmt::format("`{}` was not measured in this layout on {}", g.model, gpu)
                         : fmt::format("`{}` was measured on {} of {}, not {}", g.model, counts,
                                       gpu, run.gpus);
    return std::nullopt;
  }
  const auto below = std::prev(above);
  const Batch a = at_batch(below->second, run.batch, e);
  const Batch b = at_batch(above->second, run.batch, e);
  const double part =
      std::log(double(run.gpus) / below->first) / std::log(double(above->first) / below->first);
  lower(e, GeneratorBasis::interpolated,
        fmt::format("between {} and {} GPUs", below->first, above->first));
  return Batch{a.latency * std::pow(b.latency / a.latency, part),
               a.energy * std::pow(b.energy / a.energy, part)};
}

/// Arithmetic of an item over that of the measured one. Steps repeat the same work. With n times
/// the pixels, attention is n^2 times its work and the rest n times.
double work_ratio(const GeneratorParameters& g, const GeneratorRun& run, GeneratorEstimate& e) {
  const auto or_measured = [](int asked, int measured) {
    return asked > 0 ? double(asked) / measured : 1.0;
  };
  const double pixels = or_measured(run.width, g.size.width) *
                        or_measured(run.height, g.size.height) *
                        or_measured(run.frames, g.size.frames);
  const double steps = or_measured(run.steps, g.size.steps);
  if (pixels != 1)
    lower(e, GeneratorBasis::extrapolated,
          fmt::format("{:.3g} times the measured pixels{}", pixels,
                      g.attention_work ? "" : ", work taken as linear"));
  if (steps != 1)
    lower(e, GeneratorBasis::extrapolated, fmt::format("{:.3g} times the measured steps", steps));
  const double attention = g.attention_work ? g.attention_work->value : 0;
  return steps * pixels * (1 + attention * pixels) / (1 + attention);
}

/// Operations per joule at the rated power: what a generation of GPUs improves.
double efficiency(const GpuParameters& gpu) {
  return gpu.bf16.value.value / gpu.tdp.value.value;
}

/// The same work on another GPU. Diffusion keeps GPUs near their power limit, so the share of the
/// rated power is carried over, and the energy of an item falls with the part's efficiency, but far
/// less: A100 to H100 have 1.81 times the operations per joule and made items with 1/1.19 of the
/// energy (ML.ENERGY v2, median of the pairs of runs in which the H100 drew 85 % of its rating or
/// more; ml-energy/leaderboard-v2@c3af7f3, Apache-2.0). Hence the exponent log 1.187 / log 1.813.
Batch on_other_gpu(Batch b, const GpuParameters& measured, const GpuParameters& other) {
  constexpr double exponent = 0.289;  // calibrated
  const double watts = b.energy / b.latency * other.tdp.value.value / measured.tdp.value.value;
  const double energy = b.energy * std::pow(efficiency(measured) / efficiency(other), exponent);
  return {energy / watts, energy};
}

/// The measured GPU whose efficiency is nearest; empty if none is known.
std::string nearest_measured(const GeneratorParameters& g, const GpuParameters& target,
                             const GpuByName& gpu_of) {
  std::string best;
  double least = 0;
  for (const GeneratorPoint& p : g.points) {
    const GpuParameters* gpu = gpu_of(p.gpu);
    if (!gpu) continue;
    const double away = std::fabs(std::log(efficiency(*gpu) / efficiency(target)));
    if (best.empty() || away < least) {
      best = p.gpu;
      least = away;
    }
  }
  return best;
}

}  // namespace

void check(const GeneratorParameters& g, sim::Problems& problems) {
  if (g.points.empty())
    problems.add("points", "names no measured run", "give one at least: gpu, latency, energy");
  for (std::size_t i = 0; i < g.points.size(); ++i)
    if (g.points[i].ulysses * g.points[i].ring > g.points[i].gpus)
      problems.add(fmt::format("points[{}]", i), "splits attention over more GPUs than it has",
                   "`ulysses` x `ring` is at most `gpus`");
  if (g.makes == Makes::image && g.size.frames != 1)
    problems.add("size.frames", "is above 1, but an image has one frame", "write `makes: video`");
}

std::optional<GeneratorEstimate> estimate_generator(const GeneratorParameters& g,
                                                    const GeneratorRun& run,
                                                    const GpuByName& gpu_of, std::string& why) {
  GeneratorEstimate e;
  const bool measured = std::any_of(g.points.begin(), g.points.end(),
                                    [&](const GeneratorPoint& p) { return p.gpu == run.gpu; });
  std::string from = run.gpu;
  const GpuParameters* target = nullptr;
  if (!measured) {
    target = gpu_of(run.gpu);
    if (!target) {
      why = fmt::format("there is no GPU `{}`", run.gpu);
      return std::nullopt;
    }
    from = nearest_measured(g, *target, gpu_of);
    if (from.empty()) {
      why = fmt::format("`{}` was measured on no GPU of the catalog", g.model);
      return std::nullopt;
    }
    lower(e, GeneratorBasis::estimated, fmt::format("carried over from {}", from));
  }
  auto batch = at_gpus(g, from, run, e, why);
  if (!batch) return std::nullopt;
  *batch = *batch * work_ratio(g, run, e);
  if (target) *batch = on_other_gpu(*batch, *gpu_of(from), *target);
  e.latency = batch->latency;
  e.energy = batch->energy / run.batch;
  e.power = batch->energy / batch->latency;
  e.rate = run.batch / batch->latency;
  return e;
}

std::vector<GeneratorParameters> read_generators(
    const std::filesystem::path& path,
    const std::function<std::string(const std::string&)>& gpu_name) {
  sim::CsvReader table(path);
  const auto task = table.column("task"), model = table.column("model_id"),
             gpu = table.column("gpu_model"), gpus = table.column("num_gpus"),
             batch = table.column("batch_size"), latency = table.column("batch_latency_s"),
             per_image = table.column("energy_per_image_joules"),
             per_video = table.column("energy_per_video_joules"),
             steps = table.column("inference_steps"), frames = table.column("num_frames"),
             ulysses = table.column("ulysses_degree"), ring = table.column("ring_degree");
  const std::size_t width[] = {table.column("image_width"), table.column("video_width")};
  const std::size_t height[] = {table.column("image_height"), table.column("video_height")};

  std::vector<GeneratorParameters> all;
  std::map<std::tuple<std::string, int, int, int, int>, std::size_t> index;
  while (table.next()) {
    if (table.text(latency).empty()) continue;  // a language model
    const bool video = !table.text(per_video).empty();
    const auto whole = [&](std::size_t column) { return static_cast<int>(table.integer(column)); };
    GeneratorParameters g;
    g.model = std::string(table.text(model));
    g.text = g.model + ", " + std::string(table.text(task));
    g.source = path.filename().string();
    g.makes = video ? Makes::video : Makes::image;
    g.size = {whole(width[video]), whole(height[video]), video ? whole(frames) : 1, whole(steps)};
    GeneratorPoint p;
    p.gpu = gpu_name(std::string(table.text(gpu)));
    p.gpus = whole(gpus);
    p.batch = whole(batch);
    p.ulysses = whole(ulysses);
    p.ring = whole(ring);
    p.latency.value = table.number(latency);
    p.energy.value = table.number(video ? per_video : per_image);
    const auto [at, added] = index.try_emplace(
        {g.model, g.size.width, g.size.height, g.size.frames, g.size.steps}, all.size());
    if (added) all.push_back(std::move(g));
    all[at->second].points.push_back(std::move(p));
  }
  return all;
}

}  // namespace mw::models
