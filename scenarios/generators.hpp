#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/compute/generator.hpp"
#include "scenarios/catalog.hpp"

namespace mw::scenarios {

/// The generators of images and videos that are known: those of the catalog, and all runs of a
/// measured table where one is given. Safe to ask from many threads.
class Generators {
 public:
  /// Throws InputProblems if an entry of the catalog is wrong.
  explicit Generators(const Catalog& catalog);

  /// Takes the runs of a table with the columns of the ML.ENERGY benchmark v3 in place of the few
  /// that the catalog ships for the same models. Throws sim::InputError.
  void measure(const std::filesystem::path& table);

  /// Catalog names and publishers' names, as messages list them.
  std::vector<std::string> names() const;

  /// One batch of `model` (its catalog name, or its publisher's name in any case). Empty when it
  /// cannot be told; `why` then says what is missing.
  std::optional<models::GeneratorEstimate> estimate(const std::string& model,
                                                    const models::GeneratorRun& run,
                                                    std::string& why) const;

 private:
  std::map<std::string, models::GeneratorParameters> by_name_;  // by catalog name
  std::map<std::string, models::GpuParameters> gpus_;
};

}  // namespace mw::scenarios
