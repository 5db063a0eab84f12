#include "models/inference/traffic.hpp"

namespace mw::models {

void check(const TrafficParameters& traffic, sim::Problems& problems) {
  const bool generated = traffic.arrivals || traffic.closed_loop || traffic.lengths;
  const int kinds = (traffic.like ? 1 : 0) + (traffic.trace ? 1 : 0) + (generated ? 1 : 0);
  if (kinds != 1) {
    problems.add(
        "", kinds == 0 ? "gives no traffic" : "gives more than one kind of traffic",
        "write exactly one of like, trace, arrivals with lengths, and closed_loop with lengths");
  } else if (traffic.arrivals && traffic.closed_loop) {
    problems.add("closed_loop", "stands beside arrivals", "keep one of the two");
  } else if (generated && !traffic.lengths) {
    problems.add(traffic.arrivals ? "arrivals" : "closed_loop", "stands without lengths",
                 "add a lengths block");
  } else if (generated && !traffic.arrivals && !traffic.closed_loop) {
    problems.add("lengths", "stands without arrivals", "add an arrivals or a closed_loop block");
  }
  if (traffic.closed_loop && traffic.scale != 1) {
    problems.add("scale", "has no meaning for a closed loop", "give closed_loop more users");
  }
  if (traffic.trace && traffic.shared_prefixes) {
    problems.add("shared_prefixes", "stands beside a trace",
                 "leave it out: a trace tells with its hash_ids what its prompts have in common");
  }
  check_tiers(traffic.priorities, problems);
}

}  // namespace mw::models
