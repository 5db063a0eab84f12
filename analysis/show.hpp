#pragma once
#include <string>
#include <vector>

#include "models/site/site.hpp"

namespace mw::analysis {

/// `catalog`: the kinds; `catalog KIND`: its entries; `catalog KIND NAME`: one, with its sources.
void print_catalog(const std::string& kind, const std::string& name);

/// `data`: public files that scenarios can use, and whether they are here.
void print_data();

/// `schema`: JSON Schema of a scenario file, with --plan of a training plan. `--markdown`: the
/// reference page.
void print_schema(bool markdown, bool plan);

/// `check`: the resolved scenario, each value with its origin, and what was built from it.
void print_check(const std::string& scenario, const std::vector<std::string>& sets);

/// What a user should know of measured inputs: replayed racks, the weather file and what had to be
/// mended in it; empty without such.
std::vector<std::string> input_notes(const models::SiteParameters& site);

}  // namespace mw::analysis
