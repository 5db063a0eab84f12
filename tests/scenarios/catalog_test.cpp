#include <doctest/doctest.h>

#include "models/compute/generator.hpp"
#include "models/compute/gpu.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/quality.hpp"
#include "models/compute/stack.hpp"
#include "models/cooling/climate.hpp"
#include "models/cooling/plant.hpp"
#include "models/economics/costs.hpp"
#include "models/inference/traffic.hpp"
#include "models/power/electrical.hpp"
#include "models/power/rack.hpp"
#include "models/training/stack.hpp"
#include "scenarios/nearest.hpp"
#include "scenarios/reader.hpp"
#include "scenarios/yaml/parse.hpp"

using namespace mw;
using namespace mw::scenarios;

namespace {

/// Paths of the figures below `object` that name no source.
void find_unsourced(const Type& type, const void* object, const std::string& path,
                    std::vector<std::string>& found) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::structure:
      for (const Field& field : type.fields)
        find_unsourced(field.type(), field_of(object, field), path + "." + field.name, found);
      return;
    case Kind::list:
    case Kind::optional:
      for (std::size_t i = 0; i < type.size(object); ++i)
        find_unsourced(type.item(), type.item_at(object, i), path, found);
      return;
    case Kind::sourced:
      if (type.label_of(object).starts_with("catalog, no source")) found.push_back(path);
      return;
    default:
      return;  // an entry within is checked as itself
  }
}

template <class T>
void check_kind() {
  const Catalog catalog;
  const auto names = catalog.list(T::catalog);
  CHECK_MESSAGE(!names.empty(), "the catalog `" << T::catalog << "` is empty");
  for (const std::string& name : names) {
    CAPTURE(name);
    try {
      const auto document = read_entry_document<T>(catalog, name);
      std::vector<std::string> unsourced;
      find_unsourced(type_of<T>(), &document.value, name, unsourced);
      CHECK_MESSAGE(unsourced.empty(), "no source: " << listed(unsourced));
      // What is printed of an entry says the same as the entry.
      const std::string text = write_resolved(document.value);
      ProblemList problems;
      Loader loader(catalog, problems);
      Origins origins;
      T back{};
      const Node node = parse_yaml(text, std::make_shared<const std::string>("printed"), problems);
      read_structure(type_of<T>(), &back, {node, true}, loader, problems, origins);
      problems.raise_if_any();
      CHECK(write_resolved(back) == text);
    } catch (const InputProblems& problems) {
      FAIL_CHECK(problems.what());
    }
  }
}

}  // namespace

TEST_CASE("Every catalog entry reads, names its sources, and prints as what it is") {
  SUBCASE("gpus") {
    check_kind<models::GpuParameters>();
  }
  SUBCASE("llms") {
    check_kind<models::LlmParameters>();
  }
  SUBCASE("stacks") {
    check_kind<models::StackParameters>();
  }
  SUBCASE("training stacks") {
    check_kind<models::TrainingStackParameters>();
  }
  SUBCASE("quality") {
    check_kind<models::QualityParameters>();
  }
  SUBCASE("generators") {
    check_kind<models::GeneratorParameters>();
  }
  SUBCASE("racks") {
    check_kind<models::RackParameters>();
  }
  SUBCASE("electrical") {
    check_kind<models::ElectricalParameters>();
  }
  SUBCASE("cooling") {
    check_kind<models::CoolingParameters>();
  }
  SUBCASE("climates") {
    check_kind<models::ClimateParameters>();
  }
  SUBCASE("economics") {
    check_kind<models::EconomicsParameters>();
  }
}
