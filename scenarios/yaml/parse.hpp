#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "scenarios/yaml/node.hpp"

namespace mw::scenarios {

/// Parses one YAML document, strictly: no repeated keys, anchors, aliases, tags, second documents,
/// keys that are not words, or values nested more than 32 deep. What is wrong goes to `problems`;
/// the node returned is what could be read (null after a syntax error).
Node parse_yaml(std::string_view text, std::shared_ptr<const std::string> file,
                ProblemList& problems);

/// The same from a file of at most 4 MiB.
Node parse_yaml_file(const std::string& path, ProblemList& problems);

}  // namespace mw::scenarios
