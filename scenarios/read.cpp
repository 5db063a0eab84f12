#include "scenarios/read.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "scenarios/nearest.hpp"
#include "sim/io/number.hpp"

namespace mw::scenarios {
namespace {

constexpr int deepest = 40;  // of values within values; catalog entries inside entries count too

bool is_stray_extends(const Type& structure, const std::string& key) {
  return key == "extends" && !structure.field(key);
}

/// Minutes of the offset from UTC that ends a time stamp; empty if it names none.
std::optional<int> offset_of(std::string_view text) {
  if (text.ends_with('Z') || text.ends_with('z')) return 0;
  if (text.size() < 6) return std::nullopt;
  const std::string_view tail = text.substr(text.size() - 6);  // -07:00
  if ((tail[0] != '-' && tail[0] != '+') || tail[3] != ':') return std::nullopt;
  int hours = 0, minutes = 0;
  std::from_chars(tail.data() + 1, tail.data() + 3, hours);
  std::from_chars(tail.data() + 4, tail.data() + 6, minutes);
  return (tail[0] == '-' ? -1 : 1) * (60 * hours + minutes);
}

std::string what_belongs_here(const Type& type) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::structure:
      return "a block of keys";
    case Kind::list:
      return "a list";
    case Kind::entry:
      return std::string("an entry of the catalog `") + type.catalog + "`";
    default:
      return "one value";
  }
}

std::string how_to_write(const Type& type) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::structure:
      return "write `key: value` lines, indented below it";
    case Kind::list:
      return "write its items with a dash each, or as `[a, b]`";
    case Kind::entry:
      return "write its name, or a block of keys";
    default:
      return "write it as in `" + example_of(type) + "`";
  }
}

/// What the reader knows of the place it is filling.
struct Slot {
  std::string key;   // as people call it in messages
  std::string path;  // by index, for origins
  const sim::About* about;
};

class Reader {
 public:
  Reader(Loader& loader, ProblemList& problems, Origins& origins)
      : loader_(loader), problems_(problems), origins_(origins) {}

  void structure(const Type& type, void* object, const Loader::Loaded& loaded, const Slot& slot) {
    if (++depth_ > deepest) {
      problems_.add(loaded.node.at,
                    "values are nested more than " + std::to_string(deepest) + " deep",
                    "flatten them");
      --depth_;
      return;
    }
    const std::size_t before = problems_.count();
    fields(type, object, loaded, slot);
    if (type.check && problems_.count() == before && loaded.whole) {
      sim::Problems found;
      type.check(object, found);
      for (const sim::Problems::Item& item : found.items) {
        const bool both = !slot.key.empty() && !item.at.empty();
        const std::string name = slot.key + (both ? "." : "") + item.at;
        problems_.add(place_of(loaded.node, item.at),
                      (name.empty() ? "" : "`" + name + "`: ") + item.problem, item.advice);
      }
    }
    --depth_;
  }

 private:
  void wrong(const Node& node, std::string problem, std::string advice) {
    problems_.add(node.at, std::move(problem), std::move(advice));
  }

  void fields(const Type& type, void* object, const Loader::Loaded& loaded, const Slot& slot) {
    const Node& node = loaded.node;
    const std::string inside = slot.key.empty() ? "" : " in `" + slot.key + "`";
    if (node.kind != Node::Kind::map) return wrong_kind(type, node, slot);
    for (const Node::Member& member : node.members) {
      if (type.field(member.key)) continue;
      std::vector<std::string> keys;
      for (const Field& field : type.fields) keys.push_back(field.name);
      if (is_stray_extends(type, member.key))
        problems_.add(member.at, "`extends` has no meaning" + inside,
                      "use it at the top of a file or in a block that a catalog entry could fill");
      else
        problems_.add(member.at, "unknown key " + in_quotes(member.key) + inside,
                      advise_name(member.key, keys));
    }
    for (const Field& field : type.fields) {
      const Type& field_type = field.type();
      void* target = field_of(object, field);
      const Slot inner{slot.key.empty() ? field.name : slot.key + "." + field.name,
                       slot.path.empty() ? field.name : slot.path + "." + field.name, &field.about};
      if (const Node::Member* member = node.find(field.name)) {
        value(field_type, target, member->value, inner);
      } else if (field.about.required) {
        if (loaded.whole)
          problems_.add(node.at, "`" + field.name + "` is missing" + inside,
                        "add `" + field.name + ": " + example_of(field_type) +
                            "` with your value (" + field.about.text + ")");
      } else {
        fill_default(field_type, target, node.at, inner);
      }
    }
  }

  /// Defaults may name catalog entries; those are read now.
  void fill_default(const Type& type, void* target, const Place& at, const Slot& slot) {
    if (type.kind == Type::Kind::structure) {
      for (const Field& field : type.fields)
        fill_default(field.type(), field_of(target, field), at,
                     {slot.key + "." + field.name, slot.path + "." + field.name, &field.about});
    } else if (type.kind == Type::Kind::entry && !type.label_of(target).empty()) {
      Node name;
      name.kind = Node::Kind::scalar;
      name.at = at;
      name.text = type.label_of(target);
      entry(type, target, name, slot);
    }
  }

  void wrong_kind(const Type& type, const Node& node, const Slot& slot) {
    if (node.kind == Node::Kind::null)
      return wrong(node, "`" + slot.key + "` has no value",
                   how_to_write(type) + ", or remove the line");
    wrong(node,
          (slot.key.empty() ? "the file" : "`" + slot.key + "`") + std::string(" is ") +
              describe_kind(node) + ", but " + what_belongs_here(type) + " belongs here",
          how_to_write(type));
  }

  void value(const Type& type, void* target, const Node& node, const Slot& slot) {
    using Kind = Type::Kind;
    switch (type.kind) {
      case Kind::structure:
        note(node, slot);
        return structure(type, target, {node, true}, slot);
      case Kind::list:
        return list(type, target, node, slot);
      case Kind::optional:
        if (node.kind == Node::Kind::null) {
          note(node, slot);
          return type.clear(target);
        }
        return value(type.item(), type.append(target), node, slot);
      case Kind::entry:
        return entry(type, target, node, slot);
      case Kind::sourced:
        return sourced(type, target, node, slot);
      default:
        if (node.kind != Node::Kind::scalar) return wrong_kind(type, node, slot);
        scalar(type, target, node, slot);
        note(node, slot);
    }
  }

  void note(const Node& node, const Slot& slot) { origins_[slot.path] = node.at; }

  void list(const Type& type, void* target, const Node& node, const Slot& slot) {
    if (node.kind != Node::Kind::list) return wrong_kind(type, node, slot);
    const Type& item_type = type.item();
    if (type.fixed_size > 0 && node.items.size() != type.fixed_size)
      return wrong(node,
                   "`" + slot.key + "` has " + std::to_string(node.items.size()) + " items, not " +
                       std::to_string(type.fixed_size),
                   "give exactly " + std::to_string(type.fixed_size));
    if (node.items.empty() && slot.about->required)
      return wrong(node, "`" + slot.key + "` is empty", "give at least one item");
    if (type.clear) type.clear(target);
    note(node, slot);
    std::map<std::string, int> names;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (problems_.full()) return;
      void* item = type.append ? type.append(target) : type.at(target, i);
      const std::string name = item_name(item_type, node.items[i], names, slot);
      const std::string index = fmt::format("[{}]", i);
      value(item_type, item, node.items[i],
            {slot.key + (name.empty() ? index : "[" + name + "]"), slot.path + index, slot.about});
    }
  }

  /// The name that addresses this item, if its type has one; it must be there and be its own.
  std::string item_name(const Type& type, const Node& node, std::map<std::string, int>& names,
                        const Slot& slot) {
    if (type.kind != Type::Kind::structure || type.name_field < 0) return "";
    const Field& field = type.fields[static_cast<std::size_t>(type.name_field)];
    const Node::Member* member = node.find(field.name);
    if (!member) {
      if (node.kind == Node::Kind::map && !field.about.required)
        wrong(node, "this item of `" + slot.key + "` has no `" + field.name + "`",
              "add `" + field.name + ": ` and a name, by which paths and reports call it");
      return "";
    }
    if (member->value.kind != Node::Kind::scalar) return "";
    const std::string& name = member->value.text;
    if (name.empty() || name.find_first_of("[].=/\n") != std::string::npos) {
      wrong(member->value, in_quotes(name) + " cannot be a name",
            "use letters, digits, `_` and `-`");
      return "";
    }
    const auto [earlier, is_new] = names.emplace(name, member->value.at.line);
    if (!is_new)
      wrong(member->value,
            "the name " + in_quotes(name) + " is taken in `" + slot.key + "` (line " +
                std::to_string(earlier->second) + ")",
            "give each item its own name");
    return name;
  }

  void entry(const Type& type, void* target, const Node& node, const Slot& slot) {
    if (node.kind == Node::Kind::null && !slot.about->required) return note(node, slot);
    if (node.kind != Node::Kind::scalar && node.kind != Node::Kind::map)
      return wrong_kind(type, node, slot);
    std::string name;
    const Loader::Loaded loaded = loader_.load_entry(type, node, name);
    *static_cast<std::string*>(type.label(target)) = name;
    note(node, slot);
    structure(type.item(), type.value(target), loaded, slot);
  }

  void sourced(const Type& type, void* target, const Node& node, const Slot& slot) {
    auto& source = *static_cast<std::string*>(type.label(target));
    auto& confidence = *static_cast<sim::Confidence*>(type.confidence(target));
    const Node::Member* figure = node.find("value");
    if (node.kind != Node::Kind::map || !figure) {
      if (node.kind == Node::Kind::map && type.item().kind != Type::Kind::structure)
        return wrong(node, "`value` is missing in `" + slot.key + "`",
                     "write {value: " + example_of(type.item()) +
                         ", confidence: data_sheet, source: \"...\"}");
      confidence = sim::Confidence::assumed;
      source = loader_.is_catalog_file(node.at) ? "catalog, no source given" : "scenario";
      return value(type.item(), type.value(target), node, slot);
    }
    confidence = sim::Confidence::assumed;
    source.clear();
    const sim::About plain;
    for (const Node::Member& member : node.members) {
      const Slot inner{slot.key + "." + member.key, slot.path + "." + member.key, &plain};
      if (member.key == "value")
        value(type.item(), type.value(target), member.value, slot);
      else if (member.key == "confidence")
        value(type_of<sim::Confidence>(), &confidence, member.value, inner);
      else if (member.key == "source")
        value(type_of<std::string>(), &source, member.value, inner);
      else
        problems_.add(member.at, "unknown key " + in_quotes(member.key) + " in `" + slot.key + "`",
                      advise_name(member.key, {"value", "confidence", "source"}));
    }
    if (source.empty() && confidence != sim::Confidence::assumed)
      wrong(node, "`" + slot.key + "` claims more than `assumed`, but names no source",
            "add `source: ` and where the figure is from");
    else if (!node.find("source"))
      source = loader_.is_catalog_file(node.at) ? "catalog, no source given" : "scenario";
  }

  bool in_range(double number, const Type& type, const Node& node, const Slot& slot) {
    const bool low = number<slot.about->min, high = number> slot.about->max;
    if (!low && !high) return true;
    const std::string limit = limit_text(type, low ? slot.about->min : slot.about->max);
    wrong(node,
          "`" + slot.key + "` is " + node.text + ", " + (low ? "below" : "above") +
              " its limit of " + limit,
          "write " + limit + (low ? " or more" : " or less"));
    return false;
  }

  void scalar(const Type& type, void* target, const Node& node, const Slot& slot) {
    using Kind = Type::Kind;
    switch (type.kind) {
      case Kind::text:
        *static_cast<std::string*>(target) = node.text;
        return;
      case Kind::boolean:
        if (node.text != "true" && node.text != "false")
          return wrong(node, in_quotes(node.text) + " is not a truth value",
                       "write `true` or `false`");
        return type.set_integer(target, node.text == "true", false);
      case Kind::choice: {
        const auto found = std::find(type.choices.begin(), type.choices.end(), node.text);
        if (found == type.choices.end())
          return wrong(node, in_quotes(node.text) + " is not a value of `" + slot.key + "`",
                       advise_name(node.text, type.choices));
        return type.set_integer(target, found - type.choices.begin(), false);
      }
      case Kind::number_or:
        return number_or(type, target, node, slot);
      case Kind::integer:
        return integer(type, target, node, slot);
      case Kind::instant:
        return instant(target, node);
      default:
        return number(type, target, node, slot);
    }
  }

  void number(const Type& type, void* target, const Node& node, const Slot& slot) {
    const bool is_duration = type.kind == Type::Kind::duration;
    const auto read = type.kind == Type::Kind::number ? sim::parse_ratio(node.text)
                      : is_duration ? sim::parse_quantity(node.text, {"ns", "s", false})
                                    : sim::parse_quantity(node.text, type.unit);
    if (const auto* problem = std::get_if<sim::TextProblem>(&read))
      return wrong(node, problem->problem, problem->advice);
    const double number = std::get<double>(read);
    if (!is_duration) {
      if (in_range(number, type, node, slot)) type.set_number(target, number);
      return;
    }
    constexpr double longest = 9.2e18;  // the reach of a 64-bit count of nanoseconds
    if (std::fabs(number) > longest)
      return wrong(node, in_quotes(node.text) + " is longer than the clock reaches",
                   "write 291 year or less");
    const sim::Duration duration{static_cast<sim::Time>(std::round(number))};
    if (duration.ns == 0 && number != 0)
      return wrong(node, in_quotes(node.text) + " is shorter than the clock can tell",
                   "write 1 ns or more, or 0 s");
    if (in_range(static_cast<double>(duration.ns), type, node, slot))
      *static_cast<sim::Duration*>(target) = duration;
  }

  void integer(const Type& type, void* target, const Node& node, const Slot& slot) {
    std::string_view text = node.text;
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t number = 0;
    std::uint64_t large = 0;
    const char* const end = text.data() + text.size();
    const auto fits = [&](const std::from_chars_result& r) {
      return r.ec == std::errc{} && r.ptr == end;
    };
    if (fits(std::from_chars(text.data(), end, number))) {
      // as it is
    } else if (fits(std::from_chars(text.data(), end, large))) {
      if (large > type.highest) return outside_type(type, node, slot);
      if (in_range(static_cast<double>(large), type, node, slot))
        type.set_integer(target, static_cast<std::int64_t>(large), true);
      return;
    } else if (const auto real = sim::parse_number(text)) {  // 1e6, 12.0
      constexpr double exact = 9007199254740992.0;           // 2^53
      if (real.value != std::floor(real.value))
        return wrong(node, in_quotes(node.text) + " is not a whole number",
                     "write " + sim::format_number(std::floor(real.value)) + " or " +
                         sim::format_number(std::ceil(real.value)));
      if (std::fabs(real.value) > exact) return outside_type(type, node, slot);
      number = static_cast<std::int64_t>(real.value);
    } else {
      return wrong(node, in_quotes(node.text) + " is not a whole number",
                   "write digits alone, such as `1`");
    }
    if (!in_range(static_cast<double>(number), type, node, slot)) return;
    if (number < type.lowest || (number > 0 && static_cast<std::uint64_t>(number) > type.highest))
      return outside_type(type, node, slot);
    type.set_integer(target, number, false);
  }

  void outside_type(const Type& type, const Node& node, const Slot& slot) {
    wrong(node, "`" + slot.key + "` is " + node.text + ", which is out of range",
          "write a number from " + std::to_string(type.lowest) + " to " +
              std::to_string(type.highest));
  }

  void instant(void* target, const Node& node) {
    const auto stamp = sim::parse_time_stamp(node.text);
    if (!stamp)
      return wrong(node, in_quotes(node.text) + " is not a moment",
                   "write date, time and offset from UTC, as in `2026-07-15T00:00-07:00`");
    const auto offset = offset_of(node.text);
    if (!stamp.value.has_offset || !offset)
      return wrong(node, in_quotes(node.text) + " does not say its offset from UTC",
                   "end it with Z, or with an offset such as -07:00");
    *static_cast<sim::Instant*>(target) = {stamp.value.unix_ns, *offset};
  }

  void number_or(const Type& type, void* target, const Node& node, const Slot& slot) {
    const Type& word = type.word();
    const auto found = std::find(word.choices.begin(), word.choices.end(), node.text);
    if (found != word.choices.end()) {
      type.clear(target);
      return word.set_integer(type.value(target), found - word.choices.begin(), false);
    }
    const bool starts_as_word =
        !node.text.empty() && ((node.text[0] | 32) >= 'a') && ((node.text[0] | 32) <= 'z');
    if (starts_as_word)
      return wrong(
          node, in_quotes(node.text) + " is not a value of `" + slot.key + "`",
          "write a number, such as `" + example_of(type.item()) + "`, or " + listed(word.choices));
    scalar(type.item(), type.append(target), node, slot);
  }

  /// Where a check's path (`engine.replicas`, `racks[a].count`) was written; the nearest block
  /// that was, if it was left out.
  static Place place_of(const Node& node, std::string_view path) {
    const Node* at = &node;
    while (!path.empty()) {
      if (path.front() == '.') path.remove_prefix(1);
      const bool bracketed = path.starts_with('[');
      if (bracketed) path.remove_prefix(1);
      const std::size_t end = std::min(path.find_first_of(bracketed ? "]" : ".["), path.size());
      const std::string_view key = path.substr(0, end);
      path.remove_prefix(std::min(end + (bracketed ? 1 : 0), path.size()));
      const Node* next = nullptr;
      if (!bracketed) {
        if (const Node::Member* member = at->find(key)) next = &member->value;
      } else {
        for (std::size_t i = 0; i < at->items.size() && !next; ++i) {
          for (const Node::Member& member : at->items[i].members)
            if (member.value.kind == Node::Kind::scalar && member.value.text == key)
              next = &at->items[i];
          if (std::to_string(i) == key) next = &at->items[i];
        }
      }
      if (!next) break;
      at = next;
    }
    return at->at;
  }

  Loader& loader_;
  ProblemList& problems_;
  Origins& origins_;
  int depth_ = 0;
};

}  // namespace

void read_structure(const Type& structure, void* object, const Loader::Loaded& loaded,
                    Loader& loader, ProblemList& problems, Origins& origins) {
  const sim::About plain;
  Reader(loader, problems, origins).structure(structure, object, loaded, {"", "", &plain});
}

}  // namespace mw::scenarios
