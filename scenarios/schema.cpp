#include <cmath>
#include <set>

#include "scenarios/read.hpp"
#include "scenarios/write.hpp"

namespace mw::scenarios {
namespace {

using Json = nlohmann::ordered_json;

// A number, then a unit; the unit itself is left to the reader.
constexpr const char* quantity_pattern =
    R"(^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*[^\s0-9].*$)";
constexpr const char* moment_pattern =
    R"(^[0-9]{4}-[0-9]{2}-[0-9]{2}.*(Z|z|[-+][0-9]{2}:[0-9]{2})$)";

class Schema {
 public:
  explicit Schema(const Catalog& catalog) : catalog_(catalog) {}

  Json document(const Type& structure) {
    Json schema;
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    schema["title"] = structure.name;
    // A file that extends another may leave out what the other gives.
    schema["if"] = {{"required", {"extends"}}};
    schema["then"] = reference(structure, true, true);
    schema["else"] = reference(structure, false, true);
    schema["$defs"] = std::move(definitions_);
    return schema;
  }

 private:
  static std::string definition_name(const Type& type, bool partial, bool extends) {
    return type.name + (partial ? "_partial" : "") + (extends ? "_file" : "");
  }

  /// `partial`: keys may be missing, since a base gives them. `extends`: that key may stand here.
  Json reference(const Type& type, bool partial, bool extends) {
    const std::string name = definition_name(type, partial, extends);
    if (made_.insert(name).second) {
      definitions_[name] = nullptr;  // holds its place while types within it are made
      definitions_[name] = structure(type, partial, extends);
    }
    return {{"$ref", "#/$defs/" + name}};
  }

  Json structure(const Type& type, bool partial, bool extends) {
    Json schema = {{"type", "object"}, {"additionalProperties", false}};
    Json properties = Json::object();
    Json required = Json::array();
    if (extends && !type.field("extends"))
      properties["extends"] = {{"type", "string"},
                               {"description", "What this builds on: a file or a catalog name"}};
    if (extends && !type.field("entry"))
      properties["entry"] = {{"type", "string"}, {"description", "The name it reports itself by"}};
    for (const Field& field : type.fields) {
      properties[field.name] = value(field.type(), &field.about, partial);
      if (field.about.required && !partial) required.push_back(field.name);
    }
    schema["properties"] = std::move(properties);
    if (!required.empty()) schema["required"] = std::move(required);
    return schema;
  }

  Json value(const Type& type, const sim::About* about, bool partial) {
    Json schema = bare(type, about, partial);
    std::string text = about ? about->text : "";
    if (about && (type.kind != Type::Kind::structure)) {
      if (std::isfinite(about->min)) text += "; at least " + limit_text(type, about->min);
      if (std::isfinite(about->max)) text += "; at most " + limit_text(type, about->max);
    }
    if (!text.empty()) schema["description"] = text;
    return schema;
  }

  static void limits(Json& schema, const sim::About* about) {
    if (about && std::isfinite(about->min)) schema["minimum"] = about->min;
    if (about && std::isfinite(about->max)) schema["maximum"] = about->max;
  }

  Json bare(const Type& type, const sim::About* about, bool partial) {
    using Kind = Type::Kind;
    switch (type.kind) {
      case Kind::boolean:
        return {{"type", "boolean"}};
      case Kind::integer: {
        Json schema = {{"type", "integer"}};
        limits(schema, about);
        return schema;
      }
      case Kind::number: {
        Json number = {{"type", "number"}};
        limits(number, about);
        return {{"anyOf", {number, {{"type", "string"}, {"pattern", quantity_pattern}}}}};
      }
      case Kind::text:
        return {{"type", {"string", "number", "boolean"}}};
      case Kind::quantity:
      case Kind::duration:
        return {
            {"type", "string"}, {"pattern", quantity_pattern}, {"examples", {example_of(type)}}};
      case Kind::instant:
        return {{"type", "string"}, {"pattern", moment_pattern}, {"examples", {example_of(type)}}};
      case Kind::choice:
        return {{"enum", type.choices}};
      case Kind::structure:
        return reference(type, partial, false);
      case Kind::list: {
        Json schema = {{"type", "array"}, {"items", value(type.item(), nullptr, partial)}};
        if (type.fixed_size > 0)
          schema["minItems"] = schema["maxItems"] = type.fixed_size;
        else if (about && about->required)
          schema["minItems"] = 1;
        return schema;
      }
      case Kind::optional:
        return {{"anyOf", {bare(type.item(), about, partial), {{"type", "null"}}}}};
      case Kind::number_or:
        return {
            {"anyOf", {bare(type.word(), nullptr, partial), bare(type.item(), about, partial)}}};
      case Kind::sourced: {
        const Json item = bare(type.item(), about, partial);
        Json full = {{"type", "object"}, {"additionalProperties", false}};
        full["properties"] = {{"value", item},
                              {"confidence", {{"enum", type_of<sim::Confidence>().choices}}},
                              {"source", {{"type", "string"}}}};
        full["required"] = {"value"};
        return {{"anyOf", {item, full}}};
      }
      case Kind::entry: {
        Json name = {{"type", "string"}};
        if (auto names = catalog_.list(type.catalog); !names.empty()) name["examples"] = names;
        Json block = {{"if", {{"required", {"extends"}}}}};
        block["then"] = reference(type.item(), true, true);
        block["else"] = reference(type.item(), partial, true);
        return {{"anyOf", {name, block, {{"type", "null"}}}}};
      }
    }
    return Json::object();
  }

  const Catalog& catalog_;
  Json definitions_ = Json::object();
  std::set<std::string> made_;
};

}  // namespace

nlohmann::ordered_json json_schema(const Type& structure, const Catalog& catalog) {
  return Schema(catalog).document(structure);
}

}  // namespace mw::scenarios
