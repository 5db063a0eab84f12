#include "analysis/calibrate/figures_to_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "scenarios/nearest.hpp"
#include "scenarios/read.hpp"
#include "sim/output_error.hpp"

namespace mw::analysis {
namespace {

using scenarios::Type;

/// The entry as bytes that a Type knows the layout of; null if there is none of that kind.
void* entry_of(Entries& entries, const FittedPlace& place) {
  if (place.kind == "stacks") return &entries.stacks.at(place.entry);
  return &entries.gpus.at(place.entry);
}
void* sourced_of(Entries& entries, const FittedPlace& place) {
  return static_cast<char*>(entry_of(entries, place)) + place.offset;
}
void* number_of(Entries& entries, const FittedPlace& place) {
  return place.sourced->value(sourced_of(entries, place));
}

template <class T>
void need(std::map<std::string, T>& have, const scenarios::Catalog& catalog,
          const std::string& name) {
  if (!have.contains(name)) have.emplace(name, scenarios::read_entry<T>(catalog, name));
}

struct Finder {
  const scenarios::Document<CalibrationStudy>& study;
  const scenarios::Catalog& catalog;
  Entries& entries;
  scenarios::ProblemList problems;
  std::set<std::string> used;

  scenarios::Place place_of(std::size_t index) const {
    for (const std::string& path :
         {fmt::format("parameters[{}].figure", index), fmt::format("parameters[{}]", index)})
      if (const auto at = study.origins.find(path); at != study.origins.end()) return at->second;
    return {};
  }

  bool find(std::size_t index, const std::string& path, bool fitted, FittedPlace& out,
            const sim::About*& about) {
    const auto problem = [&](const std::string& what, const std::string& advice) {
      problems.add(place_of(index), what, advice);
      return false;
    };
    const std::size_t first = path.find('.');
    const std::size_t last = path.rfind('.');
    if (first == std::string::npos || first == last)
      return problem(scenarios::in_quotes(path) + " is no path of a catalog figure",
                     "write catalog, entry and key, as in `stacks.vllm_0_11.step_overhead`");
    out.kind = path.substr(0, first);
    out.entry = path.substr(first + 1, last - first - 1);
    out.key = path.substr(last + 1);
    if (out.kind != "stacks" && out.kind != "gpus")
      return problem(scenarios::in_quotes(out.kind) + " holds nothing that can be fitted",
                     "figures of `stacks` and `gpus` can");
    if (!catalog.find(out.kind, out.entry))
      return problem(fmt::format("there is no {} in {}", scenarios::in_quotes(out.entry), out.kind),
                     scenarios::advise_name(out.entry, catalog.list(out.kind)));
    const bool stack = out.kind == "stacks";
    if (stack) {
      need(entries.stacks, catalog, out.entry);
    } else {
      need(entries.gpus, catalog, out.entry);
    }
    const Type& type = stack ? scenarios::type_of<models::StackParameters>()
                             : scenarios::type_of<models::GpuParameters>();
    const auto is_figure = [](const scenarios::Field& f) {
      if (f.type().kind != Type::Kind::sourced) return false;
      const Type::Kind kind = f.type().item().kind;
      return kind == Type::Kind::number || kind == Type::Kind::quantity;
    };
    const scenarios::Field* field = type.field(out.key);
    if (!field || !is_figure(*field)) {
      std::vector<std::string> names;
      for (const auto& f : type.fields)
        if (is_figure(f)) names.push_back(f.name);
      return problem(scenarios::in_quotes(out.key) +
                         (field ? " is not a figure with a source" : " is no key of that entry"),
                     scenarios::advise_name(out.key, names));
    }
    if (fitted && !used.insert(path).second)
      return problem(scenarios::in_quotes(path) + " is fitted twice", "name it once");
    out.sourced = &field->type();
    out.number = &field->type().item();
    out.offset = field->offset;
    about = &field->about;
    return true;
  }

  bool add(std::size_t index, const StudyParameter& wanted, FittedValue& out) {
    std::vector<std::string> paths = {wanted.figure};
    paths.insert(paths.end(), wanted.also.begin(), wanted.also.end());
    out.fit.name = wanted.figure;
    out.fit.prior_sigma = wanted.sigma;
    for (const std::string& path : paths) {
      FittedPlace place;
      const sim::About* about = nullptr;
      if (!find(index, path, true, place, about)) return false;
      const double value = place.number->get_number(number_of(entries, place));
      if (out.places.empty()) {
        if (!(value > 0)) {
          problems.add(
              place_of(index),
              fmt::format("`{}` is {} in the catalog, and fits run in logarithms", path,
                          scenarios::scalar_text(*place.number, number_of(entries, place))),
              "give it a positive value in a catalog of your own (MILLWRIGHT_CATALOG), or "
              "leave it out");
          return false;
        }
        out.fit.start = value;
        out.fit.min = value / wanted.within;
        out.fit.max = value * wanted.within;
      }
      out.fit.min = std::max(out.fit.min, std::max(about->min, 1e-300));
      out.fit.max = std::min(out.fit.max, about->max);
      out.places.push_back(place);
    }
    if (!wanted.fallback.empty()) {
      FittedPlace place;
      const sim::About* about = nullptr;
      if (!find(index, wanted.fallback, false, place, about)) return false;
      out.fallback = place;
    }
    return true;
  }
};

}  // namespace

std::vector<FittedValue> find_fitted(const scenarios::Document<CalibrationStudy>& study,
                                     const scenarios::Catalog& catalog, Entries& entries) {
  Finder finder{study, catalog, entries, {}, {}};
  std::vector<FittedValue> out;
  for (std::size_t i = 0; i < study.value.parameters.size(); ++i) {
    FittedValue value;
    if (finder.add(i, study.value.parameters[i], value)) out.push_back(std::move(value));
  }
  finder.problems.raise_if_any();
  return out;
}

void set_fitted(const std::vector<FittedValue>& fitted, std::span<const double> values,
                Entries& entries) {
  for (std::size_t i = 0; i < fitted.size(); ++i)
    for (const FittedPlace& place : fitted[i].places)
      place.number->set_number(number_of(entries, place), values[i]);
}

double fitted_value(const FittedValue& fitted, Entries& entries) {
  const FittedPlace& place = fitted.places.front();
  return place.number->get_number(number_of(entries, place));
}

void set_to_fallback(const FittedValue& fitted, Entries& entries) {
  if (!fitted.fallback) return;
  const double value = fitted.fallback->number->get_number(number_of(entries, *fitted.fallback));
  for (const FittedPlace& place : fitted.places)
    place.number->set_number(number_of(entries, place), value);
}

std::string fitted_text(const FittedValue& fitted, double value) {
  // Four digits: no fit is better than that.
  const double rounded = std::stod(fmt::format("{:.4g}", value));
  const Type& type = *fitted.places.front().number;
  if (type.kind == Type::Kind::quantity) return sim::format_quantity(rounded, type.unit);
  return fmt::format("{:.4g}", rounded);
}

std::vector<std::string> write_overlay(const std::string& folder,
                                       const std::vector<FittedValue>& fitted,
                                       std::span<const double> values,
                                       std::span<const std::string> sources, Entries entries) {
  set_fitted(fitted, values, entries);
  std::set<std::pair<std::string, std::string>> changed;
  for (std::size_t i = 0; i < fitted.size(); ++i) {
    for (const FittedPlace& place : fitted[i].places) {
      void* sourced = sourced_of(entries, place);
      place.number->set_number(place.sourced->value(sourced),
                               std::stod(fmt::format("{:.4g}", values[i])));
      *static_cast<sim::Confidence*>(place.sourced->confidence(sourced)) =
          sim::Confidence::calibrated;
      *static_cast<std::string*>(place.sourced->label(sourced)) = sources[i];
      changed.insert({place.kind, place.entry});
    }
  }
  std::vector<std::string> written;
  for (const auto& [kind, entry] : changed) {
    const auto path = std::filesystem::path(folder) / kind / (entry + ".yaml");
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    std::ofstream out(path);
    out << (kind == "stacks" ? scenarios::write_resolved(entries.stacks.at(entry))
                             : scenarios::write_resolved(entries.gpus.at(entry)));
    out.close();
    if (!out)
      throw sim::OutputError(path.string(), "cannot be written",
                             "name a folder that can be written with --output");
    written.push_back(path.string());
  }
  return written;
}

}  // namespace mw::analysis
