#pragma once
#include "sim/describe.hpp"
#include "sim/time.hpp"

namespace mw::models {

/// What lasts of a rack's supply.
struct RackFeedState {
  double stored_j = 0;       // in its supplies and stores
  double watt = 0;           // drawn in its last sub-step
  bool riding = false;       // works on what it has stored
  sim::Time fed_since = -1;  // while dark: power is back since then
};
template <sim::Describes<RackFeedState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("stored_j", self.stored_j, About{.text = "Energy in its supplies and stores, J"});
  visit("watt", self.watt, About{.text = "What it drew in its last sub-step, W"});
  visit("riding", self.riding, About{.text = "Works on what it has stored"});
  visit("fed_since", self.fed_since, About{.text = "While dark: power is back since then, ns"});
}

}  // namespace mw::models
