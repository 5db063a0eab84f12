#include "scenarios/generators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "scenarios/nearest.hpp"
#include "scenarios/reader.hpp"

namespace mw::scenarios {
namespace {

bool same_text(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

/// ML.ENERGY's names of GPUs.
std::string catalog_gpu(const std::string& name) {
  if (name == "H100") return "h100_sxm";
  if (name == "B200") return "b200";
  return name;
}

}  // namespace

Generators::Generators(const Catalog& catalog) {
  for (const std::string& name : catalog.list(models::GeneratorParameters::catalog))
    by_name_.emplace(name, read_entry<models::GeneratorParameters>(catalog, name));
  for (const std::string& name : catalog.list(models::GpuParameters::catalog))
    gpus_.emplace(name, read_entry<models::GpuParameters>(catalog, name));
}

void Generators::measure(const std::filesystem::path& table) {
  for (auto& read : models::read_generators(table, catalog_gpu)) {
    const auto known = std::find_if(by_name_.begin(), by_name_.end(), [&](const auto& item) {
      return item.second.model == read.model && item.second.size == read.size;
    });
    if (known == by_name_.end()) {
      by_name_.emplace(read.model, std::move(read));
    } else {
      known->second.points = std::move(read.points);
      known->second.source = std::move(read.source);
    }
  }
}

std::vector<std::string> Generators::names() const {
  std::vector<std::string> all;
  for (const auto& [name, generator] : by_name_) {
    all.push_back(name);
    if (generator.model != name) all.push_back(generator.model);
  }
  return all;
}

std::optional<models::GeneratorEstimate> Generators::estimate(const std::string& model,
                                                              const models::GeneratorRun& run,
                                                              std::string& why) const {
  const auto gpu = [this](const std::string& name) {
    const auto found = gpus_.find(name);
    return found == gpus_.end() ? nullptr : &found->second;
  };
  for (const auto& [name, generator] : by_name_)
    if (same_text(name, model) || same_text(generator.model, model))
      return models::estimate_generator(generator, run, gpu, why);
  why = fmt::format("there is no generator `{}`: {}", model, advise_name(model, names()));
  return std::nullopt;
}

}  // namespace mw::scenarios
