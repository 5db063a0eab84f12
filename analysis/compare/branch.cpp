#include "analysis/compare/branch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/common_options.hpp"
#include "analysis/compare/branch_rules.hpp"
#include "analysis/compare/report.hpp"
#include "analysis/interrupt.hpp"
#include "analysis/progress.hpp"
#include "analysis/write_file.hpp"
#include "models/site/epoch.hpp"
#include "scenarios/build.hpp"
#include "scenarios/problems.hpp"
#include "sim/input_error.hpp"
#include "sim/io/hdf5.hpp"
#include "sim/thread_pool.hpp"

namespace mw::analysis {
namespace {

namespace fs = std::filesystem;
using Document = scenarios::Document<scenarios::Scenario>;

/// `RUN.h5@MOMENT`.
struct Origin {
  std::string run, moment;
};
Origin origin_of(const std::string& text) {
  const auto at = text.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == text.size())
    throw sim::InputError(
        text, 0, 0, "names no moment",
        "write RUN.h5@14:05 (time of day, UTC) or RUN.h5@+0:40 (since the start)");
  return {text.substr(0, at), text.substr(at + 1)};
}

/// `[+]H:MM[:SS]` as time since the start: with `+` as it is, otherwise the first such time of day.
sim::Time moment_of(const Origin& origin, const models::SiteParameters& site) {
  const bool since_start = origin.moment[0] == '+';
  const std::string text = origin.moment.substr(since_start ? 1 : 0);
  int hours = 0, minutes = 0, seconds = 0, read = 0;
  const auto size = static_cast<int>(text.size());
  const bool short_form =
      std::sscanf(text.c_str(), "%6d:%2d%n", &hours, &minutes, &read) == 2 && read == size;
  const bool long_form =
      !short_form &&
      std::sscanf(text.c_str(), "%6d:%2d:%2d%n", &hours, &minutes, &seconds, &read) == 3 &&
      read == size;
  const bool in_range = hours >= 0 && minutes >= 0 && minutes < 60 && seconds >= 0 && seconds < 60;
  if (!(short_form || long_form) || !in_range || (!since_start && hours > 23))
    throw sim::InputError(origin.run, 0, 0, "`" + origin.moment + "` is no moment",
                          "write 14:05 or 14:05:30 (time of day, UTC), or +0:40 (since the start)");
  const sim::Time wanted = (hours * 3600 + minutes * 60 + seconds) * sim::second;
  if (since_start) return wanted;
  const sim::Time day = 86400 * sim::second;
  const sim::Time begins = ((site.start.unix_ns % day) + day) % day;
  return (wanted - begins + day) % day;
}

/// The scenario that a run file holds, with changes; problems are told of the run file.
Document read_held(const Origin& origin, const std::string& resolved,
                   const std::vector<std::string>& sets) {
  std::string name = (fs::temp_directory_path() / "millwright-branch-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  if (file < 0)
    throw sim::OutputError(name, "cannot be made", "set TMPDIR to a folder that can be written");
  ::close(file);
  const std::unique_ptr<std::string, void (*)(std::string*)> remove_it(
      &name, [](std::string* path) { fs::remove(*path); });
  write_file(name, resolved);
  const scenarios::Catalog catalog;
  try {
    return scenarios::read_document<scenarios::Scenario>(name, {sets}, catalog);
  } catch (const scenarios::InputProblems& problems) {
    std::vector<sim::InputError> items;
    for (const auto& item : problems.items)
      items.emplace_back(item.file == name ? origin.run + " (its scenario)" : item.file, item.line,
                         item.column, item.problem, item.advice);
    throw scenarios::InputProblems(std::move(items));
  }
}

/// On to the end. False: interrupted.
bool finish(models::SiteState& state, const models::SiteParameters& site, sim::ThreadPool& pool,
            sim::Time until, Progress& progress) {
  models::SiteEpoch epoch;
  while (state.now < until) {
    if (InterruptGuard::requested()) return false;
    models::step_epoch(state, site, pool, epoch);
    progress.at(state.now);
  }
  if (epoch.controller && !epoch.controller->failure().empty())
    throw std::runtime_error("the controller " + epoch.controller->failure());
  return true;
}

/// Sums since the start by the two ledgers, in the units of a bill; energies in exact differences.
std::vector<Waterfall> totals(const models::SiteState& a, const models::SiteState& b,
                              const std::vector<Waterfall>& rates, double seconds_a,
                              double seconds_b) {
  std::vector<Waterfall> out;
  Waterfall energy{"energy", "J", "Energy at the meter since the start", 0, 0, {}};
  const auto uses = models::enum_names(models::Purpose{});
  for (std::size_t p = 0; p < models::purposes; ++p)
    energy.parts.push_back(
        {uses[p], a.ledger.by_purpose[p].value(), b.ledger.by_purpose[p].value()});
  std::erase_if(energy.parts, [](const auto& p) { return p.from == 0 && p.to == 0; });
  energy.from = a.ledger.meter().value();
  energy.to = b.ledger.meter().value();
  out.push_back(std::move(energy));
  const auto tokens = [](const models::SiteState& s) {
    double sum = 0;
    for (const auto& c : s.counts) sum += static_cast<double>(c.output_tokens);
    return sum;
  };
  for (const auto& rate : rates) {
    double scale_a = seconds_a, scale_b = seconds_b;
    Waterfall w{rate.name, "", "", 0, 0, {}};
    if (rate.name == "cost") {
      scale_a = tokens(a) * 1e-6;
      scale_b = tokens(b) * 1e-6;
      w.unit = "USD";
      w.meaning = "Cost since the start, the run standing for the year";
    } else if (rate.name == "tokens") {
      w.unit = "tokens";
      w.meaning = "Output tokens asked for since the start";
    } else {
      continue;
    }
    w.from = rate.from * scale_a;
    w.to = rate.to * scale_b;
    for (const auto& p : rate.parts) w.parts.push_back({p.name, p.from * scale_a, p.to * scale_b});
    out.push_back(std::move(w));
  }
  return out;
}

}  // namespace

void add_branch(CLI::App& app, BranchOptions& options) {
  auto& c =
      *app.add_subcommand("branch", "Change a run in its middle; say where the difference went");
  c.footer(
      "millwright branch run.h5@14:05 --set 'site.envelope=1.5 MW'\n"
      "The run is told again from its start (run files hold their scenario), then goes on twice "
      "with "
      "the same random numbers: as it was, and changed. control.power, events from then on, "
      "site.envelope, "
      "site.cooling.supply, prices, output and duration can change.");
  c.add_option("RUN.h5@MOMENT", options.from,
               "A run file, and when: a time of day (UTC) as 14:05, or +0:40 since the start")
      ->required();
  add_settings(c, "--set", options.sets, "What changes; may be repeated")->required();
  c.add_option("--folder", options.folder,
               "Folder of the scenario's file, where its traces and weather files are")
      ->capture_default_str()
      ->type_name("FOLDER");
  add_shown(c, options.shown);
  add_threads(c, options.threads);
  add_quiet(c, options.quiet);
}

int branch(const BranchOptions& options) {
  const Origin origin = origin_of(options.from);
  const sim::h5::Reader file(origin.run);
  if (!file.has("/meta/scenario_resolved"))
    throw sim::InputError(origin.run, 0, 0, "holds no scenario",
                          "give what `millwright run` wrote");
  const std::string resolved = file.texts("/meta/scenario_resolved").at(0);
  const std::string hash_was = file.text_attribute("/meta", "trace_hash");

  const Document as_it_was = read_held(origin, resolved, {});
  const Document changed = read_held(origin, resolved, options.sets);
  const auto site_a = scenarios::build_site(as_it_was, options.folder);
  const auto site_b = scenarios::build_site(changed, options.folder);
  Case a{"A", "as it was", scenarios::write_resolved(as_it_was.value), {}};
  Case b{"B", "", scenarios::write_resolved(changed.value), {}};
  for (const auto& set : options.sets) b.title += (b.title.empty() ? "with " : ", ") + set;

  const sim::Time wanted = moment_of(origin, site_a);
  if (wanted >= site_a.duration)
    throw sim::InputError(origin.run, 0, 0, "the run is over before `" + origin.moment + "`",
                          fmt::format("it begins at {} UTC and lasts {}",
                                      scenarios::format_instant({site_a.start.unix_ns, 0}),
                                      clock_text(sim::to_seconds(site_a.duration))));
  bool control_changes = false;
  for (const auto& d : input_differences(a.resolved, b.resolved)) {
    control_changes = control_changes || d.path.starts_with("control");
    if (!may_branch(d.path))
      throw sim::InputError(
          "--set", 0, 0, "`" + d.path + "` cannot change in mid-run",
          "the site's state depends on it; `millwright compare` runs both from the "
          "start");
  }
  if (const auto why = why_not(site_a, site_b, wanted); !why.empty())
    throw sim::InputError("--set", 0, 0, "the run cannot be changed so in its middle: " + why,
                          "`millwright compare` runs both from the start");

  InterruptGuard interrupts;
  sim::ThreadPool pool(options.threads);
  models::SiteState state = models::initial_site(site_a);
  std::optional<models::SiteState> forked;
  {
    Progress progress("as it was", 0, site_a.duration, options.quiet);
    if (!finish(state, site_a, pool, wanted, progress)) return 1;
    forked = carried_over(state, site_b, control_changes);
    if (!finish(state, site_a, pool, site_a.duration, progress)) return 1;
  }
  const sim::Time parted = forked->now;
  {
    Progress progress("changed", parted, site_b.duration, options.quiet);
    if (!finish(*forked, site_b, pool, site_b.duration, progress)) return 1;
  }
  a.results.push_back(result_of(site_a, state));
  b.results.push_back(result_of(site_b, *forked));
  if (!hash_was.empty() && hash_was != a.results[0].trace_hash && !options.quiet)
    fmt::print(
        stderr,
        "millwright: told again, the run is not the one in {} (made by version {}): trace hash "
        "{} there, {} here\n",
        origin.run, file.text_attribute("/meta", "version"), hash_was, a.results[0].trace_hash);

  CasePair pair = pair_of(a, b);
  pair.waterfalls = totals(state, *forked, pair.waterfalls, sim::to_seconds(state.now),
                           sim::to_seconds(forked->now));
  if (options.shown.json == "-") {
    auto json = pair_json(pair);
    json["parted_s"] = sim::to_seconds(parted);
    fmt::print("{}\n", json.dump(1));
    return 0;
  }
  fmt::print("branch of {} at {}\n  A  {}\n  B  {}\n{}", origin.run,
             clock_text(sim::to_seconds(parted)), a.title, b.title,
             pair_text(pair, options.shown.show, options.shown.all));
  if (!options.shown.json.empty()) {
    auto json = pair_json(pair);
    json["parted_s"] = sim::to_seconds(parted);
    write_file(options.shown.json, json.dump(1) + "\n");
    fmt::print("\n  wrote    {}\n", options.shown.json);
  }
  return 0;
}

}  // namespace mw::analysis
