#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mw::scenarios {

/// Where catalog entries lie: <folder>/<kind>/<name>.yaml. An entry in an earlier folder hides one
/// of the same name in a later one.
class Catalog {
 public:
  /// The folders of the environment variable MILLWRIGHT_CATALOG (colons between them), then the
  /// catalog this program came with.
  Catalog();
  explicit Catalog(std::vector<std::string> folders) : folders_(std::move(folders)) {}

  const std::vector<std::string>& folders() const { return folders_; }
  std::vector<std::string> kinds() const;                      // sorted
  std::vector<std::string> list(std::string_view kind) const;  // names, sorted
  std::optional<std::string> find(std::string_view kind, std::string_view name) const;  // path

 private:
  std::vector<std::string> folders_;
};

}  // namespace mw::scenarios
