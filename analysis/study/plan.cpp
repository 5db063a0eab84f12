#include "analysis/study/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <tuple>

#include "sim/io/number.hpp"

namespace mw::analysis {
namespace {

void refuse_useless_levels(const StudyPlan& plan,
                           const std::vector<std::vector<sim::InputError>>& problems) {
  // Levels by where they were written: points that use them and could be read, one that could not.
  std::map<std::tuple<std::size_t, int, int>, std::pair<std::size_t, std::size_t>> uses;
  for (std::size_t i = 0; i < plan.points.size(); ++i) {
    const auto& levels = plan.levels(plan.points[i]).levels;
    for (std::size_t f = 0; f < levels.size(); ++f) {
      if (levels[f].text.empty()) continue;
      auto& [read, example] = uses[{f, levels[f].at.line, levels[f].at.column}];
      if (problems[i].empty())
        ++read;
      else
        example = i;
    }
  }
  std::vector<sim::InputError> all;
  const auto add = [&](const std::vector<sim::InputError>& more) {
    for (const auto& item : more)
      if (std::none_of(all.begin(), all.end(), [&](const sim::InputError& known) {
            return std::string_view(known.what()) == item.what();
          }))
        all.push_back(item);
  };
  const bool none_read =
      std::all_of(problems.begin(), problems.end(), [](const auto& list) { return !list.empty(); });
  if (none_read && !problems.empty()) add(problems.front());
  for (const auto& [level, use] : uses)
    if (use.first == 0) add(problems[use.second]);
  if (!all.empty()) throw scenarios::InputProblems(std::move(all));
}

}  // namespace

std::vector<Setting> StudyPlan::settings(const PlannedPoint& p) const {
  auto out = settings_of(*file, levels(p));
  if (p.replicate > 0) out.push_back({fmt::format("seed={}", p.seed), {}});
  return out;
}

StudyPlan plan_points(const StudyFile& file, std::vector<DesignPoint> design, sim::ThreadPool& pool,
                      std::vector<std::vector<sim::InputError>>& problems) {
  StudyPlan plan{&file, std::move(design), {}};
  const auto replicates = static_cast<std::size_t>(file.study().replicates);
  plan.points.resize(plan.design.size() * replicates);
  problems.assign(plan.points.size(), {});
  std::vector<std::unique_ptr<PointReader>> readers(static_cast<std::size_t>(pool.threads()));
  pool.for_each_on(plan.design.size(), [&](std::size_t c, std::size_t thread) {
    if (!readers[thread]) readers[thread] = std::make_unique<PointReader>(file.base());
    PointReader& reader = *readers[thread];
    for (std::size_t r = 0; r < replicates; ++r) {
      const std::size_t i = c * replicates + r;
      PlannedPoint& point = plan.points[i];
      point.combination = c;
      point.replicate = static_cast<int>(r);
      try {
        auto document = reader.read(settings_of(file, plan.design[c]));
        point.seed = document.value.seed += r;
        point.cost = guessed_cost(document.value);
        point.key = reader.key(document);
      } catch (const scenarios::InputProblems& wrong) {
        problems[i] = wrong.items;
        point.error = wrong.what();
        point.key = fingerprint(point.error);
      }
    }
  });
  return plan;
}

StudyPlan plan_study_points(const StudyFile& file, sim::ThreadPool& pool) {
  std::vector<std::vector<sim::InputError>> problems;
  StudyPlan plan = plan_points(file, make_design(file), pool, problems);
  refuse_useless_levels(plan, problems);
  return plan;
}

std::string Shard::name() const {
  return of == 1 ? "all" : fmt::format("shard-{}-of-{}", index, of);
}

Shard parse_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string::npos) {
    const auto index = sim::parse_integer(text.substr(0, slash)),
               of = sim::parse_integer(text.substr(slash + 1));
    if (index && of && index.value >= 1 && index.value <= of.value && of.value <= 1000000)
      return {static_cast<int>(index.value), static_cast<int>(of.value)};
  }
  throw sim::InputError("--shard", 1, 1, scenarios::in_quotes(text) + " is not a shard",
                        "write it as in 3/8: the third of eight, which count from 1");
}

std::vector<std::size_t> points_of(const StudyPlan& plan, const Shard& shard) {
  std::vector<std::size_t> order(plan.points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return plan.points[a].cost > plan.points[b].cost;
  });
  std::vector<std::size_t> mine;
  for (auto i = static_cast<std::size_t>(shard.index - 1); i < order.size();
       i += static_cast<std::size_t>(shard.of))
    mine.push_back(order[i]);
  return mine;
}

}  // namespace mw::analysis
