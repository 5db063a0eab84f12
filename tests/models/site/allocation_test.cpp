#include "models/site/allocation.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <tuple>

using namespace mw::models;

namespace {

std::vector<bool> all_of(std::size_t racks) {
  return std::vector<bool>(racks, true);
}

/// Rows of a service as (rack, gpus, pod, replica, part, parts).
using Row = std::tuple<int, int, int, int, int, int>;
std::vector<Row> rows_of(const Placement& p, int service) {
  std::vector<Row> rows;
  for (const auto& g : p.groups)
    if (g.service == service) rows.emplace_back(g.rack, g.gpus, g.pod, g.replica, g.part, g.parts);
  return rows;
}

}  // namespace

TEST_CASE("A fixed count is placed rack by rack, and the rest stays free") {
  const std::vector<std::int32_t> racks = {8, 0, 8};
  const ReplicaDemand demand{.gpus = 3, .replicas = 3, .rack_allowed = all_of(3)};
  const Placement p = place(racks, {&demand, 1});
  CHECK(p.refused.empty());
  CHECK(rows_of(p, 0) ==
        std::vector<Row>{{0, 3, 0, 0, 0, 1}, {0, 3, 0, 1, 0, 1}, {2, 3, 0, 2, 0, 1}});
  CHECK(rows_of(p, -1) == std::vector<Row>{{0, 2, -1, -1, 0, 1}, {2, 5, -1, -1, 0, 1}});
  for (const auto& g : p.groups) CHECK((g.use == GpuUse::serving) == (g.service == 0));
}

TEST_CASE("A replica larger than a rack takes whole racks that follow each other") {
  const std::vector<std::int32_t> racks = {8, 8, 8, 8};
  const std::vector<ReplicaDemand> demands = {
      {.service = 0, .gpus = 2, .replicas = 1, .rack_allowed = all_of(4)},
      {.service = 1, .gpus = 12, .fill = true, .rack_allowed = all_of(4)}};
  const Placement p = place(racks, demands);
  CHECK(p.refused.empty());
  // Rack 0 is no longer whole, so the pair begins at rack 1; rack 3 alone cannot hold another.
  CHECK(rows_of(p, 1) == std::vector<Row>{{1, 8, 1, 0, 0, 2}, {2, 4, 1, 0, 1, 2}});
}

TEST_CASE("Racks between that may not be used part what would follow each other") {
  const std::vector<std::int32_t> racks = {8, 8, 8};
  const ReplicaDemand demand{.gpus = 12, .replicas = 1, .rack_allowed = {true, false, true}};
  const Placement p = place(racks, {&demand, 1});
  REQUIRE(p.refused.size() == 1);
  CHECK(p.refused[0].problem == "1 replicas of 12 GPUs do not fit: the racks hold 0 of them");
}

TEST_CASE("Services that fill share what is left, in turn; fixed counts come first") {
  const std::vector<std::int32_t> racks = {8, 8};
  const std::vector<ReplicaDemand> demands = {
      {.service = 0, .gpus = 2, .fill = true, .rack_allowed = all_of(2)},
      {.service = 1, .gpus = 2, .fill = true, .rack_allowed = all_of(2)},
      {.service = 2, .gpus = 4, .replicas = 2, .rack_allowed = all_of(2)}};
  const Placement p = place(racks, demands);
  CHECK(p.refused.empty());
  CHECK(rows_of(p, 0).size() == 2);
  CHECK(rows_of(p, 1).size() == 2);
  CHECK(rows_of(p, 2).size() == 2);
  CHECK(rows_of(p, -1).empty());
}

TEST_CASE("What cannot be met is refused in words, with what would fit") {
  const std::vector<std::int32_t> racks = {8, 8};
  const std::vector<ReplicaDemand> demands = {
      {.service = 0, .gpus = 4, .replicas = 5, .rack_allowed = all_of(2)},
      {.service = 1, .gpus = 4, .fill = true, .rack_allowed = all_of(2)}};
  const Placement p = place(racks, demands);
  REQUIRE(p.refused.size() == 2);
  CHECK(p.refused[0].service == 0);
  CHECK(p.refused[0].problem == "5 replicas of 4 GPUs do not fit: the racks hold 4 of them");
  CHECK(p.refused[0].advice == "ask for 4 or fewer, or add racks");
  CHECK(p.refused[1].service == 1);
  CHECK(p.refused[1].problem == "no rack that it may use has 4 GPUs free for a replica");
}

TEST_CASE("A service larger than a pod is split into as few pods as allowed, alike in size") {
  const std::vector<std::int32_t> racks(13, 8);
  const ReplicaDemand demand{
      .gpus = 8, .fill = true, .replicas_per_pod = 5, .rack_allowed = all_of(13)};
  const Placement p = place(racks, {&demand, 1});
  CHECK(p.replicas_per_pod == std::vector<std::int32_t>{4, 4, 5});
}

// For every rack: GPUs of its rows, free ones included, are its GPUs; no row is empty. So no GPU is
// used twice and none is lost. Every replica has what it asked for, in racks it may use.
TEST_CASE("Placement conserves GPUs, whatever is asked") {
  CHECK(rc::check([] {
    const auto racks =
        *rc::gen::container<std::vector<std::int32_t>>(12, rc::gen::element(0, 4, 8, 8, 8, 9));
    std::vector<ReplicaDemand> demands;
    const int services = *rc::gen::inRange(0, 5);
    for (int s = 0; s < services; ++s) {
      ReplicaDemand d{.service = s, .gpus = *rc::gen::inRange(1, 30)};
      d.fill = *rc::gen::arbitrary<bool>();
      d.replicas = d.fill ? 0 : *rc::gen::inRange(1, 6);
      d.replicas_per_pod = *rc::gen::inRange(1, 5);
      d.rack_allowed =
          *rc::gen::container<std::vector<bool>>(12, rc::gen::element(true, true, false));
      demands.push_back(d);
    }
    const Placement p = place(racks, demands);

    std::vector<std::int32_t> used(racks.size(), 0), free(racks.size(), 0);
    std::map<std::tuple<int, int, int>, std::vector<GpuGroup>> replicas;
    for (const auto& g : p.groups) {
      const auto r = static_cast<std::size_t>(g.rack);
      RC_ASSERT(g.gpus > 0);
      used[r] += g.gpus;
      if (g.use == GpuUse::free) {
        RC_ASSERT(free[r] == 0);
        free[r] = g.gpus;
        continue;
      }
      RC_ASSERT(demands[static_cast<std::size_t>(g.service)].rack_allowed[r]);
      replicas[{g.service, g.pod, g.replica}].push_back(g);
    }
    RC_ASSERT(used == racks);
    RC_ASSERT(std::is_sorted(p.groups.begin(), p.groups.end(),
                             [](const GpuGroup& a, const GpuGroup& b) { return a.rack < b.rack; }));

    std::map<int, int> replicas_of_service, replicas_of_pod;
    for (const auto& [key, parts] : replicas) {
      const auto [service, pod, replica] = key;
      ++replicas_of_service[service];
      ++replicas_of_pod[pod];
      int gpus = 0;
      for (std::size_t i = 0; i < parts.size(); ++i) {
        RC_ASSERT(parts[i].part == static_cast<int>(i));
        RC_ASSERT(parts[i].parts == static_cast<int>(parts.size()));
        if (i > 0) RC_ASSERT(parts[i].rack == parts[i - 1].rack + 1);
        gpus += parts[i].gpus;
      }
      RC_ASSERT(gpus == demands[static_cast<std::size_t>(service)].gpus);
      RC_ASSERT(p.service_of_pod[static_cast<std::size_t>(pod)] == service);
    }
    RC_ASSERT(replicas_of_pod.size() == p.replicas_per_pod.size());
    for (const auto& [pod, n] : replicas_of_pod)
      RC_ASSERT(n == p.replicas_per_pod[static_cast<std::size_t>(pod)]);
    RC_ASSERT(std::is_sorted(p.service_of_pod.begin(), p.service_of_pod.end()));

    std::vector<bool> refused(demands.size(), false);
    for (const auto& r : p.refused) refused[static_cast<std::size_t>(r.service)] = true;
    for (std::size_t s = 0; s < demands.size(); ++s) {
      const auto& d = demands[s];
      const int placed = replicas_of_service[static_cast<int>(s)];
      if (!d.fill) RC_ASSERT(refused[s] == (placed < d.replicas));
      if (d.fill) RC_ASSERT(refused[s] == (placed == 0));
      if (d.fill || refused[s])
        for (std::size_t r = 0; r < racks.size(); ++r)
          if (d.rack_allowed[r]) RC_ASSERT(free[r] < d.gpus);  // nothing that fits was left
      std::vector<int> sizes;
      for (std::size_t pod = 0; pod < p.service_of_pod.size(); ++pod)
        if (p.service_of_pod[pod] == static_cast<int>(s)) sizes.push_back(p.replicas_per_pod[pod]);
      if (sizes.empty()) continue;
      const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
      RC_ASSERT(*most - *least <= 1);
      RC_ASSERT(*most <= d.replicas_per_pod);
      RC_ASSERT(sizes.size() ==
                static_cast<std::size_t>((placed + d.replicas_per_pod - 1) / d.replicas_per_pod));
    }
  }));
}
