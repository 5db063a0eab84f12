// The `run` command from end to end: exit codes, the run's file, reports, checkpoints.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "analysis/checkpoint.hpp"
#include "analysis/command.hpp"
#include "analysis/report.hpp"
#include "analysis/run_file.hpp"
#include "models/site/epoch.hpp"
#include "scenarios/build.hpp"
#include "sim/io/hdf5.hpp"

using namespace mw;
using test::millwright;
using test::Said;
using test::small_run;

namespace {

double value(const nlohmann::json& report, const char* name) {
  return report.at("summary").at(name).at("value").get<double>();
}
double sum(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0);
}

/// What small_run() reads, for tests that step the site themselves.
struct Small {
  scenarios::Document<scenarios::Scenario> document;
  std::string resolved;
  models::SiteParameters site;

  explicit Small(std::vector<std::string> more = {}) {
    std::vector<std::string> sets;
    const auto words = small_run(std::move(more));
    for (std::size_t i = 0; i < words.size(); ++i)
      if (words[i] == "--set") sets.push_back(words[i + 1]);
    document = scenarios::read_document<scenarios::Scenario>(test::quickstart, {sets},
                                                             scenarios::Catalog());
    resolved = scenarios::write_resolved(document.value);
    site = scenarios::build_site(document, ".");
  }
  models::SiteState run_until(sim::Time until) const {
    models::SiteState state = models::initial_site(site);
    sim::ThreadPool pool(2);
    models::SiteEpoch epoch;
    while (state.now < until) models::step_epoch(state, site, pool, epoch);
    return state;
  }
};

}  // namespace

TEST_CASE("A limit that is violated is exit code 3 under --strict, and an event in the file") {
  const test::Scratch scratch;
  const std::string file = (scratch / "r.h5").string();
  const std::vector<std::string> none = {
      "--json", "-o", file, "--set", "site.envelope=150 kW", "--set", "control.power.policy=none"};
  const Said lax = millwright(small_run(none));
  CHECK(lax.code == 0);
  CHECK(value(lax.json(), "time_above_limit") > 0);
  CHECK(value(lax.json(), "peak_power_mw") ==
        doctest::Approx(0.150 + 1e-3 * value(lax.json(), "highest_excess_kw")));
  const sim::h5::Reader reader(file);
  REQUIRE(!reader.texts("/events/kind").empty());
  CHECK(reader.texts("/events/kind")[0] == "breach");
  CHECK(reader.texts("/events/object")[0] == "site");

  auto strict = none;
  strict.insert(strict.end(), {"--strict"});
  CHECK(millwright(small_run(strict)).code == 3);
}

TEST_CASE("Under control the same site keeps its envelope, at a cost in tokens or latency") {
  const std::vector<std::string> free = {"--json", "--no-output", "--set",
                                         "control.power.policy=none"};
  const Said loose = millwright(small_run(free));
  const double peak = value(loose.json(), "peak_power_mw");
  const double envelope = 0.93 * peak;
  auto held = free;
  held.back() = "control.power.policy=uniform";
  held.insert(held.end(), {"--set", "site.envelope=" + std::to_string(envelope) + " MW"});
  const Small small({held.begin() + 2, held.end()});
  models::SiteState state = models::initial_site(small.site);
  sim::ThreadPool pool(2);
  models::SiteEpoch epoch;
  while (state.now < small.site.duration) {
    models::step_epoch(state, small.site, pool, epoch);
    if (epoch.start < 2 * sim::second) continue;  // the first decision, and its effect
    for (const double watts : epoch.meter_bins) CHECK(watts <= envelope * 1e6);
  }
  CHECK(state.counts[0].capped_iterations > 0);
  const auto m = models::site_metrics(small.site, state);
  const auto s = models::service_metrics(small.site, state, 0);
  const auto free_service = loose.json().at("services").at("chat");
  CHECK(models::value_of(m, "energy_mwh") < value(loose.json(), "energy_mwh"));
  const bool fewer_tokens =
      models::value_of(m, "tokens_out_per_s") < value(loose.json(), "tokens_out_per_s");
  const bool later = models::value_of(s, "tpot_p50") > free_service.at("tpot_p50").at("value");
  CHECK((fewer_tokens || later));
}

TEST_CASE("The run's file says what the report says, in rows of the periods asked for") {
  const test::Scratch scratch;
  const std::string file = (scratch / "r.h5").string();
  const Said said = millwright(small_run({"--json", "-o", file, "--set", "output.requests=true"}));
  REQUIRE(said.code == 0);
  const auto report = said.json();
  const sim::h5::Reader r(file);

  CHECK(r.number_attribute("/meta", "complete") == 1);
  CHECK(r.text_attribute("/meta", "trace_hash") == report.at("trace_hash"));
  CHECK(r.text_attribute("/site/time", "units") == "seconds since 2026-07-15T22:00:00Z");
  CHECK(r.text_attribute("/site/meter_power", "units") == "W");
  const auto time = r.numbers("/site/time");
  REQUIRE(time.size() == 20);
  for (std::size_t i = 0; i < time.size(); ++i) CHECK(time[i] == static_cast<double>(i + 1));
  CHECK(r.numbers("/racks/time") == std::vector<double>{5, 10, 15, 20});
  CHECK(r.shape("/racks/power") == std::vector<std::uint64_t>{4, 3});
  CHECK(r.texts("/racks/rack") == std::vector<std::string>{"a-0", "a-1", "network-0"});
  CHECK(r.shape("/services/latency") == std::vector<std::uint64_t>{1, 5, 10});

  // Power by purpose sums to the meter, row by row, and the rows' energy to the ledger.
  const auto meter = r.numbers("/site/meter_power");
  const auto purpose = r.numbers("/site/purpose_power");
  const std::size_t kinds = models::purposes;
  REQUIRE(purpose.size() == 20 * kinds);
  for (std::size_t i = 0; i < 20; ++i) {
    const double row =
        std::accumulate(purpose.begin() + static_cast<std::ptrdiff_t>(i * kinds),
                        purpose.begin() + static_cast<std::ptrdiff_t>((i + 1) * kinds), 0.0);
    CHECK(row == doctest::Approx(meter[i]).epsilon(1e-12));
  }
  CHECK(sum(r.numbers("/ledger/energy")) == doctest::Approx(sum(meter)).epsilon(1e-9));
  CHECK(value(report, "energy_mwh") * 3.6e9 == doctest::Approx(sum(meter)).epsilon(1e-9));
  const auto it = r.numbers("/site/it_power"), racks = r.numbers("/racks/power");
  CHECK(sum(racks) * 5 == doctest::Approx(sum(it)).epsilon(1e-6));  // racks are 32-bit numbers
  CHECK(sum(r.numbers("/site/tokens_out_rate")) / 20 ==
        doctest::Approx(value(report, "tokens_out_per_s")).epsilon(1e-12));
  CHECK(sum(r.numbers("/services/tokens_out_rate")) / 20 ==
        doctest::Approx(value(report, "tokens_out_per_s")).epsilon(1e-12));
  CHECK(r.numbers("/summary/pue")[0] == value(report, "pue"));
  CHECK(r.numbers("/summary/chat/ttft_p50")[0] ==
        report.at("services").at("chat").at("ttft_p50").at("value").get<double>());
  double outcomes = 0;
  for (const auto n : r.integers("/ledger/output_tokens")) outcomes += static_cast<double>(n);
  double told = 0;
  for (const auto& n : report.at("ledger").at("output_tokens")) told += n.get<double>();
  CHECK(outcomes == told);

  const auto e2e = r.numbers("/requests/e2e"), ttft = r.numbers("/requests/ttft");
  const auto queue = r.numbers("/requests/queue"), arrival = r.numbers("/requests/arrival");
  const double completed =
      report.at("services").at("chat").at("completed_per_s").at("value").get<double>() * 20;
  CHECK(static_cast<double>(e2e.size()) == doctest::Approx(completed));
  REQUIRE(e2e.size() > 100);
  for (std::size_t i = 0; i < e2e.size(); ++i) {
    CHECK(queue[i] >= 0);
    CHECK(ttft[i] > queue[i]);
    CHECK(e2e[i] >= ttft[i]);
    CHECK(arrival[i] + e2e[i] <= 20);
  }
  CHECK(r.texts("/meta/scenario_resolved")[0].find("millwright: 1") != std::string::npos);

  // Others read it without us, with times decoded.
  const std::string python =
      "/usr/bin/python3 -c \"import sys, xarray; "
      "d = xarray.open_dataset(sys.argv[1], group='site', engine='h5netcdf'); "
      "print(str(d.time.values[0])[:19], d.sizes['time'], d.meter_power.attrs['units'])\" " +
      file;
  if (std::system("/usr/bin/python3 -c 'import xarray, h5netcdf' 2>/dev/null") != 0) {
    MESSAGE("SKIPPED: /usr/bin/python3 has no xarray with h5netcdf");
    return;
  }
  FILE* pipe = ::popen(python.c_str(), "r");
  REQUIRE(pipe);
  char line[200] = "";
  CHECK(std::fgets(line, sizeof line, pipe));
  ::pclose(pipe);
  CHECK(std::string(line) == "2026-07-15T22:00:01 20 W\n");
}

TEST_CASE("Reports: one screen for people; JSON whose every figure is a number or null") {
  const Said people = millwright(small_run({"--no-output"}));
  CHECK(people.code == 0);
  CHECK(std::count(people.out.begin(), people.out.end(), '\n') <= 24);
  for (const char* part : {"tokens/s/MW consumed", "J/token at the meter", "USD/Mtok",
                           "TTFT p50/p99", "joules", "decode", "in flight"})
    CHECK_MESSAGE(people.out.find(part) != std::string::npos, part);
  CHECK(people.out.find("nan") == std::string::npos);

  // Nobody asks for anything: no tokens, so no energy per token.
  const Said idle = millwright({"run", test::quickstart, "-q", "--json", "--no-output", "--set",
                                "duration=2 s", "--set", "racks[a].count=1", "--set",
                                "inference[chat].traffic={lengths: {prompt: {fixed: 9}, output: "
                                "{fixed: 9}}, arrivals: {rate: 0.000001 1/s}}"});
  REQUIRE_MESSAGE(idle.code == 0, idle.err);
  const auto j = idle.json();
  CHECK(j.at("summary").at("j_per_token").at("value").is_null());
  CHECK(j.at("services").at("chat").at("ttft_p50").at("value").is_null());
  for (const auto& figures : {j.at("summary"), j.at("services").at("chat")})
    for (const auto& [name, figure] : figures.items()) {
      CHECK_MESSAGE((figure.at("value").is_null() || figure.at("value").is_number()), name);
      CHECK_MESSAGE(!figure.at("unit").get<std::string>().empty(), name);
    }
  CHECK(value(j, "pue") > 1);
}

TEST_CASE("A resumed run ends where the straight one does, and its file can be read") {
  const test::Scratch scratch;
  const std::string file = (scratch / "resumed.h5").string(), kept = (scratch / "c").string();
  const Small small;
  const models::SiteState half = small.run_until(9 * sim::second);
  analysis::write_checkpoint(kept, small.resolved, small.site, half);
  auto straight = millwright(small_run({"--json", "--no-output"})).json();
  const Said said = millwright(small_run({"--json", "-o", file, "--resume", kept}));
  REQUIRE_MESSAGE(said.code == 0, said.err);
  auto resumed = said.json();
  for (auto* report : {&straight, &resumed}) {
    report->erase("wall_s");
    report->erase("file");
  }
  CHECK(resumed == straight);
  const sim::h5::Reader r(file);
  CHECK(r.number_attribute("/meta", "complete") == 1);
  CHECK(r.numbers("/site/time").front() == 10);
  CHECK(r.numbers("/site/time").size() == 11);
  CHECK(r.numbers("/racks/time") == std::vector<double>{10, 15, 20});
  CHECK(r.numbers("/summary/j_per_token")[0] == value(straight, "j_per_token"));
}

TEST_CASE("Checkpoints: --checkpoint keeps one; what cannot be resumed from is bad input") {
  const test::Scratch scratch;
  const std::string kept = (scratch / "c").string();
  const auto resume = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--no-output", "--json", "--resume", kept});
    return millwright(small_run(more));
  };
  const Said first = millwright(
      small_run({"--no-output", "--json", "--checkpoint", kept, "--checkpoint-every", "3"}));
  REQUIRE(first.code == 0);
  CHECK_FALSE(std::filesystem::exists(kept + ".part"));
  const Said again = resume({});
  CHECK(again.code == 0);
  CHECK(again.json().at("trace_hash") == first.json().at("trace_hash"));

  const auto refused = [](const Said& said, const char* why) {
    CHECK(said.code == 2);
    CHECK_MESSAGE(said.err.find(why) != std::string::npos, said.err);
  };
  refused(resume({"--set", "seed=8"}), "is of another scenario");
  std::string bytes;
  {
    std::ifstream in(kept, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto write = [&](const std::string& text) {
    std::ofstream(kept, std::ios::binary) << text;
  };
  write(bytes.substr(0, bytes.size() / 2));
  refused(resume({}), "truncated");
  auto flipped = bytes;
  flipped[bytes.size() / 2] = static_cast<char>(flipped[bytes.size() / 2] ^ 4);
  write(flipped);
  refused(resume({}), "checksum");
  write("");
  refused(resume({}), "shorter than its header");
  std::filesystem::remove(kept);
  refused(resume({}), "cannot be opened");
  CHECK(millwright(small_run({"--no-output", "--checkpoint", (scratch / "no/c").string()})).code ==
        1);
}

TEST_CASE("A checkpoint into a trace that has changed is refused") {
  const test::Scratch scratch;
  const std::string trace = (scratch / "t.csv").string(), kept = (scratch / "c").string();
  const auto write = [&](const char* rows) {
    std::ofstream(trace) << "arrival_s,prompt_tokens,output_tokens\n" << rows;
  };
  const auto run = [&](const char* option) {
    return millwright({"run", test::quickstart, "-q", "--no-output", "--set", "duration=3 s",
                       "--set", "racks[a].count=1", "--set",
                       "inference[chat].traffic={trace: " + trace + "}", option, kept});
  };
  write("0.5,100,20\n1,50,10\n2,70,10\n");
  const Said said = run("--checkpoint");
  REQUIRE_MESSAGE(said.code == 0, said.err);
  CHECK(run("--resume").code == 0);
  write("0.5,100,20\n1,50,11\n");
  const Said changed = run("--resume");
  CHECK(changed.code == 2);
  CHECK(changed.err.find("a trace has changed since the checkpoint") != std::string::npos);
}

TEST_CASE(
    "Series that would make a large file are sampled less often, in whole multiples, and said so") {
  Small small;
  models::SiteParameters& site = small.site;
  const auto& output = small.document.value.output;
  CHECK(analysis::plan_samples(site, output).raised.empty());
  site.duration = 10 * 365 * 86400 * sim::second;
  const auto plan = analysis::plan_samples(site, output);
  CHECK(plan.site_period > output.site_period.ns);
  CHECK(plan.site_period % output.site_period.ns == 0);
  CHECK(plan.rack_period % output.rack_period.ns == 0);
  CHECK(plan.raised.find("site every ") != std::string::npos);
  // 35 columns and 11 purposes of 8 bytes, less than a thousand bytes a row.
  CHECK(sim::to_seconds(site.duration) / sim::to_seconds(plan.site_period) * 300 < 100e6);
  CHECK(sim::to_seconds(site.duration) / sim::to_seconds(plan.rack_period) * 3 * 3 * 4 <= 100e6);
}

// A group is a rack here: what its GPUs draw is what the rack's do.
TEST_CASE("What resource groups may, want and draw is in the file if it is asked for") {
  const test::Scratch scratch;
  const std::string file = (scratch / "r.h5").string();
  const Said said = millwright(
      small_run({"-o", file, "--set", "output.group_period=5 s", "--set",
                 "control.power.policy=steering", "--set", "control.power.interval=1 s"}));
  REQUIRE_MESSAGE(said.code == 0, said.err);
  const sim::h5::Reader r(file);
  CHECK(r.numbers("/groups/time") == std::vector<double>{5, 10, 15, 20});
  const auto gpus = r.integers("/groups/gpus");
  const auto limit = r.numbers("/groups/limit_power"), demand = r.numbers("/groups/demand_power"),
             draw = r.numbers("/groups/gpu_power"), racks = r.numbers("/racks/gpu_power");
  REQUIRE(draw.size() == 4 * gpus.size());
  REQUIRE(limit.size() == draw.size());
  REQUIRE(demand.size() == draw.size());
  CHECK(sum(draw) == doctest::Approx(sum(racks)));
  for (std::size_t i = 0; i < draw.size(); ++i) {
    CHECK(limit[i] > 0);
    CHECK(demand[i] > 0);
    CHECK(draw[i] > 0);
  }
}

TEST_CASE("An output that cannot be written fails with a message, not a crash") {
  const Said said = millwright(small_run({"-o", "/nowhere/at/all.h5"}));
  CHECK(said.code == 1);
  CHECK(said.err.find("/nowhere/at/") != std::string::npos);
}
