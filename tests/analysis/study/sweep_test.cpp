// `millwright sweep` from end to end, over the plant alone (no services: a point takes
// milliseconds).
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <thread>

#include "analysis/command.hpp"
#include "analysis/study/design.hpp"
#include "analysis/study/point.hpp"
#include "analysis/study/store.hpp"
#include "sim/io/hdf5.hpp"

using namespace mw;
using test::millwright;

namespace {

const std::string base = MILLWRIGHT_SOURCE_DIR "/scenarios/coolant-sweep.yaml";

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A folder with a study in it.
struct Bench {
  test::Scratch folder;
  std::string study = (folder / "s.yaml").string(), out = (folder / "s.h5").string();
  explicit Bench(const std::string& rest) { write(rest); }
  void write(const std::string& rest) const {
    std::ofstream(study) << "name: s\nbase: " << base << "\nset: ['duration=30 day']\n" << rest;
  }
  test::Said sweep(std::vector<std::string> words = {}) const {
    std::vector<std::string> all = {"sweep"};
    if (!words.empty() && (words[0] == "run" || words[0] == "merge" || words[0] == "plan")) {
      all.push_back(words[0]);
      words.erase(words.begin());
    }
    all.insert(all.end(), {study, "-o", out, "-q"});
    all.insert(all.end(), words.begin(), words.end());
    return millwright(all);
  }
  analysis::StudyFile read() const { return analysis::read_study(study, {}); }
};

const std::string two_factors =
    "factors:\n"
    "  - {name: supply, path: site.cooling.supply, from: 25 degC, to: 45 degC, steps: 3}\n"
    "  - {name: place, path: site.climate.weather, values: [phoenix, stockholm]}\n"
    "metrics: [{name: overhead, value: pue - 1}]\n"
    "constraints: [supply >= 30]\n";

}  // namespace

TEST_CASE("A point of a sweep is the run with these values; a second call runs nothing") {
  const Bench b(two_factors);
  const auto said = b.sweep();
  CHECK_MESSAGE(said.code == 0, said.err);
  CHECK(said.out.find("6 points, 6 run now") != std::string::npos);
  const sim::h5::Reader file(b.out);
  CHECK(file.numbers("/points/supply") == std::vector<double>{25, 25, 35, 35, 45, 45});
  CHECK(file.texts("/points/place")[1] == "stockholm");
  CHECK(file.text_attribute("/points/supply", "units") == "degC");
  CHECK(file.integers("/points/feasible") == std::vector<std::int64_t>{0, 0, 1, 1, 1, 1});
  const auto run =
      millwright({"run", base, "--json", "--no-output", "-q", "--set", "duration=30 day", "--set",
                  "site.cooling.supply=35 degC", "--set", "site.climate.weather=stockholm"})
          .json();
  const double pue = run["summary"]["pue"]["value"];
  CHECK(file.numbers("/points/pue")[3] == pue);
  CHECK(file.numbers("/points/overhead")[3] == pue - 1);
  CHECK(file.texts("/points/trace_hash")[3] == run["trace_hash"].get<std::string>());
  CHECK(b.sweep().out.find("6 points, 0 run now") != std::string::npos);
  b.write(two_factors + "replicates: 2\n");
  CHECK(b.sweep().out.find("12 points, 6 run now") != std::string::npos);
}

TEST_CASE("Shards, merged, are the whole sweep byte for byte, for any number of threads") {
  const Bench whole(two_factors), parts(two_factors);
  CHECK(whole.sweep({"--no-timing", "-t1"}).code == 0);
  CHECK(parts.sweep({"run", "--shard", "1/3", "-t2"}).code == 0);
  CHECK(parts.sweep({"run", "--shard", "3/3"}).code == 0);
  const auto early = parts.sweep({"merge", "--check-complete"});
  CHECK(early.code == 1);
  CHECK(early.err.find("2 of 6") != std::string::npos);
  CHECK(!std::filesystem::exists(parts.out));
  CHECK(parts.sweep({"run", "--shard", "2/3"}).code == 0);
  CHECK(parts.sweep({"merge", "--check-complete", "--no-timing"}).code == 0);
  CHECK((text_of(whole.out) == text_of(parts.out)));
}

TEST_CASE("Points with services are the same side by side and one after another") {
  const std::string rest =
      "factors: [{name: scale, path: 'inference[chat].traffic.scale', values: [20, 40, 60, 80]}]\n";
  const Bench one(rest), two(rest);
  for (const Bench* b : {&one, &two})
    std::ofstream(b->study) << "name: s\nbase: " << test::quickstart
                            << "\nset: ['duration=20 s', 'racks[a].count=2']\n"
                            << rest;
  CHECK(one.sweep({"--no-timing", "-t1"}).code == 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // no file holds its second
  CHECK(two.sweep({"--no-timing", "-t3"}).code == 0);
  const sim::h5::Reader file(one.out);
  CHECK(file.texts("/points/state") == std::vector<std::string>(4, "done"));
  CHECK((text_of(one.out) == text_of(two.out)));
}

TEST_CASE("Lines that are cut short or damaged are passed over and run again, the others kept") {
  const Bench b(two_factors);
  REQUIRE(b.sweep({"run"}).code == 0);
  const auto log = b.folder / "s.points" / "all.jsonl";
  std::string text = text_of(log);
  text.resize(text.size() - 40);            // a kill within the last line
  text[text.find("\"values\"") + 12] ^= 1;  // and a flipped bit in the first result
  std::ofstream(log, std::ios::binary | std::ios::trunc) << text;
  CHECK(analysis::read_store(b.folder / "s.points").damaged.size() == 2);
  CHECK(b.sweep({"run"}).out.find("6 points, 2 run now") != std::string::npos);
  CHECK(b.sweep({"merge", "--check-complete"}).code == 0);
}

TEST_CASE("SIGKILL loses nothing that was finished") {
  const Bench b(
      "factors: [{name: supply, path: site.cooling.supply, from: 20 degC, to: 45 degC, steps: "
      "60}]\n");
  std::size_t kept = 0;
  for (const int ms : {150, 300, 450}) {
    const pid_t child = ::fork();
    if (child == 0) {
      const std::string program = MILLWRIGHT_BINARY_DIR "/bin/millwright";
      ::execl(program.c_str(), "millwright", "sweep", "run", b.study.c_str(), "-o", b.out.c_str(),
              "-q", "-t1", nullptr);
      ::_exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto store = analysis::read_store(b.folder / "s.points");
    CHECK(store.results.size() >= kept);
    CHECK(store.damaged.size() <= 3);
    kept = store.results.size();
  }
}

TEST_CASE("A full disk ends the sweep with exit code 1 and keeps what was written") {
  const Bench b(two_factors);
  std::filesystem::create_directories(b.folder / "s.points");
  std::filesystem::create_symlink("/dev/full", b.folder / "s.points" / "all.jsonl");
  const auto said = b.sweep({"run"});
  CHECK(said.code == 1);
  CHECK(said.err.find("make room") != std::string::npos);
}

TEST_CASE("A study that cannot be says where and what to do") {
  const std::pair<const char*, const char*> wrong[] = {
      {"factors: [{name: a, path: site.cooling.suply, values: [30 degC]}]\n", "suply"},
      {"factors: [{name: a, path: site.cooling.supply, values: [30 degC, 30 kW]}]\n", "kW"},
      {"factors: [{name: a, path: x}]\n", "has no levels"},
      {"factors: [{name: a, path: x, from: 1, to: 2}]\n", "without steps"},
      {"factors: [{name: a, path: x, from: 1 m, to: 2 s, steps: 2}]\n", "another unit"},
      {"factors: [{name: a, path: x, values: [1], when: 'b == 1'}]\n", "not a factor"},
      {"constraints: ['pue <']\n", "the end"},
      {"design: {kind: sobol}\n", "factors"},
      {"factors: [{name: a, path: seed, values: [1]}]\ndesign: {kind: table, table: no.csv}\n",
       "no file"}};
  for (const auto& [rest, part] : wrong) {
    CAPTURE(rest);
    const auto said = Bench(rest).sweep();
    CHECK(said.code == 2);
    CHECK(said.err.find("s.yaml:") != std::string::npos);
    CHECK_MESSAGE(said.err.find(part) != std::string::npos, said.err);
    CHECK(said.err.find("; ") != std::string::npos);
  }
  const auto unknown = Bench("constraints: [no_such < 1]\n").sweep();
  CHECK(unknown.code == 2);
  CHECK(unknown.err.find("no_such") != std::string::npos);
}

TEST_CASE("A combination that does not fit is a failed point, and the others run") {
  const Bench b(
      "factors:\n"
      "  - {name: count, path: 'racks[a].count', values: [22, 2]}\n"
      "  - {name: step, path: site.physics_step, values: [1 h]}\n"
      "  - {name: dynamics, path: site.cooling.dynamics, values: ['off', 'on'], when: count == "
      "2}\n");
  const auto said = b.sweep();
  CHECK_MESSAGE(said.code == 0, said.err);
  const sim::h5::Reader file(b.out);
  CHECK(file.texts("/points/state") == std::vector<std::string>{"done", "done", "failed"});
  CHECK(file.texts("/points/error")[2].find("plant in time") != std::string::npos);
}

TEST_CASE("Designs: one at a time, conditions, tables, whole numbers") {
  const Bench one(two_factors + "design: {kind: one_at_a_time}\n");
  CHECK(analysis::make_design(one.read()).size() == 1 + 2 + 1);
  const Bench drawn(
      "factors: [{name: n, path: seed, from: 1, to: 4, whole: true}]\n"
      "design: {kind: latin_hypercube, points: 8}\n");
  CHECK(analysis::make_design(drawn.read()).size() == 4);  // each twice, and equal ones once
  const Bench table(
      "factors: [{name: s, path: site.cooling.supply}]\ndesign: {kind: table, table: t.csv}\n");
  std::ofstream(table.folder / "t.csv") << "s\n30 degC\n\"35 degC\"\n";
  const auto points = analysis::make_design(table.read());
  REQUIRE(points.size() == 2);
  CHECK(points[1].levels[0].text == "35 degC");
  const Bench logs(
      "factors: [{name: x, path: x, from: 1 kW, to: 100 kW, steps: 3, spacing: log}]\n");
  CHECK(analysis::levels_of(logs.read(), 0)[1].text == "10 kW");
}
