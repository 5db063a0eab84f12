#include "models/inference/traffic.hpp"

namespace mw::models {

void check(const TrafficParameters& traffic, sim::Problems& problems) {
  const bool generated = traffic.arrivals || traffic.lengths;
  const int kinds = (traffic.like ? 1 : 0) + (traffic.trace ? 1 : 0) + (generated ? 1 : 0);
  if (kinds != 1) {
    problems.add("", kinds == 0 ? "gives no traffic" : "gives more than one kind of traffic",
                 "write exactly one of like, trace, and arrivals with lengths");
  } else if (generated && !traffic.lengths) {
    problems.add("arrivals", "stands without lengths", "add a lengths block");
  } else if (generated && !traffic.arrivals) {
    problems.add("lengths", "stands without arrivals", "add an arrivals block");
  }
}

}  // namespace mw::models
