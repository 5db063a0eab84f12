#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "models/compute/precision.hpp"
#include "scenarios/catalog.hpp"
#include "sim/describe.hpp"

// From what people write (`Qwen/Qwen3-32B`, `NVIDIA H100 80GB HBM3`, `vllm 0.11.2`, `bfloat16`) to
// the catalog entry that is meant. The table stands beside the catalog: scenarios/aliases.yaml.
namespace mw::scenarios {

struct Alias {
  std::string name;
  std::string family;
  std::vector<std::string> ids;
  std::string from;
  bool at_once = false;
  std::vector<std::string> only_on;
};
template <sim::Describes<Alias> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "Name of the catalog entry", .required = true});
  visit("family", self.family, About{.text = "Entries that belong together"});
  visit("ids", self.ids, About{.text = "What people write for it", .required = true});
  visit("from", self.from, About{.text = "First version of the software that it stands for"});
  visit("at_once", self.at_once,
        About{.text = "Taken for a run whose requests all come at once, without a version"});
  visit("only_on", self.only_on,
        About{.text = "Software: taken before the others on these GPUs, and on no other"});
}

struct Aliases {
  std::vector<Alias> llms, gpus, stacks, precisions;
};
template <sim::Describes<Aliases> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("llms", self.llms, About{.text = "Language models", .required = true});
  visit("gpus", self.gpus, About{.text = "GPUs", .required = true});
  visit("stacks", self.stacks, About{.text = "Serving software", .required = true});
  visit("precisions", self.precisions, About{.text = "Number formats", .required = true});
}

struct Unknown {
  std::string problem, advice;
};

class Names {
 public:
  explicit Names(const Catalog& catalog);

  struct Model {
    std::string name, family;
    std::optional<models::Precision> precision;  // that the written name tells: `...-FP8`
    bool near_format = false;  // it tells a 4-bit integer format; `precision` has its size
  };
  /// `wanted`: of a BF16 and an FP8 checkpoint of one model, which is meant.
  std::variant<Model, Unknown> model(std::string_view written,
                                     std::optional<models::Precision> wanted) const;

  std::variant<std::string, Unknown> gpu(std::string_view written) const;

  struct Stack {
    std::string name;
    std::string note;    // where the version had to be guessed, or lies outside those known
    bool older = false;  // than all those
  };
  std::variant<Stack, Unknown> stack(std::string_view written, bool all_at_once,
                                     std::string_view gpu = {}) const;

  struct Format {
    std::optional<models::Precision> precision;  // none: four bits, the format is not said
    bool near_format = false;
  };
  std::variant<Format, Unknown> precision(std::string_view written) const;

 private:
  const Catalog& catalog_;
  Aliases aliases_;
};

}  // namespace mw::scenarios
