#include "scenarios/names.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "models/compute/gpu.hpp"
#include "scenarios/nearest.hpp"
#include "scenarios/problems.hpp"
#include "scenarios/reader.hpp"

namespace mw::scenarios {
namespace {

using models::Precision;
using Words = std::vector<std::string>;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool all_digits(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), is_digit);
}

/// Runs of letters and digits, in lower case.
Words words_of(std::string_view text) {
  constexpr std::size_t most = 256;  // of a name; the rest of garbage is not looked at
  Words words;
  bool open = false;
  for (char c : text.substr(0, most)) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool part = is_digit(c) || (c >= 'a' && c <= 'z');
    if (part && !open) words.emplace_back();
    if (part) words.back() += c;
    open = part;
  }
  return words;
}
std::string joined(const Words& words) {
  std::string out;
  for (const auto& word : words) out += word;
  return out;
}
bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// The part of a hub's identifier that names the model.
std::string_view without_owner(std::string_view id) {
  while (!id.empty() && id.back() == '/') id.remove_suffix(1);
  return id.substr(id.rfind('/') + 1);  // npos + 1 is 0
}

struct FormatWord {
  const char* word;
  std::optional<Precision> precision;
  bool near;  // not this format, but weights of its size that are unpacked to BF16
};
constexpr std::array format_words = {
    FormatWord{"bf16", Precision::bf16, false},   FormatWord{"bfloat16", Precision::bf16, false},
    FormatWord{"fp8", Precision::fp8, false},     FormatWord{"w8a8", Precision::fp8, false},
    FormatWord{"mxfp4", Precision::mxfp4, false}, FormatWord{"nvfp4", Precision::nvfp4, false},
    FormatWord{"fp4", std::nullopt, false},       FormatWord{"int4", Precision::nvfp4, true},
    FormatWord{"awq", Precision::nvfp4, true},    FormatWord{"gptq", Precision::nvfp4, true},
    FormatWord{"w4a16", Precision::nvfp4, true}};
const FormatWord* format_of(std::string_view word) {
  for (const auto& known : format_words)
    if (word == known.word) return &known;
  return nullptr;
}

/// Words of a model's name that change neither its shape nor its cost.
bool says_little(const std::string& word) {
  static const Words little = {"instruct", "it",        "chat",   "base",    "hf",
                               "preview",  "meta",      "nvidia", "dynamic", "kv",
                               "block",    "quantized", "4bit",   "8bit"};
  return has(little, word) || format_of(word) != nullptr;
}

/// A model's name cut down to its shape. `dated`: releases of one model, told apart by a date of
/// four digits, count as one.
std::string core_of(std::string_view name, bool dated) {
  Words words;
  for (auto& word : words_of(without_owner(name))) {
    if (says_little(word) || (dated && word.size() == 4 && all_digits(word))) continue;
    words.push_back(std::move(word));
  }
  return joined(words);
}

struct Version {
  std::array<long, 3> parts{};
  bool operator<(const Version& other) const { return parts < other.parts; }
};
/// The first `number.number` or `number.number.number` in a text.
std::optional<Version> version_in(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_digit(text[i]) || (i > 0 && (is_digit(text[i - 1]) || text[i - 1] == '.'))) continue;
    Version version;
    std::size_t at = i, part = 0;
    while (part < 3) {
      long value = 0;
      const std::size_t first = at;
      while (at < text.size() && is_digit(text[at]) && at - first < 6)
        value = value * 10 + (text[at++] - '0');
      if (at == first) break;
      version.parts[part++] = value;
      if (at + 1 >= text.size() || text[at] != '.' || !is_digit(text[at + 1])) break;
      ++at;
    }
    if (part >= 2) return version;
  }
  return std::nullopt;
}

/// Words around a GPU's name that say nothing more: makers, forms, sizes of memory, limits.
bool goes_with_gpu(const std::string& word) {
  static const Words known = {
      "nvidia",    "amd",    "instinct",    "tesla",  "geforce", "graphics",  "gpu",
      "device",    "hgx",    "dgx",         "sxm",    "sxm2",    "sxm3",      "sxm4",
      "sxm5",      "sxm6",   "hbm2",        "hbm2e",  "hbm3",    "hbm3e",     "nvl72",
      "superchip", "server", "edition",     "hopper", "ampere",  "blackwell", "volta",
      "pascal",    "ultra",  "workstation", "ada",    "gddr6x",  "gddr7",     "tensor",
      "core",      "grace",  "virtualized", "x"};
  if (has(known, word)) return true;
  const auto number_then = [&](std::string_view unit) {
    return word.size() > unit.size() && std::string_view(word).ends_with(unit) &&
           all_digits(std::string_view(word).substr(0, word.size() - unit.size()));
  };
  return number_then("gb") || number_then("g") || number_then("w") || number_then("x") ||
         (word[0] == 'x' && all_digits(std::string_view(word).substr(1)));
}

/// `8xh100` is h100, `h100x8` too.
std::string without_count(const std::string& word) {
  std::size_t front = 0;
  while (front < word.size() && is_digit(word[front])) ++front;
  if (front > 0 && front + 1 < word.size() && word[front] == 'x') return word.substr(front + 1);
  std::size_t back = word.size();
  while (back > 0 && is_digit(word[back - 1])) --back;
  if (back < word.size() && back > 1 && word[back - 1] == 'x' && is_digit(word[back - 2]))
    return word.substr(0, back - 1);
  return word;
}

/// GB of memory that a GPU's name tells; 0 if none.
double memory_in(const Words& words) {
  for (const auto& word : words) {
    const std::size_t digits = word.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string::npos || digits > 4) continue;
    const auto unit = word.substr(digits);
    if (unit == "gb" || unit == "g") return std::stod(word.substr(0, digits));
  }
  return 0;
}

}  // namespace

Names::Names(const Catalog& catalog) : catalog_(catalog) {
  const auto beside = std::filesystem::path(catalog.folders().back()).parent_path();
  aliases_ = read_file<Aliases>((beside / "aliases.yaml").string(), {}, catalog);
  // Entries that the table does not know are known by their own names.
  const auto complete = [&](const char* kind, std::vector<Alias>& known) {
    std::erase_if(known, [&](const Alias& a) { return !catalog.find(kind, a.name); });
    for (auto& name : catalog.list(kind)) {
      const auto same = [&](const Alias& a) { return a.name == name; };
      if (std::none_of(known.begin(), known.end(), same))
        known.push_back({.name = name, .family = name, .ids = {name}, .from = "", .only_on = {}});
    }
    for (auto& alias : known) alias.ids.push_back(alias.name);
  };
  complete("llms", aliases_.llms);
  complete("gpus", aliases_.gpus);
  complete("stacks", aliases_.stacks);
}

std::variant<Names::Model, Unknown> Names::model(std::string_view written,
                                                 std::optional<Precision> wanted) const {
  Model found;
  for (const auto& word : words_of(without_owner(written))) {
    if (const FormatWord* format = format_of(word)) {
      found.precision = format->precision;
      found.near_format = format->near;
    }
  }
  const bool fp8 = wanted.value_or(found.precision.value_or(Precision::bf16)) == Precision::fp8;
  const auto is_fp8 = [](const Alias& a) { return has(words_of(a.name), "fp8"); };
  const std::string whole = joined(words_of(without_owner(written)));

  const Alias* best = nullptr;
  int best_rank = 0;
  for (const auto& alias : aliases_.llms) {
    for (const auto& id : alias.ids) {
      int rank = 0;
      if (joined(words_of(without_owner(id))) == whole) {
        rank = 6;
      } else if (const auto core = core_of(id, false); core.empty()) {
        continue;
      } else if (core == core_of(written, false)) {
        rank = 3;
      } else if (core_of(id, true) == core_of(written, true)) {
        rank = 1;
      } else {
        continue;
      }
      // The FP8 checkpoint of the same release, where FP8 is asked for.
      if (is_fp8(alias) == fp8) rank += rank == 6 ? 1 : rank == 3 ? (fp8 ? 5 : 1) : 1;
      if (rank > best_rank || (rank == best_rank && alias.name.size() < best->name.size())) {
        best = &alias;
        best_rank = rank;
      }
    }
  }
  if (!best) {
    std::vector<std::string> candidates;
    for (const auto& alias : aliases_.llms) candidates.push_back(alias.ids.front());
    std::string advice = advise_name(written, candidates);
    if (nearest(written, candidates).empty()) {
      std::vector<std::string> plain;
      for (const auto& alias : aliases_.llms) plain.push_back(alias.name);
      if (const auto near = nearest(without_owner(written), plain); !near.empty())
        advice = fmt::format("did you mean `{}`?", near);
    }
    return Unknown{fmt::format("there is no model {} in the catalog", in_quotes(written)),
                   advice + "; `millwright catalog llms` lists all"};
  }
  found.name = best->name;
  found.family = best->family.empty() ? best->name : best->family;
  return found;
}

std::variant<std::string, Unknown> Names::gpu(std::string_view written) const {
  Words words = words_of(written);
  for (auto& word : words) word = without_count(word);
  const Alias* best = nullptr;
  std::size_t best_words = 0;
  for (const auto& alias : aliases_.gpus) {
    for (const auto& id : alias.ids) {
      const Words wanted = words_of(id);
      Words rest = words;
      bool all = !wanted.empty();
      for (const auto& word : wanted) {
        const auto at = std::find(rest.begin(), rest.end(), word);
        all = all && at != rest.end();
        if (at != rest.end()) rest.erase(at);
      }
      if (!all || !std::all_of(rest.begin(), rest.end(), goes_with_gpu)) continue;
      if (wanted.size() > best_words) best = &alias, best_words = wanted.size();
    }
  }
  const auto advice = [&] {
    std::vector<std::string> names;
    for (const auto& alias : aliases_.gpus) names.push_back(alias.name);
    return advise_name(written, names) + "; `millwright catalog gpus` lists all";
  };
  if (!best)
    return Unknown{fmt::format("there is no GPU {} in the catalog", in_quotes(written)), advice()};
  if (const double told = memory_in(words); told > 0) {
    const double has_gb =
        read_entry<models::GpuParameters>(catalog_, best->name).memory.value.value / 1e9;
    if (std::fabs(told / has_gb - 1) > 0.15)
      return Unknown{fmt::format("{} tells of {:g} GB, but `{}` of the catalog has {:.0f} GB",
                                 in_quotes(written), told, best->name, has_gb),
                     "add a catalog entry for this GPU, or write `" + best->name + "`"};
  }
  return best->name;
}

std::variant<Names::Stack, Unknown> Names::stack(std::string_view written, bool all_at_once,
                                                 std::string_view gpu) const {
  const std::string whole = joined(words_of(written));
  for (const auto& alias : aliases_.stacks)
    if (joined(words_of(alias.name)) == whole) return Stack{alias.name, "", false};

  std::string family;
  std::size_t longest = 0;
  for (const auto& alias : aliases_.stacks) {
    for (const auto& id : alias.ids) {
      const std::string wanted = joined(words_of(id));
      if (wanted.size() <= longest || whole.find(wanted) == std::string::npos) continue;
      family = alias.family.empty() ? alias.name : alias.family;
      longest = wanted.size();
    }
  }
  std::vector<const Alias*> known;  // of the family, by version
  for (const auto& alias : aliases_.stacks)
    if (!family.empty() && alias.family == family) known.push_back(&alias);
  const auto made_for = [&](const Alias* a) {
    return std::find(a->only_on.begin(), a->only_on.end(), gpu) != a->only_on.end();
  };
  const bool some_made_for = std::any_of(known.begin(), known.end(), made_for);
  std::erase_if(known,
                [&](const Alias* a) { return some_made_for ? !made_for(a) : !a->only_on.empty(); });
  std::stable_sort(known.begin(), known.end(), [](const Alias* a, const Alias* b) {
    return version_in(a->from).value_or(Version{}) < version_in(b->from).value_or(Version{});
  });
  if (known.empty()) {
    std::vector<std::string> names;
    for (const auto& alias : aliases_.stacks) names.push_back(alias.name);
    return Unknown{
        fmt::format("there is no serving software {} in the catalog", in_quotes(written)),
        "there are " + listed(names)};
  }
  const auto version = version_in(written);
  if (!version) {
    for (const auto* alias : known)
      if (all_at_once && alias->at_once) return Stack{alias->name, "no version given", false};
    return Stack{known.back()->name, known.size() > 1 ? "no version given" : "", false};
  }
  const Alias* best = nullptr;
  for (const auto* alias : known)
    if (!(*version < version_in(alias->from).value_or(Version{}))) best = alias;
  if (best) return Stack{best->name, "", false};
  return Stack{known.front()->name, "older than the versions it was fitted to", true};
}

std::variant<Names::Format, Unknown> Names::precision(std::string_view written) const {
  const std::string whole = joined(words_of(written));
  if (whole == "fp4" || whole == "float4" || whole == "w4a4") return Format{std::nullopt, false};
  for (const auto& known : format_words)
    if (whole == known.word && known.precision) return Format{known.precision, known.near};
  const auto names = enum_names(Precision{});
  for (const auto& alias : aliases_.precisions) {
    bool meant = joined(words_of(alias.name)) == whole;
    for (const auto& id : alias.ids) meant = meant || joined(words_of(id)) == whole;
    for (std::size_t i = 0; meant && i < names.size(); ++i)
      if (alias.name == names[i]) return Format{static_cast<Precision>(i), false};
  }
  return Unknown{fmt::format("{} is no number format", in_quotes(written)),
                 "write bf16, fp8, mxfp4 or nvfp4"};
}

}  // namespace mw::scenarios
