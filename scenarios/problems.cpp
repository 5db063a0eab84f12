#include "scenarios/problems.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace mw::scenarios {

std::string text_of(const Place& place) {
  if (!place.file) return "";
  return place.line > 0 ? fmt::format("{}:{}", *place.file, place.line) : *place.file;
}

InputProblems::InputProblems(std::vector<sim::InputError> all) : items(std::move(all)) {
  for (const sim::InputError& item : items) {
    if (!text_.empty()) text_ += '\n';
    text_ += item.what();
  }
}

void ProblemList::add(const Place& at, std::string problem, std::string advice) {
  if (full()) return;
  items_.emplace_back(at.file ? *at.file : "input", at.line, at.column, std::move(problem),
                      std::move(advice));
}

void ProblemList::raise_if_any() const {
  if (items_.empty()) return;
  std::vector<std::string> files;
  const auto rank = [&](const std::string& file) {
    const auto found = std::find(files.begin(), files.end(), file);
    if (found != files.end()) return found - files.begin();
    files.push_back(file);
    return static_cast<std::ptrdiff_t>(files.size() - 1);
  };
  for (const sim::InputError& item : items_) rank(item.file);
  std::vector<std::size_t> order(items_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    const sim::InputError &a = items_[i], &b = items_[j];
    return std::tuple(rank(a.file), a.line, a.column) < std::tuple(rank(b.file), b.line, b.column);
  });
  std::vector<sim::InputError> sorted;
  for (const std::size_t i : order) {
    // One file used in two places (a catalog entry, say) is wrong once.
    if (!sorted.empty() && std::string_view(sorted.back().what()) == items_[i].what()) continue;
    sorted.push_back(items_[i]);
  }
  throw InputProblems(std::move(sorted));
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string shown(text);
  if (shown.size() > longest) {
    std::size_t cut = longest;
    while (cut > 0 && (static_cast<unsigned char>(shown[cut]) & 0xC0) == 0x80) --cut;
    shown = shown.substr(0, cut) + "...";
  }
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return "`" + shown + "`";
}

}  // namespace mw::scenarios
