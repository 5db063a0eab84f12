#include "models/site/rack_state.hpp"

#include <doctest/doctest.h>

using namespace mw::models;

// A rack is on if and only if no cause holds, whatever the order in which causes come and go.
TEST_CASE("A rack that is off for two causes comes on when both are gone") {
  RackState rack;
  CHECK(rack.on());
  CHECK(rack.set(OffCause::power, true));
  CHECK_FALSE(rack.set(OffCause::heat, true));
  CHECK_FALSE(rack.set(OffCause::power, false));
  CHECK(rack.off_for(OffCause::heat));
  CHECK_FALSE(rack.on());
  CHECK(rack.set(OffCause::heat, false));
  CHECK(rack.on());
}
