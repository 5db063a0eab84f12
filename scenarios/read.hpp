#pragma once
#include <string>

#include "scenarios/load.hpp"
#include "scenarios/origins.hpp"
#include "scenarios/type.hpp"

namespace mw::scenarios {

/// Reads `node` into `object`, a default-made C++ object of `structure`. All that is wrong goes to
/// `problems`; `object` is complete only if nothing was added there.
void read_structure(const Type& structure, void* object, const Loader::Loaded& loaded,
                    Loader& loader, ProblemList& problems, Origins& origins);

/// A value as a user could write it in this place: `1 kW`, `true`.
std::string example_of(const Type& type);

/// One value as it is written: `2 MW`, `fp8`, `12`. Only for types that are one word.
std::string scalar_text(const Type& type, const void* value);

/// A limit of `about`, in the unit people read.
std::string limit_text(const Type& type, double limit);

/// Texts of durations and moments; both read back to the same value.
std::string format_duration(sim::Duration duration);
std::string format_instant(sim::Instant instant);

}  // namespace mw::scenarios
