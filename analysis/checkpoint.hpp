#pragma once
#include <filesystem>
#include <string>

#include "models/site/site.hpp"

namespace mw::analysis {

/// Writes the whole state, so that a run can go on from it with the same bits. The file appears at
/// once or not at all. `scenario` is the resolved scenario, `site` what was built from it and the
/// traces it names: another one cannot go on from here. Throws sim::OutputError.
void write_checkpoint(const std::filesystem::path& path, const std::string& scenario,
                      const models::SiteParameters& site, const models::SiteState& state);

/// Throws sim::InputError where the file is damaged, of another version, of another scenario, or of
/// one whose traces have changed since.
models::SiteState read_checkpoint(const std::filesystem::path& path, const std::string& scenario,
                                  const models::SiteParameters& site);

}  // namespace mw::analysis
