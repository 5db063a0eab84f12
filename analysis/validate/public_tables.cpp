#include "analysis/validate/public_tables.hpp"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "sim/input_error.hpp"

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
      {"MLPerf wall power", "wall", {"mlperf/mlperf_inference_wallpower_summary.csv"}}};
  return tables;
}

}  // namespace

std::vector<PublicTable> public_tables() {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  const fs::path folder = data ? data : "data";
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

std::string accuracy_markdown(const Comparison& all) {
  return fmt::format("{} rows\n", all.rows);
}

}  // namespace mw::analysis
