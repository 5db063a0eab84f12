#include "analysis/run.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "analysis/checkpoint.hpp"
#include "analysis/interrupt.hpp"
#include "analysis/progress.hpp"
#include "analysis/report.hpp"
#include "analysis/run_file.hpp"
#include "analysis/show.hpp"
#include "gpu/backend.hpp"
#include "gpu/space.hpp"
#include "models/site/power_groups.hpp"
#include "scenarios/build.hpp"
#include "sim/thread_pool.hpp"

namespace mw::analysis {
namespace {

std::string text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Notes in the run's file when the site goes above its limit and when it comes back.
class LimitWatch {
 public:
  LimitWatch(const models::SiteParameters& site, RunFile* file) : site_(site), file_(file) {}
  void look(const models::SiteEpoch& epoch) {
    if (!file_) return;
    const double limit = models::envelope_at(site_, epoch.start);
    for (std::size_t b = 0; b < epoch.meter_bins.size(); ++b) {
      const bool above = epoch.meter_bins[b] > limit;
      if (above == above_) continue;
      above_ = above;
      file_->event(epoch.start + static_cast<sim::Time>(b) * site_.sub_step,
                   above ? "breach" : "breach_over", "site",
                   fmt::format("{:.1f} kW at the meter, limit {:.1f} kW",
                               epoch.meter_bins[b] * 1e-3, limit * 1e-3));
    }
  }

 private:
  const models::SiteParameters& site_;
  RunFile* file_;
  bool above_ = false;
};

/// Notes in the run's file when racks cut their clocks for heat or switch off, and when they are
/// well again.
class HeatWatch {
 public:
  HeatWatch(const models::SiteParameters& site, RunFile* file) : site_(site), file_(file) {}
  void look(const models::SiteState& state) {
    seen_.resize(state.throttle.size(), well);
    for (std::size_t r = 0; r < seen_.size(); ++r) {
      const models::ThrottleState& chip = state.throttle[r];
      const Chip now = chip.off ? off : chip.ceiling < 1 ? slow : well;
      if (now == seen_[r]) continue;
      seen_[r] = now;
      const int rack = static_cast<int>(r);
      constexpr const char* kinds[] = {"throttle_over", "throttle", "thermal_shutdown"};
      const std::string degc = site_.plant.on() ? junction(state, rack) : "";
      file_->event(state.now, kinds[now], models::rack_name(site_, rack), degc);
    }
  }

 private:
  enum Chip { well, slow, off };
  std::string junction(const models::SiteState& state, int rack) const {
    const auto& racks = site_.plant.racks;
    const auto found = std::find(racks.begin(), racks.end(), rack);
    if (found == racks.end()) return "";
    return fmt::format("junctions at {:.1f} degC",
                       state.plant.junction[static_cast<std::size_t>(found - racks.begin())]);
  }
  const models::SiteParameters& site_;
  RunFile* file_;
  std::vector<Chip> seen_;
};

/// Notes events that begin or end; the site's clock stops at both moments.
void note_events(const models::SiteParameters& site, const models::SiteEpoch& epoch,
                 RunFile& file) {
  for (const auto& event : site.events) {
    const std::string kind = models::name_of(event.kind);
    if (event.at.ns == epoch.start) file.event(epoch.start, kind, "site", models::effect_of(event));
    if (models::end_of(event) == epoch.start) file.event(epoch.start, kind + "_over", "site", "");
  }
  for (const auto& note : epoch.notes) file.event(note.at, note.kind, note.object, note.detail);
}

/// Above the limit at the meter, or above what a node of the electrical tree may deliver.
bool limit_violated(const models::SiteState& state) {
  return state.totals.above_limit > 0 ||
         std::any_of(state.feeds.begin(), state.feeds.end(),
                     [](const models::FeedNodeState& node) { return node.overloaded > 0; });
}

}  // namespace

int run(const RunOptions& options) {
  const scenarios::Catalog catalog;
  const auto document =
      scenarios::read_document<scenarios::Scenario>(options.scenario, {options.sets}, catalog);
  const std::string resolved = scenarios::write_resolved(document.value);
  const auto base = std::filesystem::path(options.scenario).parent_path();
  const models::SiteParameters site = scenarios::build_site(document, base);

  if (!options.quiet)
    for (const auto& line : input_notes(site)) fmt::print(stderr, "millwright: {}\n", line);

  models::SiteState state = options.resume.empty()
                                ? models::initial_site(site)
                                : read_checkpoint(options.resume, resolved, site);
  const sim::Time from = state.now;
  models::SiteEpoch epoch;
  if (gpu::choose(options.backend) == gpu::Backend::cuda) {
    std::string notice;
    try {
      notice = models::use_device(epoch, site, gpu::cuda_space(),
                                  options.backend != gpu::Wanted::automatic);
    } catch (const std::runtime_error& failed) {  // full, or in another's hands
      if (options.backend != gpu::Wanted::automatic) throw;
      notice = fmt::format("{}; pods advance on the processor", failed.what());
    }
    if (!options.quiet) fmt::print(stderr, "millwright: {}\n", notice);
  }
  const gpu::Backend backend = epoch.device ? gpu::Backend::cuda : gpu::Backend::cpu;

  const SamplePlan plan = plan_samples(site, document.value.output);
  if (!plan.raised.empty() && !options.quiet && !options.no_output)
    fmt::print(stderr, "millwright: to keep the file small, series are sampled at: {}\n",
               plan.raised);
  const std::string path = options.output.empty() ? site.name + ".h5" : options.output;
  std::optional<RunFile> file;
  if (!options.no_output)
    file.emplace(path, site,
                 RunMeta{version, gpu::enum_names(backend)[static_cast<std::size_t>(backend)],
                         text_of_file(options.scenario), resolved, from},
                 plan, document.value.output.requests);

  sim::ThreadPool pool(options.threads);
  Progress progress(site.name, from, site.duration, options.quiet);
  InterruptGuard interrupts;
  LimitWatch watch(site, file ? &*file : nullptr);
  HeatWatch heat(site, file ? &*file : nullptr);
  const auto clock = std::chrono::steady_clock::now();
  const sim::Time every = sim::from_seconds(options.checkpoint_every_s);
  sim::Time next_checkpoint = from + every;

  while (state.now < site.duration && !InterruptGuard::requested()) {
    models::step_epoch(state, site, pool, epoch);
    if (file) {
      file->add(epoch, state);
      note_events(site, epoch, *file);
      heat.look(state);
    }
    watch.look(epoch);
    if (!epoch.notice.empty() && !options.quiet)
      fmt::print(stderr, "millwright: {}\n", epoch.notice);
    epoch.notice.clear();
    progress.at(state.now);
    if (!options.checkpoint.empty() && state.now >= next_checkpoint) {
      models::fetch_pods(state, epoch);
      write_checkpoint(options.checkpoint, resolved, site, state);
      next_checkpoint = state.now + every;
    }
  }
  const bool complete = state.now >= site.duration;
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - clock;
  models::fetch_pods(state, epoch);
  if (!options.checkpoint.empty()) write_checkpoint(options.checkpoint, resolved, site, state);
  if (file) file->finish(state, complete);
  file.reset();

  if (epoch.controller && !epoch.controller->failure().empty())
    fmt::print(stderr, "millwright: the controller {}; its last limits held from then on\n",
               epoch.controller->failure());

  const RunReport report{site,         state, complete,
                         wall.count(), from,  options.no_output ? std::string() : path};
  fmt::print("{}", options.json ? json_report(report) : console_report(report));
  if (!complete) return 1;
  return options.strict && limit_violated(state) ? 3 : 0;
}

}  // namespace mw::analysis
