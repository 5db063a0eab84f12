#include <cstdio>

#include "scenarios/read.hpp"
#include "scenarios/write.hpp"

namespace mw::scenarios {
namespace {

bool is_plain_text(const std::string& text) {
  if (text.empty() || text.back() == ' ') return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (!letter(text.front()) && text.front() != '/') return false;
  for (const char c : text)
    if (!letter(c) && !(c >= '0' && c <= '9') &&
        std::string_view(" _-./+").find(c) == std::string_view::npos)
      return false;
  for (const char* special : {"null", "Null", "NULL"})
    if (text == special) return false;
  return true;
}

std::string yaml_text(const std::string& text) {
  if (is_plain_text(text)) return text;
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// Types whose values fit on one line.
bool is_one_line(const Type& type) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::structure:
    case Kind::entry:
      return false;
    case Kind::list:
    case Kind::optional:
    case Kind::sourced:
      return is_one_line(type.item());
    default:
      return true;
  }
}

class Writer {
 public:
  explicit Writer(const Origins* origins) : origins_(origins) {}
  std::string text;

  /// The fields of a block, one per line; the first line may stand after a list's dash.
  void fields(const Type& type, const void* object, const std::string& path, int indent) {
    for (const Field& field : type.fields) {
      begin(indent);
      text += field.name + ":";
      value(field.type(), field_of(object, field),
            path.empty() ? field.name : path + "." + field.name, indent);
    }
  }

 private:
  void begin(int indent) {
    if (!after_dash_) text.append(static_cast<std::size_t>(2 * indent), ' ');
    after_dash_ = false;
  }

  void end_line(const std::string& path) {
    if (origins_) {
      const auto found = origins_->find(path);
      text += "  # " + (found == origins_->end() ? "default" : text_of(found->second));
    }
    text += '\n';
  }

  /// What follows `key:` or a dash, with the end of its line.
  void value(const Type& type, const void* object, const std::string& path, int indent) {
    using Kind = Type::Kind;
    if (is_one_line(type)) {
      text += ' ' + flow(type, object);
      return end_line(path);
    }
    switch (type.kind) {
      case Kind::optional:
        if (type.size(object) > 0) return value(type.item(), type.item_at(object, 0), path, indent);
        text += " null";
        return end_line(path);
      case Kind::structure:
        if (type.fields.empty()) {
          text += " {}";
          return end_line(path);
        }
        open_block();
        return fields(type, object, path, indent + 1);
      case Kind::entry:
        return entry(type, object, path, indent);
      case Kind::list: {
        const std::size_t size = type.size(object);
        if (size == 0) {
          text += " []";
          return end_line(path);
        }
        open_block();
        for (std::size_t i = 0; i < size; ++i) {
          begin(indent + 1);
          text += "-";
          after_item_dash_ = true;
          value(type.item(), type.item_at(object, i), path + "[" + std::to_string(i) + "]",
                indent + 1);
          after_item_dash_ = false;
        }
        return;
      }
      default:  // a figure with its source whose value is a block or a list of blocks
        open_block();
        begin(indent + 1);
        text += "value:";
        value(type.item(), type.value_of(object), path, indent + 1);
        begin(indent + 1);
        text += "confidence: " + confidence_of(type, object) + '\n';
        begin(indent + 1);
        text += "source: " + yaml_text(type.label_of(object)) + '\n';
    }
  }

  void open_block() {
    if (after_item_dash_) {
      text += ' ';
      after_dash_ = true;
      after_item_dash_ = false;
    } else {
      text += '\n';
    }
  }

  void entry(const Type& type, const void* object, const std::string& path, int indent) {
    const Type& structure = type.item();
    if (type.label_of(object).empty()) {
      Writer unset(nullptr), own(nullptr);
      unset.fields(structure, structure.prototype, "", 0);
      own.fields(structure, type.value_of(object), "", 0);
      if (unset.text == own.text) {
        text += " null";
        return end_line(path);
      }
    }
    open_block();
    if (!type.label_of(object).empty()) {
      begin(indent + 1);
      text += "entry: " + yaml_text(type.label_of(object));
      end_line(path);
    }
    fields(structure, type.value_of(object), path, indent + 1);
  }

  static std::string confidence_of(const Type& type, const void* object) {
    return scalar_text(type_of<sim::Confidence>(), type.confidence(const_cast<void*>(object)));
  }

  static std::string flow(const Type& type, const void* object) {
    using Kind = Type::Kind;
    switch (type.kind) {
      case Kind::text:
        return yaml_text(scalar_text(type, object));
      case Kind::optional:
        return type.size(object) > 0 ? flow(type.item(), type.item_at(object, 0)) : "null";
      case Kind::number_or:
        return type.size(object) > 0 ? flow(type.item(), type.item_at(object, 0))
                                     : scalar_text(type.word(), type.value_of(object));
      case Kind::list: {
        std::string out = "[";
        for (std::size_t i = 0; i < type.size(object); ++i)
          out += (i > 0 ? ", " : "") + flow(type.item(), type.item_at(object, i));
        return out + "]";
      }
      case Kind::sourced:
        // Without a source a figure cannot claim more than `assumed`, which is what is read.
        return "{value: " + flow(type.item(), type.value_of(object)) +
               ", confidence: " + confidence_of(type, object) +
               ", source: " + yaml_text(type.label_of(object)) + "}";
      default:
        return scalar_text(type, object);
    }
  }

  const Origins* origins_;
  bool after_dash_ = false;       // the next line's start stands after a dash already
  bool after_item_dash_ = false;  // a dash was just written
};

}  // namespace

std::string write_resolved(const Type& structure, const void* object, const Origins* origins) {
  Writer writer(origins);
  writer.fields(structure, object, "", 0);
  return std::move(writer.text);
}

}  // namespace mw::scenarios
