#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "scenarios/farm.hpp"
#include "scenarios/yaml/parse.hpp"

// The first line is an override, the rest a scenario; whatever they hold, the answer is a value or
// a list of problems, and a value that was read is written so that it reads back to the same text.
namespace {

using namespace mw::scenarios;

std::string resolved(const std::string_view text, const std::string& set, ProblemList& problems) {
  static const Catalog catalog(std::vector<std::string>{});
  Loader loader(catalog, problems);
  const Type& type = type_of<farm::Farm>();
  Loader::Loaded loaded{
      parse_yaml(text, std::make_shared<const std::string>("input.yaml"), problems), true};
  if (loaded.node.kind == Node::Kind::null) return "";
  if (!set.empty()) loader.apply_override(type, loaded.node, set, 1);
  farm::Farm farm;
  Origins origins;
  read_structure(type, &farm, loaded, loader, problems, origins);
  if (problems.count() > 0) return "";
  return write_resolved(farm);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string set(input.substr(0, end));
  ProblemList problems;
  const std::string once = resolved(input.substr(end), set, problems);
  if (problems.count() > 0) {
    try {
      problems.raise_if_any();
    } catch (const InputProblems&) {
      return 0;
    }
  }
  if (once.empty()) return 0;
  ProblemList none;
  if (resolved(once, "", none) != once || none.count() > 0) __builtin_trap();
  return 0;
}
