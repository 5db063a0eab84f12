#include "scenarios/catalog.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace mw::scenarios {
namespace {

namespace fs = std::filesystem;

bool is_word(std::string_view text) {
  return !text.empty() && text.size() < 200 && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

void sort_unique(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

Catalog::Catalog() {
  if (const char* given = std::getenv("MILLWRIGHT_CATALOG")) {
    std::string_view rest(given);
    while (!rest.empty()) {
      const std::size_t colon = std::min(rest.find(':'), rest.size());
      if (colon > 0) folders_.emplace_back(rest.substr(0, colon));
      rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
  }
  // An installed program finds its catalog beside itself; one in a build folder, in the sources.
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed = program.parent_path() / "../share/millwright/catalog";
  if (!error && fs::is_directory(installed, error))
    folders_.push_back(installed.lexically_normal().string());
  else
    folders_.emplace_back(MILLWRIGHT_CATALOG_DIR);
}

std::vector<std::string> Catalog::kinds() const {
  std::vector<std::string> names;
  for (const std::string& folder : folders_) {
    std::error_code error;
    for (const auto& item : fs::directory_iterator(folder, error))
      if (item.is_directory(error)) names.push_back(item.path().filename().string());
  }
  sort_unique(names);
  return names;
}

std::vector<std::string> Catalog::list(std::string_view kind) const {
  std::vector<std::string> names;
  for (const std::string& folder : folders_) {
    std::error_code error;
    for (const auto& item : fs::directory_iterator(fs::path(folder) / kind, error))
      if (item.path().extension() == ".yaml") names.push_back(item.path().stem().string());
  }
  sort_unique(names);
  return names;
}

std::optional<std::string> Catalog::find(std::string_view kind, std::string_view name) const {
  if (!is_word(kind) || !is_word(name)) return std::nullopt;
  for (const std::string& folder : folders_) {
    const fs::path path = fs::path(folder) / kind / (std::string(name) + ".yaml");
    std::error_code error;
    if (fs::is_regular_file(path, error)) return path.string();
  }
  return std::nullopt;
}

}  // namespace mw::scenarios
