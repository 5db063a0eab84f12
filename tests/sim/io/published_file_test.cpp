#include "sim/io/published_file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "sim/input_error.hpp"
#include "sim/random.hpp"
#include "support/scratch.hpp"

using namespace mw::sim;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t start_ns = 1'784'098'800'000'000'000;  // 2026-07-15T07:00:00Z

/// A small run file whose values follow from the row, so that a reader can check every one.
struct Writer {
  h5::PublishedFile file;
  h5::Table* series = nullptr;
  h5::Table* events = nullptr;
  h5::Column<double> power{};
  h5::Column<float> rack_power{};
  h5::Column<std::int64_t> count{};
  h5::Column<double> event_time{};
  h5::Column<std::string> detail{};
  std::int64_t row = 0;

  explicit Writer(const fs::path& target, std::int64_t run = 0, h5::Pace pace = {})
      : file(target, pace) {
    file.meta().attribute("run", run);
    file.root().attribute("Conventions", "CF-1.10");
    const h5::Group site = file.root().group("site");
    const auto rack =
        site.dimension("rack", std::vector<std::string>{"a", "ä/2", ""}, {"", "Rack"});
    const auto quantile =
        site.dimension("quantile", std::vector<double>{0.5, 0.99}, {"1", "Quantile"});
    site.dataset<double>("latency", {"s", "Latency"}, {rack, quantile});
    series = &file.table(site, "time", h5::utc_seconds_since(start_ns, "End of the interval"));
    power = series->column<double>("power", {"W", "Power at the meter"});
    rack_power = series->column<float>("rack_power", {"W", "Rack power"}, {rack});
    count = series->column<std::int64_t>("count", {"1", "Rows before"});
    events = &file.table(file.root().group("events"), "event");
    event_time = events->column<double>("time", h5::utc_seconds_since(start_ns, "Moment"));
    detail = events->column<std::string>("detail", {"1", "What happened"});
  }
  void write_row() {
    series->put(series->coordinate(), static_cast<double>(row + 1));
    series->put(power, static_cast<double>(row));
    const float base = static_cast<float>(10 * row);
    const float racks[] = {base, base + 1, base + 2};
    series->put(rack_power, std::span<const float>(racks));
    series->put(count, row);
    series->end_row();
    if (row % 7 == 0) {
      events->put(event_time, static_cast<double>(row));
      events->put(detail, "Ereignis " + std::to_string(row / 7) + " °C");
      events->end_row();
    }
    ++row;
  }
};

/// What open_files.py says of these files; empty where Python lacks the packages.
std::vector<nlohmann::json> opened_by_xarray(const std::vector<fs::path>& files) {
  if (std::system("/usr/bin/python3 -c 'import xarray, h5netcdf, netCDF4' >/dev/null 2>&1") != 0) {
    MESSAGE(
        "SKIPPED: install python3-xarray python3-h5netcdf python3-netcdf4 to open the files as "
        "others do");
    return {};
  }
  std::string command = "/usr/bin/python3 " MILLWRIGHT_SOURCE_DIR "/tests/sim/io/open_files.py";
  for (const fs::path& file : files) command += " '" + file.string() + "'";
  // The sanitizers' libraries are none of Python's business.
  std::FILE* pipe = ::popen(("LD_PRELOAD= " + command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  CHECK_MESSAGE(::pclose(pipe) == 0, text);
  std::vector<nlohmann::json> answers;
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != text.npos; at = end + 1)
    answers.push_back(nlohmann::json::parse(text.substr(at, end - at), nullptr, false));
  return answers;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// Runs `body` in a child process; its exit status. HDF5 keeps no threads, so forking is safe.
int status_of(const std::function<int()>& body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("what is written is read back, and a finished file stands alone and complete") {
  const mw::test::Scratch folder;
  const fs::path target = folder / "run.h5";
  constexpr std::int64_t rows = 10'000;  // several blocks and chunks
  {
    Writer writer(target);
    for (std::int64_t i = 0; i < rows; ++i) {
      writer.write_row();
      if (i % 3'333 == 5) writer.file.publish();
    }
    CHECK(h5::Reader(target).number_attribute("/meta", "complete") == 0);
    writer.file.finish();
  }
  CHECK(names_in(folder.path()) == std::vector<std::string>{"run.h5"});
  const h5::Reader reader(target);
  CHECK(reader.number_attribute("/meta", "complete") == 1);
  CHECK(reader.text_attribute("/", "Conventions") == "CF-1.10");
  CHECK(reader.text_attribute("/site/time", "units") == "seconds since 2026-07-15T07:00:00Z");
  CHECK(reader.shape("/site/rack_power") == std::vector<std::uint64_t>{rows, 3});
  CHECK(reader.texts("/site/rack") == std::vector<std::string>{"a", "ä/2", ""});
  CHECK(reader.names("/events") == std::vector<std::string>{"event", "time", "detail"});
  CHECK(reader.has("/site/power"));
  CHECK_FALSE(reader.has("/nowhere/power"));
  // Sums of arithmetic series: 0 + 1 + ... + (n - 1) = n (n - 1) / 2.
  double sum = 0;
  for (const double w : reader.numbers("/site/power")) sum += w;
  CHECK(sum == rows * (rows - 1) / 2);
  std::int64_t counts = 0;
  for (const std::int64_t n : reader.integers("/site/count")) counts += n;
  CHECK(counts == rows * (rows - 1) / 2);
  CHECK(reader.texts("/events/detail").back() ==
        "Ereignis " + std::to_string((rows - 1) / 7) + " °C");
  // Regular numbers compress: far below 8 + 8 + 12 + 8 bytes a row.
  CHECK(fs::file_size(target) < 36 * rows);

  const auto answers = opened_by_xarray({target});
  if (answers.empty()) return;
  const auto& seen = answers.at(0);
  CHECK(seen["complete"] == 1);
  CHECK(seen["rows"] == rows);
  CHECK(seen["monotone"] == true);
  CHECK(seen["decoded"] == "datetime64[ns]");
  CHECK(seen["first"] == "2026-07-15T07:00:01.000000000");
  CHECK(seen["units"] == "W");
  CHECK(seen["long_name"] == "Power at the meter");
  CHECK(seen["dims"] == nlohmann::json({"time", "rack"}));
  CHECK(seen["racks"] == nlohmann::json({"a", "ä/2", ""}));
  CHECK(seen["values"] == true);
  CHECK(seen["events"] == (rows + 6) / 7);
  CHECK(seen["event_texts"] == true);
  CHECK(seen["unwritten_is_nan"] == true);
}

TEST_CASE("the contents do not depend on when snapshots were made") {
  const mw::test::Scratch folder;
  for (const bool often : {false, true}) {
    Writer writer(folder / (often ? "often.h5" : "once.h5"));
    for (int i = 0; i < 600; ++i) {
      writer.write_row();
      if (often && i % 50 == 17) writer.file.publish();
    }
    writer.file.finish();
  }
  const h5::Reader once(folder / "once.h5"), often(folder / "often.h5");
  for (const char* name : {"/site/time", "/site/power", "/site/rack_power", "/events/time"})
    CHECK(once.numbers(name) == often.numbers(name));
  CHECK(once.texts("/events/detail") == often.texts("/events/detail"));
}

TEST_CASE("nothing is in place before the owner has made the layout") {
  const mw::test::Scratch folder;
  const Writer writer(folder / "run.h5");
  CHECK(!fs::exists(folder / "run.h5"));
}

TEST_CASE("a run that ends early leaves what it has, marked incomplete") {
  const mw::test::Scratch folder;
  {
    Writer writer(folder / "run.h5");
    for (int i = 0; i < 5; ++i) writer.write_row();
  }
  CHECK(names_in(folder.path()) == std::vector<std::string>{"run.h5"});
  const h5::Reader reader(folder / "run.h5");
  CHECK(reader.number_attribute("/meta", "complete") == 0);
  CHECK(reader.shape("/site/time") == std::vector<std::uint64_t>{5});
}

TEST_CASE("two live runs on one target are refused; one after the other are not") {
  const mw::test::Scratch folder;
  const fs::path target = folder / "run.h5";
  {
    Writer first(target, 1);
    first.file.publish();
    CHECK_THROWS_WITH_AS(Writer(target, 2),
                         (target.string() + ": another run is writing this file; wait for it, stop "
                                            "it, or name another output")
                             .c_str(),
                         OutputError);
    CHECK(h5::Reader(target).number_attribute("/meta", "complete") == 0);
  }
  Writer second(target, 2);
  second.file.finish();
  CHECK(h5::Reader(target).number_attribute("/meta", "run") == 2);
}

TEST_CASE("places that cannot be written say why") {
  const mw::test::Scratch folder;
  CHECK_THROWS_AS(h5::PublishedFile(folder.path()), OutputError);
  CHECK_THROWS_AS(h5::PublishedFile(folder / "missing/run.h5"), OutputError);
  try {
    h5::PublishedFile file(folder / "missing/run.h5");
  } catch (const OutputError& error) {
    CHECK(error.problem.find("No such file or directory") != std::string::npos);
    CHECK(error.advice.find("folder exists") != std::string::npos);
  }
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("a full disk is an error with its reason; the last snapshot stands") {
  // A limit on the size of files stands for the full disk: writes fail half-way just the same.
  const mw::test::Scratch folder;
  const fs::path target = folder / "run.h5";
  const int status = status_of([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{200'000, 200'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      Writer writer(target);
      h5::Dataset held = writer.file.meta().dataset<double>("held", {"1", "Outlives the failure"});
      for (int i = 0; i < 100; ++i) writer.write_row();
      writer.file.publish();
      held.write(1.0);
      const Stream noise{1, 2, 3};
      for (std::uint64_t i = 0; i < 1'000'000; ++i) {  // incompressible rows, 8 MB
        writer.series->put(writer.series->coordinate(), 101.0 + double(i));
        writer.series->put(writer.power, uniform(noise, i));
        const float racks[] = {0, 0, 0};
        writer.series->put(writer.rack_power, std::span<const float>(racks));
        writer.series->put(writer.count, std::int64_t{0});
        writer.series->end_row();
      }
      writer.file.finish();
    } catch (const OutputError& error) {
      return std::string(error.what()).find("File too large") != std::string::npos ? 7 : 8;
    }
    return 9;
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 7);
  CHECK(names_in(folder.path()) == std::vector<std::string>{"run.h5"});
  const h5::Reader reader(target);
  CHECK(reader.number_attribute("/meta", "complete") == 0);
  CHECK(reader.shape("/site/power") == std::vector<std::uint64_t>{100});
}

TEST_CASE("bytes that are no text do not make a file unreadable") {
  const mw::test::Scratch folder;
  {
    h5::PublishedFile file(folder / "run.h5");
    file.meta().dataset<std::string>("given", {"1", "Text"}).write(std::string("a\xFF\0b", 4));
    file.meta().attribute("note", "\xC3\xA9\xED\xA0\x80");
    file.finish();
  }
  const h5::Reader reader(folder / "run.h5");
  CHECK(reader.texts("/meta/given") == std::vector<std::string>{"a\uFFFD\uFFFDb"});
  CHECK(reader.text_attribute("/meta", "note") == "é\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("rows that do not fit their table are refused") {
  const mw::test::Scratch folder;
  Writer writer(folder / "run.h5");
  const float two[] = {1, 2};
  CHECK_THROWS_AS(writer.series->put(writer.rack_power, std::span<const float>(two)),
                  std::logic_error);
  writer.series->put(writer.power, 1.0);
  CHECK_THROWS_AS(writer.series->put(writer.power, 1.0), std::logic_error);
  CHECK_THROWS_AS(writer.series->end_row(), std::logic_error);
}

TEST_CASE("files that are no HDF5 say so") {
  const mw::test::Scratch folder;
  std::ofstream(folder / "text.h5") << "not this\n";
  CHECK_THROWS_AS(h5::Reader(folder / "text.h5"), InputError);
  CHECK_THROWS_AS(h5::Reader(folder / "absent.h5"), InputError);
}

TEST_CASE("a writer killed at any moment leaves a file that plain xarray opens") {
  // Some writers finish; only their files may say that they are complete, and then they are.
  const auto finishes = [](int run) { return run % 5 == 3; };
  const int kills = std::getenv("MILLWRIGHT_ALL") != nullptr ? 100 : 20;
  const mw::test::Scratch folder;
  const fs::path target = folder / "run.h5";
  std::vector<fs::path> left;
  std::vector<std::int64_t> promised;
  int stale = 0;
  for (int run = 0; run < kills; ++run) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(ends[0]);
      // Snapshots all the time, so that kills fall into each of their steps.
      Writer writer(target, run, {.at_least = std::chrono::nanoseconds(0), .cost_factor = 0});
      for (int block = 0;; ++block) {
        if (finishes(run) && block == 3) {
          writer.file.finish();
          for (;;) ::pause();
        }
        for (int i = 0; i < 37; ++i) writer.write_row();
        writer.file.publish_if_due();
        // From here on a reader must find these rows.
        if (::write(ends[1], &writer.row, sizeof writer.row) < 0) ::_exit(1);
      }
    }
    ::close(ends[1]);
    // Every fourth is killed in its first moments, the others once they have published rows.
    std::int64_t rows = -1;
    if (run % 4 != 0) REQUIRE(::read(ends[0], &rows, sizeof rows) == sizeof rows);
    const double after_s =
        0.03 * uniform(Stream{20'260'715, 0, 0}, static_cast<std::uint64_t>(run));
    std::this_thread::sleep_for(std::chrono::duration<double>(after_s));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    for (std::int64_t told = 0; ::read(ends[0], &told, sizeof told) == sizeof told;) rows = told;
    ::close(ends[0]);
    stale += fs::exists(folder / ".run.h5.writing") ? 1 : 0;
    if (!fs::exists(target)) {  // killed before the first snapshot, with nothing there before
      CHECK(rows == -1);
      continue;
    }
    left.push_back(folder / ("left" + std::to_string(run) + ".h5"));
    promised.push_back(rows);
    fs::copy_file(target, left.back());
    if (rows >= 0) CHECK(h5::Reader(target).number_attribute("/meta", "run") == run);
  }
  CHECK(stale > 0);  // the kills did leave working files behind, which the next run took away
  REQUIRE(left.size() > static_cast<std::size_t>(kills / 2));

  const auto answers = opened_by_xarray(left);
  if (answers.empty()) return;
  REQUIRE(answers.size() == left.size());
  std::int64_t with_rows = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    CAPTURE(left[i].string());
    CAPTURE(answers[i].dump());
    if (answers[i]["complete"] == 1) {
      CHECK(finishes(answers[i]["run"].get<int>()));
      CHECK(answers[i]["rows"] == 3 * 37);
    }
    if (promised[i] >= 0) {
      REQUIRE(answers[i].contains("rows"));
      CHECK(answers[i]["rows"] >= promised[i]);
    }
    if (!answers[i].contains("rows")) continue;
    CHECK(answers[i]["monotone"] == true);
    CHECK(answers[i]["values"] == true);
    CHECK(answers[i]["event_texts"] == true);
    with_rows += answers[i]["rows"] > 0 ? 1 : 0;
  }
  CHECK(with_rows >= kills / 4 * 3);
}
