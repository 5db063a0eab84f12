#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "models/control/power_policy.hpp"
#include "sim/index.hpp"
#include "sim/io/lockstep.hpp"

namespace mw::models {
namespace {

using Json = nlohmann::json;
using sim::idx;

/// Docs: docs/models/control.md, "Your own controller".
std::string question(const PolicyView& view) {
  const ExecView& outside = view.outside;
  Json groups = Json::array();
  for (std::size_t i = 0; i < view.groups.size(); ++i) {
    const double each = 1e-3 / outside.devices[i];
    Json g{{"name", outside.group_names[i]},
           {"gpus", outside.devices[i]},
           {"domain", view.groups[i].domain},
           {"least_w", static_cast<double>(view.groups[i].least) * each},
           {"most_w", static_cast<double>(view.groups[i].most) * each},
           {"limit_w", static_cast<double>(view.readings[i].limit) * each}};
    if (view.service[i] >= 0) g["service"] = outside.service_names[idx(view.service[i])];
    if (view.readings[i].known) g["drawn_w"] = static_cast<double>(view.readings[i].drawn) * each;
    groups.push_back(std::move(g));
  }
  Json services = Json::array();
  for (std::size_t s = 0; s < view.services.size(); ++s)
    services.push_back({{"name", outside.service_names[s]},
                        {"rank", view.given_rank[s]},
                        {"lateness", view.services[s].lateness},
                        {"usd_per_joule", view.services[s].usd_per_joule}});
  Json rooms = Json::array();  // null: no budget
  for (const Milliwatts room : outside.rooms)
    rooms.push_back(room >= unlimited ? Json() : Json(static_cast<double>(room) * 1e-3));
  return Json{{"t", outside.now_s}, {"rooms_w", rooms}, {"groups", groups}, {"services", services}}
      .dump();
}

/// What is wrong with an answer; empty: its limits have become wants.
std::string take(const PolicyView& view, const std::string& answer, std::span<GroupWant> wants) {
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains("limits") || !json["limits"].is_object())
    return "did not answer {\"limits\": {\"GROUP\": WATTS, ...}}";
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < view.groups.size(); ++i) places[view.outside.group_names[i]] = i;
  std::vector<std::pair<std::size_t, Milliwatts>> asked;
  for (const auto& [name, value] : json["limits"].items()) {
    const auto at = places.find(name);
    if (at == places.end()) return "sets a limit of `" + name + "`, which is no group";
    if (!value.is_number() || !std::isfinite(value.get<double>()))
      return "sets a limit of `" + name + "` that is no number";
    asked.push_back(
        {at->second, milliwatts(value.get<double>() * view.outside.devices[at->second])});
  }
  for (const auto& [i, power] : asked) wants[i].power = std::max<Milliwatts>(power, 1);
  return {};
}

/// A controller outside says what it wants; groups that it does not name keep what they had, at
/// first the most. Budgets are kept whatever it says. When it fails, the wants of its last answer
/// stay for the rest of the run.
void want(const PolicyView& view, std::span<const std::int32_t>, std::span<GroupWant> wants) {
  for (std::size_t i = 0; i < wants.size(); ++i)
    if (wants[i].power <= 0) wants[i] = {0, view.groups[i].most};
  sim::LockstepProcess* client = view.outside.client;
  if (!client || !client->running()) return;
  const auto answer = client->ask(question(view));
  if (!answer) return;
  const std::string wrong = take(view, *answer, wants);
  if (!wrong.empty()) client->fail(wrong);
}

}  // namespace

const PolicyLaw exec_policy{.want = want, .headroom = false, .telemetry = true, .ranks = true};

}  // namespace mw::models
