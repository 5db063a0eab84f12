#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mw::scenarios {

/// The candidate that `written` was most likely meant to be; empty if none is near. Case, `-` and
/// `_` count little; among equals the first wins.
std::string nearest(std::string_view written, const std::vector<std::string>& candidates);

/// What to do about a word that is none of `candidates`: `did you mean x?`, else the list of them.
std::string advise_name(std::string_view written, const std::vector<std::string>& candidates);

/// `a, b and c`; long lists end in `... (17 in all)`.
std::string listed(const std::vector<std::string>& names);

}  // namespace mw::scenarios
