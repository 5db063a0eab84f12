#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/catalog.hpp"
#include "scenarios/load.hpp"
#include "scenarios/read.hpp"
#include "scenarios/type.hpp"
#include "scenarios/write.hpp"

// The scenario language, for any described type. All of these throw InputProblems, which holds
// everything that is wrong, each with its place and what to do.
namespace mw::scenarios {

/// A value and where each part of it was written.
template <class T>
struct Document {
  T value{};
  Origins origins;
};

/// One file read many times with different overrides: every file is parsed once, then only merged
/// and read. One thread at a time.
template <class T>
class ManyReader {
 public:
  ManyReader(std::string path, const Catalog& catalog)
      : path_(std::move(path)), catalog_(catalog) {}

  Document<T> read(const std::vector<std::string>& sets) {
    Document<T> document;
    // A file that could not be parsed is told of once, so a loader is kept only while all is well.
    if (problems_.count() > 0) loader_.reset(), problems_ = {};
    if (!loader_) loader_.emplace(catalog_, problems_);
    const Type& type = type_of<T>();
    Loader::Loaded loaded = loader_->load_file(type, path_);
    int number = 0;
    for (const std::string& text : sets) loader_->apply_override(type, loaded.node, text, ++number);
    if (loaded.node.kind != Node::Kind::null)
      read_structure(type, &document.value, loaded, *loader_, problems_, document.origins);
    problems_.raise_if_any();
    return document;
  }

 private:
  std::string path_;
  const Catalog& catalog_;
  ProblemList problems_;
  std::optional<Loader> loader_;
};

template <class T>
Document<T> read_document(const std::string& path, const Overrides& overrides,
                          const Catalog& catalog) {
  return ManyReader<T>(path, catalog).read(overrides.sets);
}

template <class T>
T read_file(const std::string& path, const Overrides& overrides, const Catalog& catalog) {
  return std::move(read_document<T>(path, overrides, catalog).value);
}

/// An entry of the catalog of T, by name.
template <class T>
Document<T> read_entry_document(const Catalog& catalog, const std::string& name) {
  Document<T> document;
  ProblemList problems;
  Loader loader(catalog, problems);
  const Loader::Loaded loaded = loader.load_named(type_of<T>(), name);
  read_structure(type_of<T>(), &document.value, loaded, loader, problems, document.origins);
  problems.raise_if_any();
  return document;
}

template <class T>
T read_entry(const Catalog& catalog, const std::string& name) {
  return std::move(read_entry_document<T>(catalog, name).value);
}

/// The whole of `value` as YAML; with `origins`, each value's place as a comment.
template <class T>
std::string write_resolved(const T& value, const Origins* origins = nullptr) {
  return write_resolved(type_of<T>(), &value, origins);
}
template <class T>
std::string write_resolved(const Document<T>& document) {
  return write_resolved(type_of<T>(), &document.value, &document.origins);
}

template <class T>
nlohmann::ordered_json json_schema(const Catalog& catalog) {
  return json_schema(type_of<T>(), catalog);
}

template <class T>
std::string reference_markdown(const std::string& title) {
  return reference_markdown(type_of<T>(), title);
}

}  // namespace mw::scenarios
