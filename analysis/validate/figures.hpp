#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace mw::analysis {

/// What can be measured and predicted, in the units that points files have.
enum class Figure {
  tok_s,
  itl_ms,
  tpot_ms,
  ttft_ms,
  gpu_w,
  wall_w,
  j_per_token,
  tok_s_gpu,
  minutes,
  latency_s,
  j_per_item,
  relative_speed,
  relative_power,
  relative_energy
};
inline constexpr std::size_t figure_count = 14;

struct FigureAbout {
  std::string_view name, unit, text;
};
inline constexpr std::array<FigureAbout, figure_count> figure_abouts = {{
    {"tok_s", "tokens/s", "Output tokens per second of the whole row"},
    {"itl_ms", "ms", "Median gap between two tokens of a request"},
    {"tpot_ms", "ms", "Mean over requests of the mean gap after the first token"},
    {"ttft_ms", "ms", "Time to the first token: mean or median over requests, as `ttft` says"},
    {"gpu_w", "W", "Mean power of all GPUs together"},
    {"wall_w", "W", "Mean power of the servers at their supplies' inlets"},
    {"j_per_token", "J", "Energy per output token: of the GPUs; of the wall for kind wall"},
    {"tok_s_gpu", "tokens/s", "Output tokens per second and GPU"},
    {"minutes", "min", "Length of the run"},
    {"latency_s", "s", "Image and video: time of one batch"},
    {"j_per_item", "J", "Image and video: GPU energy of one image or video"},
    {"relative_speed", "1", "Cap: speed under the limit over the speed without"},
    {"relative_power", "1", "Cap: mean power under the limit over the power without"},
    {"relative_energy", "1", "Cap: energy of the same work under the limit over that without"},
}};
inline constexpr std::string_view name_of(Figure f) {
  return figure_abouts[static_cast<std::size_t>(f)].name;
}

/// A value of each figure, or none.
struct Figures {
  std::array<std::optional<double>, figure_count> values{};
  std::optional<double>& operator[](Figure f) { return values[static_cast<std::size_t>(f)]; }
  const std::optional<double>& operator[](Figure f) const {
    return values[static_cast<std::size_t>(f)];
  }
  bool any() const {
    for (const auto& value : values)
      if (value) return true;
    return false;
  }
};

}  // namespace mw::analysis
