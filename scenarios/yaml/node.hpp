#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/problems.hpp"

namespace mw::scenarios {

/// A YAML value that knows where each part of it was written.
struct Node {
  enum class Kind { null, scalar, list, map };
  struct Member;

  Kind kind = Kind::null;
  Place at;
  std::string text;             // scalar
  bool plain = true;            // scalar written without quotes
  std::vector<Node> items;      // list
  std::vector<Member> members;  // map, in the order written

  const Member* find(std::string_view key) const;
  Member* find(std::string_view key);
  void erase(std::string_view key);
};
struct Node::Member {
  std::string key;
  Place at;  // of the key
  Node value;
};

/// `a list`, `a block`, ...: for messages.
std::string describe_kind(const Node& node);

}  // namespace mw::scenarios
