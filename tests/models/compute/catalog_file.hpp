#pragma once
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <variant>

#include "models/compute/gpu.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/stack.hpp"
#include "sim/describe.hpp"
#include "sim/units.hpp"

// The models floor cannot see the scenario language above it, yet these tests are about the very
// figures of the catalog. Its entries use a plain subset (key: value, one level of nesting), read
// here; the real reader is tested on every entry in tests/scenarios.
namespace mw::test {

using Keys = std::map<std::string, std::string>;

inline Keys read_keys(const std::string& path) {
  std::ifstream in(path);
  REQUIRE_MESSAGE(in.good(), path);
  Keys keys;
  std::string line, parent;
  while (std::getline(in, line)) {
    const bool nested = line.rfind("  ", 0) == 0;
    const std::size_t colon = line.find(':');
    if (line.empty() || line[0] == '#' || colon == std::string::npos) continue;
    std::string key = line.substr(nested ? 2 : 0, colon - (nested ? 2 : 0));
    std::string value = colon + 2 <= line.size() ? line.substr(colon + 2) : "";
    if (!value.empty() && value.front() == '"') {
      value = value.substr(1, value.rfind('"') - 1);
    } else if (const std::size_t note = value.find("  #"); note != std::string::npos) {
      value = value.substr(0, note);
    }
    if (!nested) parent = key;
    keys[nested ? parent + "." + key : key] = value;
  }
  return keys;
}

struct Filler {
  Keys& keys;
  std::string prefix;

  template <class F>
  void operator()(const char* name, F& field, const sim::About& about) const {
    const std::string key = prefix + name;
    if constexpr (sim::is_sourced<F>) {
      Filler{keys, key + "."}("value", field.value, about);
      Filler{keys, key + "."}("confidence", field.confidence, {});
      Filler{keys, key + "."}("source", field.source, {});
    } else {
      const auto found = keys.find(key);
      if (found == keys.end()) {
        CHECK_MESSAGE(!about.required, "missing " << key);
        return;
      }
      const std::string text = found->second;
      keys.erase(found);
      read(key, text, field);
    }
  }

 private:
  template <class F>
  static void read(const std::string& key, const std::string& text, F& field) {
    if constexpr (sim::is_quantity<F>) {
      const auto value = sim::parse_quantity(
          text, {F::unit::symbol, F::unit::display, std::is_same_v<F, sim::Temperature>});
      REQUIRE_MESSAGE(std::holds_alternative<double>(value), key << ": " << text);
      field.value = std::get<double>(value);
    } else if constexpr (sim::NamedEnum<F>) {
      const auto names = enum_names(F{});
      bool known = false;
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (text == names[i]) {
          field = static_cast<F>(i);
          known = true;
        }
      }
      CHECK_MESSAGE(known, key << ": " << text);
    } else if constexpr (std::is_same_v<F, std::string>) {
      field = text;
    } else if constexpr (std::is_same_v<F, bool>) {
      field = text == "true";
    } else {
      std::istringstream(text) >> field;
    }
  }
};

template <class T>
T read_catalog(const std::string& name) {
  const std::string path = std::string(MILLWRIGHT_SOURCE_DIR) + "/scenarios/catalog/" + T::catalog +
                           "/" + name + ".yaml";
  Keys keys = read_keys(path);
  keys.erase("");
  for (auto it = keys.begin(); it != keys.end();) {  // parents of nested keys hold nothing
    it = it->second.empty() ? keys.erase(it) : std::next(it);
  }
  T value;
  describe(value, Filler{keys, ""});
  for (const auto& [key, text] : keys) CHECK_MESSAGE(false, path << ": unknown key " << key);
  sim::Problems problems;
  if constexpr (sim::Checked<T>) check(value, problems);
  for (const auto& item : problems.items) {
    CHECK_MESSAGE(false, path << ": " << item.at << " " << item.problem);
  }
  return value;
}

}  // namespace mw::test
