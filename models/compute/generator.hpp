#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/compute/gpu.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

// Diffusion models that make images and videos. A kind marked `measured`: time and energy come from
// published runs, not from a law of kernels. Between runs they are interpolated; size and steps
// scale as the arithmetic does, and for a GPU that was not measured one that was is carried over by
// rated power and efficiency. What a figure rests on is part of the answer.
namespace mw::models {

enum class Makes { image, video };
inline std::span<const char* const> enum_names(Makes) {
  static constexpr const char* names[] = {"image", "video"};
  return names;
}

/// What one item is: a video has `frames` of them, an image one.
struct ItemSize {
  int width = 0, height = 0, frames = 1, steps = 0;
  bool operator==(const ItemSize&) const = default;
};
template <sim::Describes<ItemSize> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("width", self.width, About{.text = "Pixels across", .min = 1, .required = true});
  visit("height", self.height, About{.text = "Pixels down", .min = 1, .required = true});
  visit("frames", self.frames, About{.text = "Frames; 1 for an image", .min = 1});
  visit("steps", self.steps, About{.text = "Denoising steps", .min = 1, .required = true});
}

/// One measured run: a batch of `batch` items made together by `gpus` GPUs.
struct GeneratorPoint {
  std::string gpu;  // a name of catalog/gpus
  int gpus = 1;
  int batch = 1;
  int ulysses = 1, ring = 1;  // how attention is split over the GPUs
  sim::Seconds latency;       // of the batch
  sim::Energy energy;         // of one item, all GPUs
};
template <sim::Describes<GeneratorPoint> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("gpu", self.gpu, About{.text = "A name of catalog/gpus", .required = true});
  visit("gpus", self.gpus, About{.text = "GPUs that make a batch together", .min = 1});
  visit("batch", self.batch, About{.text = "Items made together", .min = 1});
  visit("ulysses", self.ulysses,
        About{.text = "GPUs that split the heads of attention (Ulysses)", .min = 1});
  visit("ring", self.ring, About{.text = "GPUs that split its sequence (ring)", .min = 1});
  visit("latency", self.latency,
        About{.text = "Time of the whole batch", .min = 1e-6, .required = true});
  visit("energy", self.energy,
        About{.text = "GPU energy of one item", .min = 1e-6, .required = true});
}

struct GeneratorParameters {
  static constexpr const char* catalog = "generators";
  std::string text;
  std::string model;  // as its publisher calls it
  sim::Confidence confidence = sim::Confidence::measured;
  std::string source;
  Makes makes = Makes::image;
  ItemSize size;  // at which every point was measured
  std::optional<sim::Sourced<double>> attention_work;
  std::vector<GeneratorPoint> points;
};
template <sim::Describes<GeneratorParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the model is, in one line"});
  visit("model", self.model, About{.text = "Name as its publisher writes it", .required = true});
  visit("confidence", self.confidence, About{.text = "How sure the points are"});
  visit("source", self.source, About{.text = "Where the points come from", .required = true});
  visit("makes", self.makes, About{.text = "Images or videos"});
  visit("size", self.size,
        About{.text = "The item of every point: pixels, frames, steps", .required = true});
  visit("attention_work", self.attention_work,
        About{.text = "Arithmetic of attention, which grows with the square of pixels x frames, "
                      "over all other at `size`; without it work is taken as linear",
              .min = 0,
              .max = 100});
  visit("points", self.points, About{.text = "Measured runs", .required = true});
}
void check(const GeneratorParameters& generator, sim::Problems& problems);

/// What is asked: sizes that are left out are those of the measurements; `ulysses` and `ring` of 0
/// take the fastest layout that was measured.
struct GeneratorRun {
  std::string gpu;
  int gpus = 1, batch = 1;
  int width = 0, height = 0, frames = 0, steps = 0;
  int ulysses = 0, ring = 0;
};

/// What an estimate rests on, best first.
enum class GeneratorBasis { measured, interpolated, extrapolated, estimated };
inline std::span<const char* const> enum_names(GeneratorBasis) {
  static constexpr const char* names[] = {"measured", "interpolated", "extrapolated", "estimated"};
  return names;
}

struct GeneratorEstimate {
  double latency = 0;  // s, of the batch
  double power = 0;    // W, all GPUs
  double energy = 0;   // J of one item, all GPUs
  double rate = 0;     // items per second
  GeneratorBasis basis = GeneratorBasis::measured;
  std::string note;  // what is not measured about it, in words
};

/// A GPU of the catalog by name; null if there is none of that name.
using GpuByName = std::function<const GpuParameters*(const std::string&)>;

/// Time, power and energy of one batch. Empty when nothing measured stands near enough (a number of
/// GPUs outside the measured range, an unknown GPU); `why` then says so.
std::optional<GeneratorEstimate> estimate_generator(const GeneratorParameters& generator,
                                                    const GeneratorRun& run,
                                                    const GpuByName& gpu_of, std::string& why);

/// The generators of a table with the columns of the ML.ENERGY benchmark v3 (rows of language
/// models are passed over), one for each model and item size; `gpu_name` turns its GPU names into
/// those of the catalog. Throws sim::InputError.
std::vector<GeneratorParameters> read_generators(
    const std::filesystem::path& path,
    const std::function<std::string(const std::string&)>& gpu_name);

}  // namespace mw::models
