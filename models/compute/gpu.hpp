#pragma once
#include <string>

#include "models/compute/precision.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// One GPU: what its data sheet says, and the few constants that turn work into time and energy.
/// A rate of 0 means that the part lacks that number format.
struct GpuParameters {
  static constexpr const char* catalog = "gpus";
  std::string text;
  sim::Sourced<sim::FlopRate> bf16;
  sim::Sourced<sim::FlopRate> fp8;
  sim::Sourced<sim::FlopRate> fp4;
  sim::Sourced<sim::Bytes> memory;
  sim::Sourced<sim::ByteRate> memory_bandwidth;
  sim::Sourced<sim::ByteRate> link_bandwidth;
  // Collectives on these links; H100's where an entry says nothing.
  sim::Sourced<double> link_factor{1.0, sim::Confidence::assumed, "as H100"};
  sim::Sourced<sim::Seconds> link_launch{{5.93e-6}, sim::Confidence::assumed, "as H100"};
  sim::Sourced<sim::Seconds> link_hop{{0.692e-6}, sim::Confidence::assumed, "as H100"};
  sim::Sourced<sim::ByteRate> scale_out_bandwidth{{0}, sim::Confidence::assumed, "not given"};
  sim::Sourced<sim::Seconds> scale_out_hop{
      {5e-6},
      sim::Confidence::assumed,
      "typical of InfiniBand (NVIDIA aiconfigurator systems/gb200.yaml)"};
  sim::Sourced<sim::ByteRate> host_bandwidth{
      {64e9}, sim::Confidence::data_sheet, "PCI Express 5.0 x16, 64 GB/s each way"};
  sim::Sourced<sim::Power> tdp;
  sim::Sourced<sim::Power> idle;
  sim::Sourced<sim::Power> min_power_limit;
  sim::Sourced<sim::Frequency> max_clock;
  sim::Sourced<sim::Frequency> min_clock;
  sim::Sourced<sim::Frequency> knee_clock;
  sim::Sourced<sim::Voltage> knee_voltage;
  sim::Sourced<sim::Voltage> max_voltage;
  sim::Sourced<double> bandwidth_factor;
  sim::Sourced<double> compute_factor;
  sim::Sourced<double> busy_share;
  sim::Sourced<sim::EnergyPerFlop> flop_energy;
  sim::Sourced<double> fp8_energy_ratio;
  sim::Sourced<double> fp4_energy_ratio;
  sim::Sourced<double> padding_energy_ratio;
  sim::Sourced<sim::EnergyPerByte> memory_energy;
  sim::Sourced<double> memory_core_share;
  sim::Sourced<sim::EnergyPerByte> link_energy;
  sim::Sourced<double> vector_share;
  sim::Sourced<double> power_ceiling;
  sim::Sourced<double> leakage_share;
  sim::Sourced<double> leakage_growth;
  sim::Sourced<sim::Temperature> reference_temperature;
};

template <sim::Describes<GpuParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the part is, in one line"});
  visit("bf16", self.bf16,
        About{.text = "Dense BF16 (or FP16) tensor rate at the maximum clock",
              .min = 1e9,
              .required = true});
  visit("fp8", self.fp8, About{.text = "Dense FP8 tensor rate; 0 where there is none", .min = 0});
  visit("fp4", self.fp4, About{.text = "Dense FP4 tensor rate; 0 where there is none", .min = 0});
  visit("memory", self.memory, About{.text = "Memory on the GPU", .min = 1e9, .required = true});
  visit("memory_bandwidth", self.memory_bandwidth,
        About{.text = "Memory bandwidth", .min = 1e9, .required = true});
  visit("link_bandwidth", self.link_bandwidth,
        About{.text = "Link to the other GPUs of the node or rack, each way",
              .min = 1e9,
              .required = true});
  visit("link_factor", self.link_factor,
        About{.text = "Link bandwidth that collectives reach relative to what was fitted on H100",
              .min = 0.05,
              .max = 2});
  visit("link_launch", self.link_launch,
        About{.text = "Time before a collective moves its first byte", .min = 0, .max = 0.01});
  visit("link_hop", self.link_hop,
        About{.text = "Time of one step of a collective's ring", .min = 0, .max = 0.01});
  visit("scale_out_bandwidth", self.scale_out_bandwidth,
        About{.text = "Network to GPUs beyond the links, each way; 0: a replica cannot leave its "
                      "link domain",
              .min = 0});
  visit("scale_out_hop", self.scale_out_hop,
        About{.text = "Time of one step across that network", .min = 0, .max = 0.01});
  visit("host_bandwidth", self.host_bandwidth,
        About{.text = "Link to the memory of its host, each way", .min = 1e8});
  visit("tdp", self.tdp, About{.text = "Rated power", .min = 10, .required = true});
  visit(
      "idle", self.idle,
      About{.text = "Power with nothing running at the maximum clock", .min = 0, .required = true});
  visit("min_power_limit", self.min_power_limit,
        About{.text = "Lowest power limit the driver accepts", .min = 0, .required = true});
  visit("max_clock", self.max_clock,
        About{.text = "Highest core clock", .min = 1e8, .required = true});
  visit("min_clock", self.min_clock,
        About{.text = "Lowest core clock used under load", .min = 1e7, .required = true});
  visit(
      "knee_clock", self.knee_clock,
      About{.text = "Clock below which the voltage no longer falls", .min = 1e7, .required = true});
  visit(
      "knee_voltage", self.knee_voltage,
      About{.text = "Core voltage at and below the knee", .min = 0.1, .max = 3, .required = true});
  visit("max_voltage", self.max_voltage,
        About{.text = "Core voltage at the maximum clock", .min = 0.1, .max = 3, .required = true});
  visit("bandwidth_factor", self.bandwidth_factor,
        About{.text = "Reached memory bandwidth relative to what the stack's efficiencies (fitted "
                      "on H100) say",
              .min = 0.05,
              .max = 2,
              .required = true});
  visit("compute_factor", self.compute_factor,
        About{.text = "The same for the tensor rate", .min = 0.05, .max = 2, .required = true});
  visit("busy_share", self.busy_share,
        About{.text = "Power of a GPU that runs kernels, whatever they do, as a share of its rated "
                      "power",
              .min = 0,
              .max = 1,
              .required = true});
  visit(
      "flop_energy", self.flop_energy,
      About{.text = "Energy per BF16 operation at the maximum clock", .min = 0, .required = true});
  visit("fp8_energy_ratio", self.fp8_energy_ratio,
        About{.text = "Energy per FP8 operation relative to BF16", .min = 0, .max = 2});
  visit("fp4_energy_ratio", self.fp4_energy_ratio,
        About{.text = "Energy per FP4 operation relative to BF16", .min = 0, .max = 2});
  visit("padding_energy_ratio", self.padding_energy_ratio,
        About{.text = "Energy of an operation on a row of padding, all zeros, relative to others",
              .min = 0,
              .max = 1,
              .required = true});
  visit("memory_energy", self.memory_energy,
        About{.text = "Energy per byte read from memory, whole path", .min = 0, .required = true});
  visit("memory_core_share", self.memory_core_share,
        About{.text = "Share of that energy spent on the core's supply, which follows its voltage",
              .min = 0,
              .max = 1,
              .required = true});
  visit("link_energy", self.link_energy,
        About{.text = "Energy per byte sent to another GPU", .min = 0, .required = true});
  visit("vector_share", self.vector_share,
        About{.text = "Power of kernels that neither stream weights nor use the tensor units "
                      "(sampler, activations, permutation of tokens), beside busy power and bytes, "
                      "as a share of the rated power",
              .min = 0,
              .max = 1,
              .required = true});
  visit("power_ceiling", self.power_ceiling,
        About{.text = "Share of the rated power at which the power manager holds the average of an "
                      "iteration, by lowering the clock",
              .min = 0.1,
              .max = 1.2,
              .required = true});
  visit("leakage_share", self.leakage_share,
        About{.text = "Leakage at the reference temperature, as a share of the rated power; the "
                      "other constants hold it already",
              .min = 0,
              .max = 0.5,
              .required = true});
  visit("leakage_growth", self.leakage_growth,
        About{.text = "Relative growth of the leakage per kelvin of junction temperature",
              .min = 0,
              .max = 0.1,
              .required = true});
  visit("reference_temperature", self.reference_temperature,
        About{.text = "Junction temperature at which the power constants hold",
              .min = 250,
              .max = 400,
              .required = true});
}
void check(const GpuParameters& gpu, sim::Problems& problems);

/// The format in which weights so stored are multiplied: their own where there are units for it.
/// MXFP4 meets FP8 activations where there are FP4 units; all else is unpacked to BF16.
Precision arithmetic_format(const GpuParameters& gpu, Precision stored);

/// Data-sheet rate of one GPU, and energy per operation, of arithmetic in this format.
double tensor_rate(const GpuParameters& gpu, Precision format);
double flop_energy(const GpuParameters& gpu, Precision format);

/// Core voltage at clock ratio f/f_max: flat up to the knee, linear above it.
double core_voltage(const GpuParameters& gpu, double clock_ratio);

/// Power that a powered GPU draws beyond (below, if negative) what the other constants say because
/// its junction is not at the reference temperature. Zero there.
sim::Power leakage_beyond_reference(const GpuParameters& gpu, sim::Temperature junction);

}  // namespace mw::models
