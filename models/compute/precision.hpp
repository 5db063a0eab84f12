#pragma once
#include <span>

#include "sim/host_device.hpp"

namespace mw::models {

/// How weights (or the KV cache) are stored. The order is the catalog's and part of saved files.
enum class Precision { bf16, fp8, mxfp4, nvfp4 };
inline std::span<const char* const> enum_names(Precision) {
  static constexpr const char* names[] = {"bf16", "fp8", "mxfp4", "nvfp4"};
  return names;
}

/// How FP8 weights are scaled: one factor per tensor or row, or per 128 x 128 block. Grouped
/// kernels for block-scaled experts pad every expert that is hit to 128 rows (DeepGEMM).
enum class Fp8Scaling { tensor, block };
inline std::span<const char* const> enum_names(Fp8Scaling) {
  static constexpr const char* names[] = {"tensor", "block"};
  return names;
}

/// Bytes per stored element with its scale factors. MXFP4: 4 bit and one 8-bit scale per 32
/// elements (OCP Microscaling Formats v1.0). NVFP4: 4 bit and one FP8 scale per 16. Scales of FP8
/// (one FP32 in 16,384 elements, or fewer) are below 0.03 % and left out.
MW_HD constexpr double bytes_per_element(Precision p) {
  switch (p) {
    case Precision::bf16:
      return 2.0;
    case Precision::fp8:
      return 1.0;
    case Precision::mxfp4:
      return 4.25 / 8.0;
    case Precision::nvfp4:
      return 4.5 / 8.0;
  }
  return 2.0;
}

constexpr bool four_bit(Precision p) {
  return p == Precision::mxfp4 || p == Precision::nvfp4;
}

}  // namespace mw::models
