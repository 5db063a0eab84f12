#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "farm.hpp"

using namespace mw::scenarios;

// The seeds of tests/fuzz/fuzz_yaml.cpp: an override on the first line, then a scenario.
TEST_CASE("Damaged scenarios end in messages that say where and what to do") {
  const farm::Folder folder;
  std::size_t files = 0;
  for (const auto& item :
       std::filesystem::directory_iterator(MILLWRIGHT_SOURCE_DIR "/tests/corpus/yaml")) {
    const std::string name = item.path().filename().string();
    CAPTURE(name);
    std::ifstream in(item.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t end = text.find('\n');
    REQUIRE(end != std::string::npos);
    Overrides overrides;
    if (end > 0) overrides.sets.push_back(text.substr(0, end));
    const std::string path = folder.write("input.yaml", text.substr(end));
    const bool is_sound = name == "whole.yaml" || name == "override.yaml";
    bool read = false;
    try {
      read_file<farm::Farm>(path, overrides, folder.catalog());
      read = true;
    } catch (const InputProblems& problems) {
      CHECK_MESSAGE(!is_sound, problems.what());
      CHECK_FALSE(problems.items.empty());
      for (const auto& problem : problems.items) {
        CHECK(problem.line > 0);
        CHECK(problem.column > 0);
        CHECK_FALSE(problem.problem.empty());
        CHECK_FALSE(problem.advice.empty());
      }
    }
    CHECK(read == is_sound);
    ++files;
  }
  CHECK(files >= 9);
}
