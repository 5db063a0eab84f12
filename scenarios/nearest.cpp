#include "scenarios/nearest.hpp"

#include <algorithm>

namespace mw::scenarios {
namespace {

std::string plain(std::string_view text) {
  std::string out(text.substr(0, 64));  // longer words are near nothing
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-' || c == ' ') c = '_';
  }
  return out;
}

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before, previous(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = previous;
    std::swap(previous, row);
  }
  return previous[b.size()];
}

}  // namespace

std::string nearest(std::string_view written, const std::vector<std::string>& candidates) {
  const std::string wanted = plain(written);
  if (wanted.empty()) return "";
  std::string best;
  if (wanted.size() >= 3)  // h100 is h100_sxm rather than h200
    for (const std::string& candidate : candidates)
      if (plain(candidate).starts_with(wanted) && (best.empty() || candidate.size() < best.size()))
        best = candidate;
  if (!best.empty()) return best;
  std::size_t best_distance = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(wanted, plain(candidate));
    if (d < best_distance) best = candidate, best_distance = d;
  }
  return best;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 16;
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < most; ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  if (names.size() > most) out += " ... (" + std::to_string(names.size()) + " in all)";
  return out;
}

std::string advise_name(std::string_view written, const std::vector<std::string>& candidates) {
  const std::string near = nearest(written, candidates);
  if (!near.empty()) return "did you mean `" + near + "`?";
  if (candidates.empty()) return "there is none to choose from";
  return "there " + std::string(candidates.size() == 1 ? "is " : "are ") + listed(candidates);
}

}  // namespace mw::scenarios
