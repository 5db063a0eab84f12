#pragma once
#include "analysis/validate/figures.hpp"
#include "analysis/validate/point.hpp"
#include "models/compute/gpu.hpp"
#include "models/compute/llm.hpp"

namespace mw::analysis {

/// What one would say without a model: the roofline at efficiency 1 and 85 % of the rated power.
/// A step of `batch` sequences of an engine takes the longer of its bytes (weights that are hit and
/// the KV cache) over the data sheet's bandwidth and its operations over the data sheet's rate; a
/// prompt takes its operations.
Figures naive_baseline(const Point& point, const models::GpuParameters& gpu,
                       const models::LlmParameters& llm, double batch);

}  // namespace mw::analysis
