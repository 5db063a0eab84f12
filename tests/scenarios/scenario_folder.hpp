#pragma once
#include <filesystem>
#include <fstream>
#include <string>

#include "scenarios/build.hpp"
#include "support/scratch.hpp"

namespace mw::scenarios::test {

/// A folder of a test's own in which a scenario is written, read and built.
class Folder {
 public:
  Document<Scenario> read(const std::string& text) const {
    std::ofstream(scratch_ / "s.yaml") << text;
    return read_document<Scenario>((scratch_ / "s.yaml").string(), {}, Catalog());
  }
  models::SiteParameters build(const std::string& text) const {
    return build_site(read(text), scratch_.path());
  }
  /// The messages, without the folder's path; "" if it builds.
  std::string problems(const std::string& text) const {
    try {
      build(text);
      return "";
    } catch (const InputProblems& e) {
      return without_path(e.what());
    } catch (const sim::InputError& e) {
      return without_path(e.what());
    }
  }
  std::filesystem::path operator/(const std::string& name) const { return scratch_ / name; }

 private:
  std::string without_path(std::string text) const {
    const std::string path = scratch_.path().string() + "/";
    for (std::size_t at; (at = text.find(path)) != std::string::npos;) text.erase(at, path.size());
    return text;
  }
  mw::test::Scratch scratch_;
};

}  // namespace mw::scenarios::test
