#include "analysis/show.hpp"

#include <fmt/format.h>
#include <filesystem>

#include "models/compute/generator.hpp"
#include "scenarios/build.hpp"
#include "scenarios/nearest.hpp"
#include "scenarios/public_data.hpp"
#include "scenarios/training.hpp"
#include "sim/input_error.hpp"
#include "sim/io/data_folder.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;
using scenarios::Catalog;

/// Every kind of catalog entry, with how to print one and its line of text.
struct Kind {
  const char* name;
  const char* what;
  std::string (*show)(const Catalog&, const std::string&);
  std::string (*text)(const Catalog&, const std::string&);
};
template <class T>
Kind kind_of(const char* what) {
  return {T::catalog, what,
          [](const Catalog& catalog, const std::string& name) {
            return scenarios::write_resolved(scenarios::read_entry<T>(catalog, name));
          },
          [](const Catalog& catalog, const std::string& name) {
            return scenarios::read_entry<T>(catalog, name).text;
          }};
}
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      kind_of<GpuParameters>("GPUs"),
      kind_of<RackParameters>("racks"),
      kind_of<LlmParameters>("language models"),
      kind_of<StackParameters>("serving software"),
      kind_of<TrainingStackParameters>("training software"),
      kind_of<QualityParameters>("published scores of language models"),
      kind_of<GeneratorParameters>("generators of images and videos"),
      kind_of<TrafficProfile>("kinds of traffic"),
      kind_of<ElectricalParameters>("electrical chains"),
      kind_of<CoolingParameters>("cooling plants"),
      kind_of<ClimateParameters>("places"),
      kind_of<EconomicsParameters>("prices and lives"),
  };
  return all;
}

}  // namespace

void print_catalog(const std::string& kind, const std::string& name) {
  const Catalog catalog;
  if (kind.empty()) {
    for (const auto& k : kinds())
      fmt::print("{:<15} {:>3}  {}\n", k.name, catalog.list(k.name).size(), k.what);
    fmt::print(
        "\nmillwright catalog KIND lists one kind, millwright catalog KIND NAME shows one.\n");
    return;
  }
  std::vector<std::string> kind_names;
  for (const auto& k : kinds()) kind_names.push_back(k.name);
  for (const auto& k : kinds()) {
    if (kind != k.name) continue;
    const auto names = catalog.list(kind);
    if (name.empty()) {
      for (const auto& n : names) fmt::print("{:<34} {}\n", n, k.text(catalog, n));
      return;
    }
    const auto path = catalog.find(kind, name);
    if (!path)
      throw sim::InputError("catalog " + kind, 0, 0, fmt::format("there is no `{}`", name),
                            scenarios::advise_name(name, names));
    fmt::print("# {}\n{}", *path, k.show(catalog, name));
    return;
  }
  throw sim::InputError("catalog", 0, 0, fmt::format("there is no kind `{}`", kind),
                        scenarios::advise_name(kind, kind_names));
}

void print_data() {
  const Catalog catalog;
  const std::filesystem::path folder = sim::data_folder();
  fmt::print(
      "Public files that scenarios can use. Millwright does not ship or fetch them: get one from "
      "its\n"
      "home and put it at its path below {} (MILLWRIGHT_DATA names another folder).\n",
      folder.string());
  for (const auto& file : scenarios::public_data(catalog).files) {
    std::error_code none;
    const auto path = folder / file.path;
    const auto size = std::filesystem::file_size(path, none);
    const std::string here = none ? "not here"
                             : static_cast<std::int64_t>(size) == file.bytes
                                 ? "here"
                                 : "here, but of another size: another version?";
    fmt::print("\n{}: {}\n  {}\n  home     {}\n  path     {}\n  licence  {}\n  sha256   {}\n",
               file.name, here, file.text, file.home, path.string(), file.licence, file.sha256);
  }
}

void print_schema(bool markdown, bool plan) {
  if (plan && markdown) {
    fmt::print("{}", scenarios::reference_markdown<scenarios::TrainingPlan>("Plan reference"));
  } else if (plan) {
    fmt::print("{}\n", scenarios::json_schema<scenarios::TrainingPlan>(Catalog()).dump(2));
  } else if (markdown) {
    fmt::print("{}", scenarios::reference_markdown<scenarios::Scenario>("Scenario reference"));
  } else {
    fmt::print("{}\n", scenarios::json_schema<scenarios::Scenario>(Catalog()).dump(2));
  }
}

std::vector<std::string> input_notes(const models::SiteParameters& site) {
  std::vector<std::string> lines;
  int measured = 0;
  for (const auto& racks : site.racks)
    if (racks.measured) measured += racks.count;
  if (measured > 0)
    lines.push_back(fmt::format(
        "{} of {} racks replay measured power: nothing there follows from work, limits or "
        "temperature",
        measured, site.rack_count()));
  for (const auto& line : models::oversubscribed(site.distribution)) lines.push_back(line);
  const auto& generator = site.electrical.generator;
  if (generator && generator->rating && generator->rating->value < site.design_meter_w)
    lines.push_back(fmt::format("generators of {:.4g} kW for a design power of {:.4g}",
                                generator->rating->value * 1e-3, site.design_meter_w * 1e-3));
  if (!site.weather) return lines;
  lines.push_back(fmt::format("weather {}: {}", *site.climate.file, site.weather->summary));
  for (const auto& warning : site.weather->warnings) lines.push_back("weather: " + warning);
  return lines;
}

void print_check(const std::string& scenario, const std::vector<std::string>& sets) {
  const Catalog catalog;
  const auto document = scenarios::read_document<scenarios::Scenario>(scenario, {sets}, catalog);
  const auto site = scenarios::build_site(document, std::filesystem::path(scenario).parent_path());
  fmt::print("{}", scenarios::write_resolved(document));

  double design_w = 0;
  int gpus = 0;
  for (const auto& racks : site.racks) {
    design_w += racks.rack.design_power.value.value * racks.count;
    gpus += racks.rack.gpus() * racks.count;
  }
  fmt::print("\n# What this builds\n# {} racks, {} GPUs, {:.3g} MW of design power\n",
             site.rack_count(), gpus, design_w * 1e-6);
  for (const auto& line : input_notes(site)) fmt::print("# {}\n", line);
  for (const auto& service : site.services) {
    const auto& pod = site.pods[static_cast<std::size_t>(service.first_pod)];
    const auto means = traffic_means(service.front);
    const auto& loop = service.front.closed_loop;
    const std::string asked = loop ? fmt::format("{} users with requests", loop->users)
                                   : fmt::format("{:.4g} requests/s", means.requests_per_s);
    fmt::print(
        "# service {}: {} replicas of {} GPUs in {} pods; {} KV tokens a replica ({:.3g} kB a "
        "token); {} of {:.0f} + {:.0f} tokens\n",
        service.name, service.replicas, service.gpus_per_replica, service.pods,
        kv_blocks(pod.engine, *pod.table) * pod.engine.block_size,
        pod.table->kv_bytes_per_token * 1e-3, asked, means.prompt_tokens, means.output_tokens);
  }
}

}  // namespace mw::analysis
