#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "scenarios/catalog.hpp"
#include "scenarios/origins.hpp"
#include "scenarios/type.hpp"

namespace mw::scenarios {

/// Every field with its value and unit, as YAML that reads back to the same object without any
/// other file. With `origins`, a comment says where each value was written.
std::string write_resolved(const Type& structure, const void* object, const Origins* origins);

/// JSON Schema (draft 2020-12) of the files that describe `structure`, for editors. It is looser
/// than the reader, never stricter. Catalog names are offered as they are found.
nlohmann::ordered_json json_schema(const Type& structure, const Catalog& catalog);

/// A reference page: a table of keys for each structure within `structure`.
std::string reference_markdown(const Type& structure, const std::string& title);

/// `power (kW)`, `whole number`, ...
std::string type_text(const Type& type);

}  // namespace mw::scenarios
