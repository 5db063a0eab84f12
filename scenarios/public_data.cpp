#include "scenarios/public_data.hpp"

#include <filesystem>

#include "scenarios/reader.hpp"

namespace mw::scenarios {

PublicData public_data(const Catalog& catalog) {
  const auto beside = std::filesystem::path(catalog.folders().back()).parent_path();
  return read_file<PublicData>((beside / "public_data.yaml").string(), {}, catalog);
}

}  // namespace mw::scenarios
