#include <filesystem>
#include <map>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "analysis/validate/convert_row.hpp"
#include "sim/input_error.hpp"
#include "sim/io/number.hpp"

// Training under power limits (Zeus, NSDI 2023; ml-energy/zeus@75a8b93, Apache-2.0): seconds of an
// epoch and mean power (summary_power_GPU.csv), and profiles of 40 iterations (profile_GPU+...).
// The GPU is in the name of the file. The highest limit of a sweep is the GPU's rated power: its
// row is what the others are relative to.
namespace mw::analysis {
namespace {

// Share of the time in which the GPU waits for data and evaluation, where it is not fitted.
// Calibrated on these sweeps alone: under a limit that binds, mean power stays about a tenth below.
constexpr const char* waits = "0.1";

struct Measured {
  double seconds = 0, watts = 0;
};
using Sweep = std::map<double, Measured>;  // by limit

void write_sweep(PointsWriter& writer, const std::string& gpu, const std::string& work,
                 const Sweep& sweep, const std::optional<std::string>& own_group) {
  const auto [free_limit, free] = *sweep.rbegin();
  for (const auto& [limit, at] : sweep) {
    if (limit == free_limit) {
      writer.leave_out("the highest limit, to which the others are relative");
      continue;
    }
    // Twice: with one law for all work, and with shares fitted to each sweep.
    for (const bool fit : {false, true}) {
      if (own_group && fit) continue;
      const double speed = free.seconds / at.seconds, power = at.watts / free.watts;
      PointsWriter::Row out;
      out["id"] = fmt::format("{} {} {:g} W", gpu, work, limit);
      out["kind"] = "cap";
      out["gpu"] = gpu;
      out["model"] = work;
      out["family"] = work.substr(0, work.find(' '));
      out["cap"] = fmt::format("{:g}", limit);
      out["free_w"] = fmt::format("{:.6g}", free.watts);
      out["waits"] = fit ? "fit" : waits;
      if (fit) out["compute_share"] = "fit";
      out["group"] = own_group
                         ? *own_group
                         : fmt::format("cap {}: {}", gpu,
                                       fit ? "shares fitted to each sweep" : "one law for all");
      out["measured_relative_speed"] = fmt::format("{:.6g}", speed);
      out["measured_relative_power"] = fmt::format("{:.6g}", power);
      out["measured_relative_energy"] = fmt::format("{:.6g}", power / speed);
      writer.add(std::move(out));
    }
  }
}

void convert_summary(PointsWriter& writer, const std::string& file, const std::string& gpu) {
  NamedFields row(file);
  row.require({"dataset", "network", "batch_size", "optimizer", "power_limit", "time_per_epoch",
               "average_power"});
  std::map<std::string, Sweep> sweeps;
  while (row.next())
    sweeps[fmt::format("{} {} batch {} {}", row("network"), row("dataset"), row("batch_size"),
                       row("optimizer"))][row.number("power_limit")] = {
        row.number("time_per_epoch"), row.number("average_power")};
  for (const auto& [work, sweep] : sweeps) write_sweep(writer, gpu, work, sweep, std::nullopt);
}

void convert_profile(PointsWriter& writer, const std::string& file, const std::string& gpu,
                     const std::string& network) {
  static constexpr std::string_view window = "__GlobalPowerLimitOptimizer_";
  NamedFields row(file);
  row.require({"window_name", "elapsed_time", "gpu0_energy"});
  Sweep sweep;
  while (row.next()) {
    const std::string name = row("window_name");
    if (!name.starts_with(window)) {
      writer.leave_out("no window of a power limit");
      continue;
    }
    const double seconds = row.number("elapsed_time");
    const auto limit = sim::parse_number(name.substr(window.size()));
    if (!limit || !(seconds > 0)) {
      writer.leave_out("no limit or no time");
      continue;
    }
    sweep[limit.value] = {seconds, row.number("gpu0_energy") / seconds};
  }
  if (!sweep.empty())
    write_sweep(writer, gpu, network + " profile", sweep,
                fmt::format("cap {}: profiles of 40 iterations, nothing fitted", gpu));
}

}  // namespace

Converted convert_zeus(const std::vector<std::string>& files) {
  PointsWriter writer;
  for (const auto& file : files) {
    const std::string name = std::filesystem::path(file).stem().string();
    static constexpr std::string_view summary = "summary_power_", profile = "profile_";
    const auto plus = name.find('+');
    if (name.starts_with(summary)) {
      convert_summary(writer, file, name.substr(summary.size()));
    } else if (name.starts_with(profile) && plus != std::string::npos) {
      const auto end = name.find('+', plus + 1);
      convert_profile(writer, file, name.substr(profile.size(), plus - profile.size()),
                      name.substr(plus + 1, end - plus - 1));
    } else {
      throw sim::InputError(file, 0, 0, "does not say its GPU by its name",
                            "name it summary_power_GPU.csv or profile_GPU+network+gpu0.csv, as the "
                            "repository of Zeus does");
    }
  }
  return writer.finish();
}

}  // namespace mw::analysis
