#include <algorithm>
#include <cmath>

#include "scenarios/read.hpp"
#include "scenarios/write.hpp"

namespace mw::scenarios {
namespace {

/// The structure a field leads to, if any: through lists, options, figures and entries.
const Type* structure_within(const Type& type) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::structure:
      return &type;
    case Kind::list:
    case Kind::optional:
    case Kind::sourced:
    case Kind::entry:
      return structure_within(type.item());
    default:
      return nullptr;
  }
}

bool is_list(const Type& type) {
  if (type.kind == Type::Kind::list) return true;
  return type.kind == Type::Kind::optional && is_list(type.item());
}

const char* const introduction =
    "Every key of a scenario file, block by block; the outermost block comes first. `[...]` stands "
    "for the items\nof a list. A key that is not **required** may be left out and then has its "
    "default; *unset* means that the\nvalue is not given. Limits are inclusive. How values are "
    "written is told in [language.md](language.md); a\nvalue *with its source* may be written "
    "bare. "
    "This page is made by `millwright schema --markdown`.\n";

std::string default_text(const Type& type, const void* value) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::structure:
      return "*see there*";
    case Kind::list: {
      std::string out;
      for (std::size_t i = 0; i < type.size(value); ++i) {
        const std::string item = default_text(type.item(), type.item_at(value, i));
        if (item == "*see there*") return item;
        out += (i > 0 ? ", " : "") + item;
      }
      return "[" + out + "]";
    }
    case Kind::optional:
      return type.size(value) > 0 ? default_text(type.item(), type.item_at(value, 0)) : "unset";
    case Kind::number_or:
      return type.size(value) > 0 ? default_text(type.item(), type.item_at(value, 0))
                                  : scalar_text(type.word(), type.value_of(value));
    case Kind::sourced:
      return default_text(type.item(), type.value_of(value));
    case Kind::entry:
      return type.label_of(value).empty() ? "unset" : type.label_of(value);
    case Kind::text: {
      const std::string text = scalar_text(type, value);
      return text.empty() ? "\"\"" : text;
    }
    default:
      return scalar_text(type, value);
  }
}

std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string limits_text(const Type& type, const sim::About& about) {
  const bool low = std::isfinite(about.min), high = std::isfinite(about.max);
  if (low && high) return limit_text(type, about.min) + " to " + limit_text(type, about.max);
  if (low) return "at least " + limit_text(type, about.min);
  if (high) return "at most " + limit_text(type, about.max);
  return "";
}

}  // namespace

std::string type_text(const Type& type) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return "whole number";
    case Kind::number:
      return "number";
    case Kind::text:
      return "text";
    case Kind::quantity:
      return std::string("quantity (") + type.unit.shown + ")";
    case Kind::duration:
      return "duration (s)";
    case Kind::instant:
      return "moment";
    case Kind::choice: {
      std::string out;
      for (const std::string& choice : type.choices)
        out += (out.empty() ? "`" : ", `") + choice + "`";
      return "one of " + out;
    }
    case Kind::structure:
      return "[" + type.name + "](#" + type.name + ")";
    case Kind::list:
      return "list of " + type_text(type.item());
    case Kind::optional:
      return type_text(type.item());
    case Kind::number_or:
      return type_text(type.item()) + ", or " + type_text(type.word());
    case Kind::sourced:
      return type_text(type.item()) + ", with its source";
    case Kind::entry:
      return std::string("entry of the catalog `") + type.catalog + "`: " + type_text(type.item());
  }
  return "";
}

std::string reference_markdown(const Type& structure, const std::string& title) {
  struct Section {
    const Type* type;
    std::vector<std::string> places;  // paths at which such a block stands
  };
  std::vector<Section> sections = {{&structure, {}}};
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const Type& type = *sections[i].type;
    const std::string prefix = sections[i].places.empty() ? "" : sections[i].places.front() + ".";
    for (const Field& field : type.fields) {
      const Type* inner = structure_within(field.type());
      if (!inner) continue;
      const std::string place = prefix + field.name + (is_list(field.type()) ? "[...]" : "");
      const auto known = std::find_if(sections.begin(), sections.end(),
                                      [&](const Section& s) { return s.type == inner; });
      if (known == sections.end()) {
        sections.push_back({inner, {place}});
      } else {
        known->places.push_back(place);
      }
    }
  }
  std::string page = "# " + title + "\n\n" + introduction;
  for (const Section& section : sections) {
    const Type& type = *section.type;
    page += "\n<a id=\"" + type.name + "\"></a>\n## " + type.name + "\n\n";
    for (std::size_t i = 0; i < section.places.size(); ++i)
      page += (i == 0 ? "Stands at `" : ", `") + section.places[i] + "`";
    if (!section.places.empty()) page += ".\n\n";
    page += "| key | value | default | limits | meaning |\n|---|---|---|---|---|\n";
    for (const Field& field : type.fields) {
      const Type& field_type = field.type();
      const std::string initial = field.about.required
                                      ? "**required**"
                                      : default_text(field_type, field_of(type.prototype, field));
      page += "| `" + field.name + "` | " + cell(type_text(field_type)) + " | " + cell(initial) +
              " | " + cell(limits_text(field_type, field.about)) + " | " + cell(field.about.text) +
              " |\n";
    }
  }
  return page;
}

}  // namespace mw::scenarios
