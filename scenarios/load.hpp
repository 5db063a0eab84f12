#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "scenarios/catalog.hpp"
#include "scenarios/problems.hpp"
#include "scenarios/type.hpp"
#include "scenarios/yaml/node.hpp"

namespace mw::scenarios {

/// `--set path=value` texts, applied in order, after `extends:`.
struct Overrides {
  std::vector<std::string> sets;
};

/// Finds, parses and merges files: what `extends:` and catalog names stand for.
class Loader {
 public:
  Loader(const Catalog& catalog, ProblemList& problems) : catalog_(catalog), problems_(problems) {}

  struct Loaded {
    Node node;
    bool whole = true;  // false: a part could not be found, so missing keys mean nothing
  };
  Loaded load_file(const Type& structure, const std::string& path);
  Loaded load_named(const Type& structure, const std::string& name);

  /// An entry's value as one block: a name, a block that extends one, or a whole block. `name`
  /// receives the name it reports itself by.
  Loaded load_entry(const Type& entry, const Node& written, std::string& name);

  /// Sets one value: `inference[chat].engine.replicas=12`. `number` counts the overrides from 1.
  void apply_override(const Type& structure, Node& root, const std::string& text, int number);

  bool is_catalog_file(const Place& at) const {
    return at.file && catalog_files_.contains(*at.file);
  }

 private:
  Loaded extend(const Type& structure, Node node);
  Loaded load_reference(const Type& structure, const Node& reference);
  std::string find_reference(const Type& structure, const Node& reference);
  const Node& parsed(const std::string& path);

  const Catalog& catalog_;
  ProblemList& problems_;
  std::map<std::string, Node> parsed_;
  std::set<std::string> catalog_files_;
  std::vector<std::string> chain_;  // files being extended, outermost first
};

/// `over` laid on `base`: blocks merge key by key; lists, values and figures with their sources
/// are replaced whole.
Node merge(const Type& type, Node base, Node over);

}  // namespace mw::scenarios
