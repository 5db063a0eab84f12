// What of the meter and the bill belongs to a service.
#include "models/site/service_share.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "models/site/hand_site.hpp"
#include "models/site/summary.hpp"

using namespace mw;
using namespace mw::models;
using models::test::HandSite;

namespace {

EconomicsParameters prices() {
  EconomicsParameters e;
  e.it_capital.value = {20};
  e.facility_capital.value = {10};
  e.energy_price.value = {2e-8};
  e.demand_price.value = {4e-6};
  e.operation.value = {1e-6};
  e.maintenance_share.value = 0.02;
  e.water_price.value = {1.5};
  return e;
}

SiteState run(const SiteParameters& site) {
  SiteState state = initial_site(site);
  models::test::run_until(state, site, site.duration);
  return state;
}

TaskScore score(double solved, double tokens) {
  TaskScore s;
  s.task = "riddles";
  s.score.value = solved;
  s.tokens_per_task.emplace();
  s.tokens_per_task->value = tokens;
  return s;
}

}  // namespace

// The meter is shared out whole, and so is every part of the yearly cost, though one rack has a
// price and others have none, one holds both services and one holds free GPUs.
TEST_CASE("Shares of all services add up to the meter and to the bill") {
  SiteParameters site = HandSite{}.build();
  site.economics = prices();
  site.racks[0].rack.price.value = {3e5};
  const SiteState state = run(site);
  CHECK(energy_share(state, 0) + energy_share(state, 1) == doctest::Approx(1).epsilon(1e-12));
  CHECK(energy_share(state, 0) > 0.1);
  CHECK(energy_share(state, 1) > 0.1);

  const YearlyCost whole = yearly_cost(*site.economics, year_of_site(site, state));
  YearlyCost sum;
  double tokens_per_joule = 0;
  for (std::size_t s = 0; s < 2; ++s) {
    const YearlyCost part = yearly_cost(*site.economics, year_of_service(site, state, s));
    CHECK(part.it_capital > 0);
    sum.it_capital += part.it_capital;
    sum.facility_capital += part.facility_capital;
    sum.energy += part.energy;
    sum.demand += part.demand;
    sum.other += part.other;
    tokens_per_joule +=
        energy_share(state, s) / value_of(service_metrics(site, state, s), "j_per_token");
  }
  CHECK(sum.it_capital == doctest::Approx(whole.it_capital));
  CHECK(sum.facility_capital == doctest::Approx(whole.facility_capital));
  CHECK(sum.energy == doctest::Approx(whole.energy));
  CHECK(sum.demand == doctest::Approx(whole.demand));
  CHECK(sum.other == doctest::Approx(whole.other));
  // Tokens of the site per joule are the services' own, weighted by their joules.
  CHECK(1 / tokens_per_joule ==
        doctest::Approx(value_of(site_metrics(site, state), "j_per_token")));
}

// Booked before anything is spread: the input of every rack in which somebody is served, and no
// more.
TEST_CASE("What services are booked is the energy of the racks that serve them") {
  const SiteParameters site = HandSite{}.build();
  SiteState state = initial_site(site);
  sim::ThreadPool pool(1);
  SiteEpoch epoch;
  double compute = 0;
  while (state.now < site.duration) {
    step_epoch(state, site, pool, epoch);
    for (int r = 0; r < site.rack_count(); ++r) {
      bool serves = false;
      for (const auto& g : state.allocation)
        serves = serves || (g.rack == r && g.use == GpuUse::serving);
      if (serves) compute += epoch.rack_input[static_cast<std::size_t>(r)] * epoch.seconds();
    }
  }
  CHECK(state.service_racks[0].value() + state.service_racks[1].value() ==
        doctest::Approx(compute).epsilon(1e-12));
}

// 0.5 J/token x 1000 tokens for each answer, and four answers of five are right: 625 J a solved
// task.
TEST_CASE("A solved task costs what all answers cost over the share that is right") {
  CHECK(per_solved_task(0.5, 1000, 0.8) == doctest::Approx(625));

  SiteParameters site = HandSite{}.build();
  site.economics = prices();
  site.services[0].score = score(0.25, 2000);
  const SiteState state = run(site);
  const auto m = service_metrics(site, state, 0);
  CHECK(value_of(m, "j_per_solved_task") == doctest::Approx(8000 * value_of(m, "j_per_token")));
  CHECK(value_of(m, "usd_per_solved_task") == doctest::Approx(8e-3 * value_of(m, "usd_per_mtok")));
  CHECK(value_of(m, "tokens_per_s_per_mw") * value_of(m, "j_per_token") == doctest::Approx(1e6));
}

TEST_CASE("What is not known of the answers is left out, not made up") {
  SiteParameters site = HandSite{}.build();
  site.services[0].score = score(0.25, 2000);
  site.services[0].score->tokens_per_task.reset();
  const SiteState state = initial_site(site);
  const auto names = [&](std::size_t s) {
    std::string all;
    for (const auto& m : service_metrics(site, state, s)) all += m.name + " ";
    return all;
  };
  CHECK(names(0).find("task_score") != std::string::npos);
  CHECK(names(0).find("solved") == std::string::npos);
  CHECK(names(0).find("tokens_per_task") == std::string::npos);
  CHECK(names(1).find("task_score") == std::string::npos);
}
