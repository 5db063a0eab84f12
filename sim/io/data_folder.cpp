#include "sim/io/data_folder.hpp"

#include <cstdlib>

namespace mw::sim {

std::filesystem::path data_folder() {
  const char* named = std::getenv("MILLWRIGHT_DATA");
  return named != nullptr ? named : "data";
}

std::optional<std::filesystem::path> find_input(const std::filesystem::path& name,
                                                const std::filesystem::path& base) {
  if (name.is_absolute()) return name;
  std::error_code unreadable;  // as good as absent: whoever opens it says more
  for (const auto& folder : {base, data_folder()})
    if (std::filesystem::exists(folder / name, unreadable)) return folder / name;
  return std::nullopt;
}

}  // namespace mw::sim
