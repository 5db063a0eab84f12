#include <yaml-cpp/yaml.h>

#include <map>

#include "analysis/compare/differences.hpp"

namespace mw::analysis {
namespace {

struct Leaf {
  std::string path, text;
};

void leaves(const YAML::Node& node, const std::string& path, std::vector<Leaf>& out) {
  if (node.IsMap()) {
    for (const auto& item : node) {
      const auto key = item.first.as<std::string>();
      leaves(item.second, path.empty() ? key : path + "." + key, out);
    }
  } else if (node.IsSequence()) {
    int place = 0;
    for (const auto& item : node) {
      const bool named = item.IsMap() && item["name"] && item["name"].IsScalar();
      const std::string at = named ? item["name"].as<std::string>() : std::to_string(place);
      leaves(item, path + "[" + at + "]", out);
      ++place;
    }
  } else {
    out.push_back({path, node.IsScalar() ? node.Scalar() : ""});
  }
}

std::vector<Leaf> leaves(const std::string& yaml) {
  std::vector<Leaf> out;
  leaves(YAML::Load(yaml), "", out);
  return out;
}

}  // namespace

std::vector<InputDifference> input_differences(const std::string& from, const std::string& to) {
  const auto a = leaves(from), b = leaves(to);
  std::map<std::string, const std::string*> in_a, in_b;
  for (const Leaf& leaf : a) in_a[leaf.path] = &leaf.text;
  for (const Leaf& leaf : b) in_b[leaf.path] = &leaf.text;
  std::vector<InputDifference> out;
  for (const Leaf& leaf : a) {
    const auto found = in_b.find(leaf.path);
    if (found == in_b.end())
      out.push_back({leaf.path, leaf.text, ""});
    else if (*found->second != leaf.text)
      out.push_back({leaf.path, leaf.text, *found->second});
  }
  for (const Leaf& leaf : b)
    if (!in_a.contains(leaf.path)) out.push_back({leaf.path, "", leaf.text});
  return out;
}

}  // namespace mw::analysis
