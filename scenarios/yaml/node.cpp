#include "scenarios/yaml/node.hpp"

namespace mw::scenarios {

const Node::Member* Node::find(std::string_view key) const {
  for (const Member& member : members)
    if (member.key == key) return &member;
  return nullptr;
}
Node::Member* Node::find(std::string_view key) {
  for (Member& member : members)
    if (member.key == key) return &member;
  return nullptr;
}
void Node::erase(std::string_view key) {
  std::erase_if(members, [&](const Member& member) { return member.key == key; });
}

std::string describe_kind(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return in_quotes(node.text);
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a block";
  }
  return "";
}

}  // namespace mw::scenarios
