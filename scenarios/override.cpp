#include <algorithm>
#include <optional>

#include "scenarios/load.hpp"
#include "scenarios/nearest.hpp"
#include "scenarios/yaml/parse.hpp"

// Walks an override's path through the types and the nodes side by side, so that a wrong name is
// found where it stands, and what the path passes through is made as it is needed.
namespace mw::scenarios {
namespace {

struct Step {
  std::string name;
  bool bracketed;
  int column;
};

struct Split {
  std::vector<Step> steps;
  std::string value;
  int value_column = 0;
};

std::optional<Split> split(const std::string& text) {
  Split out;
  std::size_t i = 0;
  bool expects_name = true;
  while (i < text.size() && text[i] != '=') {
    const int column = static_cast<int>(i) + 1;
    if (text[i] == '[') {
      const std::size_t end = text.find(']', i);
      if (end == std::string::npos || end == i + 1 || out.steps.empty()) return std::nullopt;
      out.steps.push_back({text.substr(i + 1, end - i - 1), true, column + 1});
      i = end + 1;
      expects_name = false;
    } else if (text[i] == '.') {
      if (expects_name) return std::nullopt;
      ++i;
      expects_name = true;
    } else {
      if (!expects_name) return std::nullopt;
      const std::size_t end = std::min(text.find_first_of("[.=", i), text.size());
      out.steps.push_back({text.substr(i, end - i), false, column});
      i = end;
      expects_name = false;
    }
  }
  if (i >= text.size() || expects_name || out.steps.empty()) return std::nullopt;
  out.value = text.substr(i + 1);
  out.value_column = static_cast<int>(i) + 2;
  return out;
}

void shift(Node& node, const Place& origin) {
  node.at.line = origin.line;
  node.at.column += origin.column - 1;
  for (Node& item : node.items) shift(item, origin);
  for (Node::Member& member : node.members) {
    member.at.line = origin.line;
    member.at.column += origin.column - 1;
    shift(member.value, origin);
  }
}

std::vector<std::string> field_names(const Type& structure, const std::string& before) {
  std::vector<std::string> names;
  for (const Field& field : structure.fields) names.push_back(before + field.name);
  return names;
}

Node block_at(const Place& at) {
  Node block;
  block.kind = Node::Kind::map;
  block.at = at;
  return block;
}

Node scalar_at(const Place& at, std::string text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.at = at;
  node.text = std::move(text);
  return node;
}

}  // namespace

void Loader::apply_override(const Type& structure, Node& root, const std::string& text,
                            int number) {
  const auto file = std::make_shared<const std::string>("--set");
  const auto at_column = [&](int column) { return Place{file, number, column}; };
  const auto parts = split(text);
  if (!parts) {
    problems_.add(at_column(1), in_quotes(text) + " is not an override",
                  "write path=value, as in inference[chat].engine.replicas=12");
    return;
  }
  Node value;
  try {
    ProblemList in_value;
    value = parse_yaml(parts->value, file, in_value);
    in_value.raise_if_any();
  } catch (const InputProblems& wrong) {
    for (const sim::InputError& item : wrong.items)
      problems_.add(at_column(parts->value_column + (item.line == 1 ? item.column - 1 : 0)),
                    item.problem, item.advice);
    return;
  }
  value.at.file = file;
  value.at.line = std::max(value.at.line, 1);
  value.at.column = std::max(value.at.column, 1);
  shift(value, at_column(parts->value_column));

  Node changed = root;  // a refused override leaves nothing behind
  Node* node = &changed;
  const Type* type = &structure;
  const void* initial = structure.prototype;  // the default of what `type` describes, if known
  std::string path;
  for (const Step& step : parts->steps) {
    const Place at = at_column(step.column);
    const auto refuse = [&](std::string problem, std::string advice) {
      problems_.add(at, std::move(problem), std::move(advice));
    };
    while (type->kind == Type::Kind::optional) type = &type->item(), initial = nullptr;
    if (type->kind == Type::Kind::entry) {
      if (node->kind == Node::Kind::scalar) {
        Node block = block_at(node->at);
        block.members.push_back({"extends", node->at, *node});
        *node = std::move(block);
      } else if (node->kind == Node::Kind::null) {
        *node = block_at(at);
        if (initial && !type->label_of(initial).empty())
          node->members.push_back({"extends", at, scalar_at(at, type->label_of(initial))});
      }
      initial = nullptr;
      type = &type->item();
    }
    if (type->kind == Type::Kind::list) {
      const Type& item = type->item();
      if (!step.bracketed)
        return refuse("`" + path + "` is a list", "name one item, as in " + path + "[0]");
      if (node->kind != Node::Kind::list || node->items.empty())
        return refuse("the list `" + path + "` is empty here", "give the list in the file first");
      Node* found = nullptr;
      std::vector<std::string> names;
      for (std::size_t i = 0; i < node->items.size(); ++i) {
        if (item.name_field >= 0) {
          const auto& key = item.fields[static_cast<std::size_t>(item.name_field)].name;
          const Node::Member* name = node->items[i].find(key);
          if (name) names.push_back(name->value.text);
          if (name && name->value.text == step.name) found = &node->items[i];
        }
        if (!found && std::to_string(i) == step.name) found = &node->items[i];
      }
      if (!found) {
        if (names.empty())
          return refuse("`" + path + "` has no item " + in_quotes(step.name),
                        "its items are numbered 0 to " + std::to_string(node->items.size() - 1));
        return refuse("`" + path + "` has no item " + in_quotes(step.name),
                      advise_name(step.name, names));
      }
      path += "[" + step.name + "]";
      node = found;
      type = &item;
      initial = item.kind == Type::Kind::structure ? item.prototype : nullptr;
      continue;
    }
    if (step.bracketed || type->kind != Type::Kind::structure)
      return refuse("`" + path + "` is not a " + (step.bracketed ? "list" : "block of keys"),
                    "end the path there");
    const std::string before = path.empty() ? "" : path + ".";
    const Field* field = type->field(step.name);
    if (!field)
      return refuse("there is no " + in_quotes(before + step.name),
                    advise_name(before + step.name, field_names(*type, before)));
    const void* holder = initial ? initial : type->prototype;
    if (node->kind == Node::Kind::null) *node = block_at(at);
    if (node->kind != Node::Kind::map) return;  // the reader says what is wrong with the file
    Node::Member* member = node->find(step.name);
    if (!member) {
      Node absent;
      absent.at = at;
      node->members.push_back({step.name, at, std::move(absent)});
      member = &node->members.back();
    }
    path = before + step.name;
    node = &member->value;
    type = &field->type();
    initial = field_of(holder, *field);
  }
  *node = std::move(value);
  root = std::move(changed);
}

}  // namespace mw::scenarios
