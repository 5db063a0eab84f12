#pragma once
#include <cstdint>
#include <vector>

#include "models/compute/gpu.hpp"
#include "models/training/op_cost.hpp"
#include "sim/describe.hpp"

// Kernels with a collective beside them, as Kareus plans them (arXiv 2601.17654): the collective
// takes multiprocessors from the kernels, and what of it outlasts them only burns static power.
namespace mw::models {

/// How kernels and collectives run on a GPU.
struct OverlapParameters {
  std::int32_t multiprocessors = 108;
  double tensor_efficiency = 0.57;
  double memory_efficiency = 0.8;
  double link_efficiency = 0.8;
  sim::ByteRate multiprocessor_copy{20e9};
  sim::Seconds kernel_gap{4e-6};
  sim::Seconds collective_start{20e-6};
  std::int32_t default_multiprocessors = 24;
  double crowding = 3;
};
template <sim::Describes<OverlapParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("multiprocessors", self.multiprocessors,
        About{.text = "Multiprocessors of the GPU (A100: 108, data sheet)", .min = 1, .max = 1024});
  visit(
      "tensor_efficiency", self.tensor_efficiency,
      About{.text = "Share of the tensor rate that matrix products reach", .min = 0.01, .max = 1});
  visit("memory_efficiency", self.memory_efficiency,
        About{.text = "Share of the memory bandwidth that kernels reach", .min = 0.01, .max = 1});
  visit("link_efficiency", self.link_efficiency,
        About{.text = "Share of the link bandwidth that collectives reach", .min = 0.01, .max = 1});
  visit("multiprocessor_copy", self.multiprocessor_copy,
        About{.text = "Bytes that one multiprocessor of a collective sends per second at the "
                      "highest clock",
              .min = 1e6});
  visit("kernel_gap", self.kernel_gap, About{.text = "Time between two kernels", .min = 0});
  visit("collective_start", self.collective_start,
        About{.text = "Time before a collective sends", .min = 0});
  visit("default_multiprocessors", self.default_multiprocessors,
        About{.text = "Multiprocessors of a collective that nobody plans", .min = 1});
  visit("crowding", self.crowding,
        About{.text = "How much of the GPU kernels lose to each multiprocessor of a collective "
                      "beside them, relative to its share: it takes cache and memory too",
              .min = 1,
              .max = 4});
}
void check(const OverlapParameters& p, sim::Problems& problems);

/// A kernel, or kernels alike: work of one GPU.
struct OverlapKernel {
  double flops = 0, bytes = 0;
  double launches = 1;
};

/// Kernels in order, and bytes that a collective sends meanwhile (0: there is none).
struct OverlapPartition {
  std::vector<OverlapKernel> kernels;
  double sent = 0;
};

/// How a partition is run: the kernel with which the collective starts (as many as there are: after
/// all of them, nothing overlapped), its multiprocessors, and the clock.
struct OverlapSetting {
  std::int32_t start = 0, multiprocessors = 0;
  double clock = 0;  // Hz
};

struct OverlapCost {
  double time = 0;     // s
  double energy = 0;   // J
  double exposed = 0;  // s in which only the collective runs
};

/// A GPU in which only a collective runs waits, at `blocking_power` (W).
OverlapCost overlap_cost(const GpuParameters& gpu, const OverlapParameters& p,
                         const OverlapPartition& partition, const OverlapSetting& setting,
                         double blocking_power);

/// A setting with its cost.
struct OverlapChoice {
  OverlapSetting setting;
  OverlapCost cost;
};

/// All starts, numbers of multiprocessors and clocks that are worth taking: none is both faster and
/// lower in effective energy. Fastest first.
std::vector<OverlapChoice> overlap_choices(const GpuParameters& gpu, const OverlapParameters& p,
                                           const OverlapPartition& partition,
                                           const std::vector<double>& clocks,
                                           double blocking_power);

/// Ops of several partitions, each with a choice of its own: the lower hull of the sum, corner by
/// corner (sums of convex sets: the steepest savings first). `times` is how often each occurs. The
/// clock of a corner is the mean over time.
std::vector<OpChoice> joint_choices(const std::vector<std::vector<OverlapChoice>>& partitions,
                                    const std::vector<double>& times, double blocking_power);

}  // namespace mw::models
