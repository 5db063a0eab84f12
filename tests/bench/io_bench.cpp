// Reading a request trace as CSV: records per second of the strict reader, beside the loop that one
// would write by hand (std::getline and sscanf), which checks next to nothing. Writing: rows per
// second into a table of a run file.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "sim/io/csv.hpp"
#include "sim/io/published_file.hpp"
#include "sim/random.hpp"
#include "sim/time.hpp"

namespace {

using namespace mw::sim;
constexpr std::int64_t records = 200'000;

/// A trace in the form of Azure's, made once and removed at the end.
struct Trace {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("millwright-bench-{}.csv", ::getpid());
  Trace() {
    std::ofstream out(path);
    out << "TIMESTAMP,ContextTokens,GeneratedTokens\r\n";
    for (std::uint64_t i = 0; i < records; ++i) {
      const Stream draws{1, 0, 0};
      out << fmt::format("2023-11-16 {:02}:{:02}:{:02}.{:07},{},{}\r\n", i / 36'000 % 24,
                         i / 600 % 60, i / 10 % 60, i * 7919 % 10'000'000,
                         1 + static_cast<int>(4000 * uniform(draws, 2 * i)),
                         1 + static_cast<int>(1000 * uniform(draws, 2 * i + 1)));
    }
  }
  ~Trace() { std::filesystem::remove(path); }
};
const Trace& trace() {
  static const Trace made;
  return made;
}

void csv_reader(benchmark::State& state) {
  trace();
  for (auto _ : state) {
    CsvReader table(trace().path);
    const auto t = table.column("TIMESTAMP"), prompt = table.column("ContextTokens"),
               output = table.column("GeneratedTokens");
    std::int64_t sum = 0;
    while (table.next())
      sum += table.time_stamp(t).unix_ns / second + table.integer(prompt) + table.integer(output);
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * records);
}
BENCHMARK(csv_reader)->Unit(benchmark::kMillisecond);

void getline_and_sscanf(benchmark::State& state) {
  trace();
  for (auto _ : state) {
    std::ifstream in(trace().path);
    std::string line;
    std::getline(in, line);
    std::int64_t sum = 0;
    while (std::getline(in, line)) {
      int year = 0, month = 0, day = 0, hour = 0, minute = 0;
      double seconds = 0;
      long prompt = 0, output = 0;
      if (std::sscanf(line.c_str(), "%d-%d-%d %d:%d:%lf,%ld,%ld", &year, &month, &day, &hour,
                      &minute, &seconds, &prompt, &output) == 8)
        sum += (hour * 60 + minute) * 60 + static_cast<long>(seconds) + prompt + output;
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * records);
}
BENCHMARK(getline_and_sscanf)->Unit(benchmark::kMillisecond);

void hdf5_site_rows(benchmark::State& state) {
  const auto target =
      std::filesystem::temp_directory_path() / fmt::format("millwright-bench-{}.h5", ::getpid());
  constexpr int rows = 20'000, columns = 20;
  for (auto _ : state) {
    h5::PublishedFile file(target);
    h5::Table& table =
        file.table(file.root().group("site"), "time", h5::utc_seconds_since(0, "Time"));
    std::vector<h5::Column<double>> series;
    for (int i = 0; i < columns; ++i)
      series.push_back(table.column<double>(fmt::format("s{}", i), {"W", "A series"}));
    for (int row = 0; row < rows; ++row) {
      table.put(table.coordinate(), double(row));
      for (int i = 0; i < columns; ++i)
        table.put(series[static_cast<std::size_t>(i)], row * 1.5 + i);
      table.end_row();
      file.publish_if_due();
    }
    file.finish();
  }
  std::filesystem::remove(target);
  state.SetItemsProcessed(state.iterations() * rows);
}
BENCHMARK(hdf5_site_rows)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
