#include "scenarios/load.hpp"

#include <algorithm>
#include <filesystem>

#include "scenarios/nearest.hpp"
#include "scenarios/yaml/parse.hpp"

namespace mw::scenarios {
namespace {

namespace fs = std::filesystem;

/// Weather tables stand for themselves: `weather: x.epw` says the same as `weather: {file: x.epw}`.
bool names_a_table(const Type& structure, const Node& reference) {
  const std::string_view text = reference.text;
  return reference.kind == Node::Kind::scalar && structure.field("file") &&
         (text.ends_with(".epw") || text.ends_with(".csv"));
}

bool names_a_file(std::string_view text) {
  return text.ends_with(".yaml") || text.ends_with(".yml") ||
         text.find('/') != std::string_view::npos;
}

/// `gpu: x` says the same as `gpu: {extends: x}`.
Node as_extending_block(const Node& scalar) {
  Node block;
  block.kind = Node::Kind::map;
  block.at = scalar.at;
  block.members.push_back({"extends", scalar.at, scalar});
  return block;
}

}  // namespace

Node merge(const Type& type, Node base, Node over) {
  using Kind = Type::Kind;
  if (type.kind == Kind::optional) return merge(type.item(), std::move(base), std::move(over));
  if (type.kind == Kind::entry) {
    if (over.kind != Node::Kind::map || over.find("extends")) return over;
    if (base.kind == Node::Kind::scalar) base = as_extending_block(base);
    return merge(type.item(), std::move(base), std::move(over));
  }
  if (type.kind != Kind::structure || base.kind != Node::Kind::map || over.kind != Node::Kind::map)
    return over;
  Node merged = std::move(over);
  for (Node::Member& from_base : base.members) {
    Node::Member* own = merged.find(from_base.key);
    if (!own) {
      merged.members.push_back(std::move(from_base));
    } else if (const Field* field = type.field(own->key)) {
      own->value = merge(field->type(), std::move(from_base.value), std::move(own->value));
    }
  }
  return merged;
}

const Node& Loader::parsed(const std::string& path) {
  const auto found = parsed_.find(path);
  if (found != parsed_.end()) return found->second;
  return parsed_.emplace(path, parse_yaml_file(path, problems_)).first->second;
}

Loader::Loaded Loader::load_file(const Type& structure, const std::string& path) {
  const std::size_t before = problems_.count();
  Node node = parsed(path);
  if (node.kind == Node::Kind::null) {
    if (problems_.count() == before && node.at.file)
      problems_.add(node.at, "the file is empty", "write `key: value` lines");
    return {std::move(node), false};
  }
  chain_.push_back(path);
  Loaded loaded = extend(structure, std::move(node));
  chain_.pop_back();
  return loaded;
}

Loader::Loaded Loader::load_named(const Type& structure, const std::string& name) {
  Node reference;
  reference.kind = Node::Kind::scalar;
  reference.text = name;
  reference.at.file = std::make_shared<const std::string>("catalog");
  return load_reference(structure, reference);
}

Loader::Loaded Loader::extend(const Type& structure, Node node) {
  const Node::Member* base_name = node.find("extends");
  if (!base_name) return {std::move(node), true};
  Loaded base = load_reference(structure, base_name->value);
  node.erase("extends");
  return {merge(structure, std::move(base.node), std::move(node)), base.whole};
}

Loader::Loaded Loader::load_reference(const Type& structure, const Node& reference) {
  Node nothing;
  nothing.kind = Node::Kind::map;
  nothing.at = reference.at;
  if (names_a_table(structure, reference)) {
    nothing.members.push_back({"file", reference.at, reference});
    return {std::move(nothing), true};
  }
  const std::string path = find_reference(structure, reference);
  if (path.empty()) return {std::move(nothing), false};
  if (std::find(chain_.begin(), chain_.end(), path) != chain_.end()) {
    std::string circle;
    for (const std::string& file : chain_) circle += file + " -> ";
    problems_.add(reference.at, "`extends` goes round in a circle: " + circle + path,
                  "let one of these files stand alone");
    return {std::move(nothing), false};
  }
  const std::size_t before = problems_.count();
  Node node = parsed(path);
  if (node.kind != Node::Kind::map) {
    if (problems_.count() == before && node.at.file)
      problems_.add(node.at, "the file holds " + describe_kind(node) + ", not a block of keys",
                    "write `key: value` lines");
    return {std::move(nothing), false};
  }
  chain_.push_back(path);
  Loaded loaded = extend(structure, std::move(node));
  chain_.pop_back();
  return loaded;
}

std::string Loader::find_reference(const Type& structure, const Node& reference) {
  const std::string kind = structure.catalog;
  const std::string what = kind.empty() ? "a file" : "an entry of the catalog `" + kind + "`";
  if (reference.kind != Node::Kind::scalar || reference.text.empty()) {
    problems_.add(reference.at, describe_kind(reference) + " is not the name of " + what,
                  "write one name");
    return "";
  }
  const std::string& text = reference.text;
  if (names_a_file(text)) {
    fs::path path(text);
    if (path.is_relative() && reference.at.file)
      path = fs::path(*reference.at.file).parent_path() / path;
    std::error_code error;
    if (fs::is_regular_file(path, error)) return path.lexically_normal().string();
    problems_.add(reference.at, "there is no file " + in_quotes(path.lexically_normal().string()),
                  "check the path; it is taken from the folder of the file it stands in");
    return "";
  }
  if (kind.empty()) {
    problems_.add(reference.at, in_quotes(text) + " is not the name of a file",
                  "write a path that ends in .yaml");
    return "";
  }
  if (auto path = catalog_.find(kind, text)) {
    catalog_files_.insert(*path);
    return *path;
  }
  problems_.add(reference.at, in_quotes(text) + " is not " + what,
                advise_name(text, catalog_.list(kind)));
  return "";
}

Loader::Loaded Loader::load_entry(const Type& entry, const Node& written, std::string& name) {
  const Type& structure = entry.item();
  const auto short_name = [](const std::string& reference) {
    return names_a_file(reference) || reference.ends_with(".epw") || reference.ends_with(".csv")
               ? fs::path(reference).stem().string()
               : reference;
  };
  if (written.kind == Node::Kind::scalar) {
    name = short_name(written.text);
    return load_reference(structure, written);
  }
  Node block = written;
  name.clear();
  if (const Node::Member* base = block.find("extends"); base) name = short_name(base->value.text);
  if (const Node::Member* own = block.find("entry"); own && !structure.field("entry")) {
    if (own->value.kind == Node::Kind::scalar)
      name = own->value.text;
    else
      problems_.add(own->value.at, "`entry` is not a name",
                    "write the name by which reports shall call this block");
    block.erase("entry");
  }
  return extend(structure, std::move(block));
}

}  // namespace mw::scenarios
