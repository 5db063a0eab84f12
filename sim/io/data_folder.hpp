#pragma once
#include <filesystem>
#include <optional>

namespace mw::sim {

/// Where large public data lies: MILLWRIGHT_DATA, or `data` below the working directory.
std::filesystem::path data_folder();

/// A file named in an input: itself if the name is absolute; else beside the input, in `base`, or
/// in the data folder, the first that exists.
std::optional<std::filesystem::path> find_input(const std::filesystem::path& name,
                                                const std::filesystem::path& base);

}  // namespace mw::sim
