#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

// What power is shared out over: domains inside each other, each with a budget, and resource groups
// of GPUs that lie in them. Vocabulary of NVIDIA's power service: topology, power policy, resource
// group, priority, effective limit, excursion. Powers are whole milliwatts, so that sums do not
// depend on their order and a budget is held to the last digit.
namespace mw::models {

using Milliwatts = std::int64_t;
inline constexpr Milliwatts unlimited = std::numeric_limits<Milliwatts>::max() / 4;

/// Whole milliwatts, towards zero; beyond any budget: unlimited.
inline Milliwatts milliwatts(double w) {
  const double mw = w * 1e3;
  if (!(mw > 0)) return 0;
  return mw >= static_cast<double>(unlimited) ? unlimited : static_cast<Milliwatts>(mw);
}

/// GPUs that share one limit; powers of all of them together.
struct ResourceGroup {
  std::int32_t domain = 0;
  Milliwatts least = 0, most = 0;  // what the devices accept
};

/// Domains stand behind their parents; domain 0 is the whole site.
struct PowerTree {
  std::vector<std::int32_t> parent{-1};
  std::vector<ResourceGroup> groups;

  std::size_t domains() const { return parent.size(); }
};

/// What a policy wants for a group. Lower ranks come first.
struct GroupWant {
  std::int32_t rank = 0;
  Milliwatts power = 0;  // below 0: the group is switched off and takes nothing
  bool off() const { return power < 0; }
  bool operator==(const GroupWant&) const = default;
};

}  // namespace mw::models
