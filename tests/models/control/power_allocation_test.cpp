#include "models/control/power_allocation.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

#include "sim/index.hpp"

using namespace mw;
using namespace mw::models;

namespace {

using sim::idx;
constexpr Milliwatts kilowatt = 1'000'000;

struct Case {
  PowerTree tree;
  std::vector<Milliwatts> rooms;
  std::vector<GroupWant> wants;
  int ranks = 1;
  bool headroom = true;
  double grain = 0;

  void domain(std::int32_t parent, Milliwatts room) {
    if (!rooms.empty()) tree.parent.push_back(parent);
    rooms.push_back(room);
  }
  std::vector<Milliwatts> allocate() const {
    PowerAllocation a(tree, ranks, headroom, grain);
    const auto granted = a.allocate(tree, rooms, wants);
    return {granted.begin(), granted.end()};
  }
  bool below(std::size_t group, std::int32_t domain) const {
    for (auto v = tree.groups[group].domain; v >= 0; v = tree.parent[idx(v)])
      if (v == domain) return true;
    return false;
  }
  Milliwatts left(const std::vector<Milliwatts>& granted, std::int32_t domain) const {
    Milliwatts sum = 0;
    for (std::size_t i = 0; i < granted.size(); ++i)
      if (below(i, domain)) sum += granted[i];
    return std::max<Milliwatts>(rooms[idx(domain)], 0) - sum;
  }
  /// What rounding down at each share of a domain may leave of it.
  Milliwatts rounding() const {
    return static_cast<Milliwatts>(tree.domains() + tree.groups.size());
  }
  /// What shares in whole grains may leave of a domain's room besides.
  Milliwatts grains(std::int32_t domain) const {
    Milliwatts most = 0;
    for (std::size_t i = 0; i < tree.groups.size(); ++i)
      if (below(i, domain)) most += tree.groups[i].most;
    return static_cast<Milliwatts>(grain * static_cast<double>(most));
  }
  Milliwatts want(std::size_t i) const {
    return std::clamp(wants[i].power, tree.groups[i].least, tree.groups[i].most);
  }
};

void draw_wants(Case& c) {
  c.wants.clear();
  for (const auto& g : c.tree.groups)
    c.wants.push_back(
        {*rc::gen::inRange(0, c.ranks), *rc::gen::inRange<Milliwatts>(0, 2 * g.most)});
}

Case draw_case() {
  Case c;
  c.ranks = *rc::gen::inRange(1, 4);
  c.headroom = *rc::gen::inRange(0, 2) == 1;
  c.grain = *rc::gen::element(0.0, 0.002, 0.05);
  const int domains = *rc::gen::inRange(1, 9), groups = *rc::gen::inRange(1, 25);
  // Budgets from far too small to far too large, also negative: a rest above the budget.
  const auto room = [&] { return *rc::gen::inRange<Milliwatts>(-kilowatt, 20 * kilowatt); };
  for (int v = 0; v < domains; ++v) c.domain(v == 0 ? -1 : *rc::gen::inRange(0, v), room());
  for (int i = 0; i < groups; ++i) {
    const auto most = *rc::gen::inRange<Milliwatts>(1, 2 * kilowatt);
    c.tree.groups.push_back(
        {*rc::gen::inRange(0, domains), *rc::gen::inRange<Milliwatts>(0, most + 1), most});
  }
  draw_wants(c);
  return c;
}

}  // namespace

// No budget is passed at any domain, to the last milliwatt, and limits stay inside what the devices
// accept; a group that cannot have its least has nothing.
TEST_CASE("allocation: no budget is passed anywhere, and limits stay inside the devices' range") {
  CHECK(rc::check([] {
    const Case c = draw_case();
    const auto granted = c.allocate();
    for (std::int32_t v = 0; v < static_cast<std::int32_t>(c.tree.domains()); ++v)
      RC_ASSERT(c.left(granted, v) >= 0);
    for (std::size_t i = 0; i < granted.size(); ++i)
      RC_ASSERT(granted[i] == 0 ||
                (granted[i] >= c.tree.groups[i].least && granted[i] <= c.tree.groups[i].most));
  }));
}

// A group has less than it wants (or, with headroom, than its devices take) only if some domain
// above it has nothing left to give: at most what rounding and grains left, or, for a group that is
// shed, less than the group's least.
TEST_CASE("allocation: no watt is left unassigned while a group below wants it") {
  CHECK(rc::check([] {
    const Case c = draw_case();
    const auto granted = c.allocate();
    bool any_shed = false;
    for (std::size_t i = 0; i < granted.size(); ++i)
      any_shed = any_shed || granted[i] < c.tree.groups[i].least;
    for (std::size_t i = 0; i < granted.size(); ++i) {
      const auto& g = c.tree.groups[i];
      const bool is_shed = granted[i] < g.least;
      if (!is_shed && (any_shed || granted[i] >= (c.headroom ? g.most : c.want(i)))) continue;
      bool full = false;
      for (auto v = g.domain; v >= 0; v = c.tree.parent[idx(v)])
        full = full || c.left(granted, v) <= (is_shed ? g.least - 1 : c.rounding() + c.grains(v));
      RC_ASSERT(full);
    }
  }));
}

// Where a group of rank r has less than it wants, some full domain above it gives nothing beyond
// the least to any later rank, and to no equal much more than to it: as shares of the devices'
// most, they differ by no more than one step of the rise on either side.
TEST_CASE("allocation: ranks hold, and equals are treated alike") {
  CHECK(rc::check([] {
    const Case c = draw_case();
    const auto granted = c.allocate();
    for (std::size_t i = 0; i < granted.size(); ++i)
      if (granted[i] < c.tree.groups[i].least) return;  // shedding has its own test
    const auto share = [&](std::size_t i) {
      return static_cast<double>(granted[i]) / static_cast<double>(c.tree.groups[i].most);
    };
    for (std::size_t i = 0; i < granted.size(); ++i) {
      if (granted[i] >= c.want(i)) continue;
      bool just = false;
      for (auto v = c.tree.groups[i].domain; v >= 0; v = c.tree.parent[idx(v)]) {
        if (c.left(granted, v) > c.rounding() + c.grains(v)) continue;
        bool holds = true;
        for (std::size_t j = 0; j < granted.size(); ++j) {
          if (!c.below(j, v) || granted[j] <= c.tree.groups[j].least) continue;
          if (c.wants[j].rank > c.wants[i].rank) holds = false;
          // A few milliwatts of a tiny group are a large share.
          const double one = 2.0 / static_cast<double>(c.tree.groups[j].most) +
                             2.0 / static_cast<double>(c.tree.groups[i].most);
          if (c.wants[j].rank == c.wants[i].rank &&
              share(j) > share(i) + 2.0 / PowerAllocation::steps + c.grain + 8 * one)
            holds = false;
        }
        just = just || holds;
      }
      RC_ASSERT(just);
    }
  }));
}

// Sums kept from call to call are integers: whatever changed in between, the result is that of an
// allocation made anew.
TEST_CASE("allocation: from call to call it gives what one made anew would give") {
  CHECK(rc::check([] {
    Case c = draw_case();
    PowerAllocation kept(c.tree, c.ranks, c.headroom, c.grain);
    for (int call = 0; call < 5; ++call) {
      const auto granted = kept.allocate(c.tree, c.rooms, c.wants);
      RC_ASSERT(c.allocate() == std::vector<Milliwatts>(granted.begin(), granted.end()));
      const auto i = *rc::gen::inRange<std::size_t>(0, c.wants.size());
      c.wants[i].power = *rc::gen::inRange<Milliwatts>(0, 2 * kilowatt);
      c.wants[i].rank = *rc::gen::inRange(0, c.ranks);
      if (*rc::gen::inRange(0, 2) == 1) {
        const auto v = *rc::gen::inRange<std::size_t>(0, c.rooms.size());
        c.rooms[v] = *rc::gen::inRange<Milliwatts>(-kilowatt, 20 * kilowatt);
      }
      if (*rc::gen::inRange(0, 4) == 0) draw_wants(c);
    }
  }));
}

// T40, topology of NVIDIA's DPS SDK: a utility feed of 750 kW, a switchboard of 1.6 MW, four PDUs
// of 450 kW with two racks each. Eight racks want 132 kW: the utility binds, 750 / 8 = 93.75 kW
// each, 187.5 kW a PDU.
TEST_CASE("T40: under 750 kW eight racks that want 132 kW get 93.75 kW each") {
  Case c;
  c.domain(-1, 750 * kilowatt);
  c.domain(0, 1600 * kilowatt);
  for (int pdu = 0; pdu < 4; ++pdu) c.domain(1, 450 * kilowatt);
  for (int rack = 0; rack < 8; ++rack) {
    c.tree.groups.push_back({2 + rack / 2, 36 * kilowatt, 132 * kilowatt});
    c.wants.push_back({0, 132 * kilowatt});
  }
  for (const Milliwatts granted : c.allocate()) CHECK(granted == 93'750'000);

  SUBCASE("what two idle racks leave goes to the six others, up to what they take") {
    c.wants[0].power = c.wants[5].power = 40 * kilowatt;
    const auto granted = c.allocate();
    // (750 - 2 x 40) / 6 = 111.67 kW
    for (std::size_t i = 0; i < 8; ++i)
      CHECK(granted[i] == (i == 0 || i == 5 ? 40 * kilowatt : 111'666'666));
  }
  SUBCASE("a PDU that is the tighter one binds first, and its watts are not lent to it") {
    c.rooms[2] = 150 * kilowatt;
    const auto granted = c.allocate();
    // 75 kW each below it; (750 - 150) / 6 = 100 kW for the others
    for (std::size_t i = 0; i < 8; ++i) CHECK(granted[i] == (i < 2 ? 75 : 100) * kilowatt);
  }
}

// Ten groups of 0 to 1 kW share 7.503 kW: 750.3 W each. In grains of 1/512 (64 to a step of the
// rise) that is 384/512 kW = 750 W, and 750 W again when the room moves by less than a grain.
TEST_CASE("allocation: in grains, small changes of a room move no limit") {
  Case c;
  c.grain = 0.002;
  c.domain(-1, 7'503'000);
  c.domain(0, unlimited);
  for (int i = 0; i < 10; ++i) {
    c.tree.groups.push_back({i % 2, 0, kilowatt});
    c.wants.push_back({0, kilowatt});
  }
  PowerAllocation kept(c.tree, 1, true, c.grain);
  for (const Milliwatts granted : kept.allocate(c.tree, c.rooms, c.wants))
    CHECK(granted == 750'000);
  CHECK(kept.regranted().size() == 10);
  c.rooms[0] = 7'517'000;
  kept.allocate(c.tree, c.rooms, c.wants);
  CHECK(kept.regranted().empty());
  c.rooms[0] = 7'499'000;
  kept.allocate(c.tree, c.rooms, c.wants);
  CHECK(kept.regranted().size() == 10);
}

// 8 racks of at least 36 kW are 288 kW. Of 200 kW five can be kept; those of the first rank stay,
// then the first of the second.
TEST_CASE("allocation: a budget below the sum of the least sheds whole groups, last ranks first") {
  Case c;
  c.ranks = 2;
  c.domain(-1, 200 * kilowatt);
  for (int rack = 0; rack < 8; ++rack) {
    c.tree.groups.push_back({0, 36 * kilowatt, 132 * kilowatt});
    c.wants.push_back({rack < 4 ? 1 : 0, 132 * kilowatt});
  }
  const auto granted = c.allocate();
  for (std::size_t i = 0; i < 8; ++i) CHECK(granted[i] == (i == 0 || i >= 4 ? 36 * kilowatt : 0));
}
