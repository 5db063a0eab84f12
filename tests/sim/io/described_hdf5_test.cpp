#include "sim/io/described_hdf5.hpp"

#include <doctest/doctest.h>

#include "sim/io/published_file.hpp"
#include "support/scratch.hpp"

namespace {

using namespace mw::sim;

enum class Mood { calm, busy };
std::span<const char* const> enum_names(Mood) {
  static constexpr const char* names[] = {"calm", "busy"};
  return names;
}

struct Sample {
  Power meter;
  std::int32_t running = 0;
  Mood mood = Mood::calm;
  std::string note;
};
template <Describes<Sample> Self>
void describe(Self& self, auto&& visit) {
  visit("meter_power", self.meter, About{.text = "Power at the meter"});
  visit("running", self.running, About{.text = "Requests in work"});
  visit("mood", self.mood, About{.text = "State"});
  visit("note", self.note, About{.text = "Remark"});
}

}  // namespace

TEST_CASE("a described struct is a set of scalars, and a row of a table") {
  const mw::test::Scratch folder;
  {
    h5::PublishedFile file(folder / "run.h5");
    h5::write_scalars(file.root().group("summary"), Sample{{5e6}, 3, Mood::busy, "so"});
    h5::Table& table = file.table(file.root().group("samples"), "sample");
    h5::RowTable<Sample> rows(table);
    for (int i = 0; i < 3; ++i) {
      rows.put({{100.0 * i}, i, i == 1 ? Mood::busy : Mood::calm, std::to_string(i)});
      table.end_row();
    }
    file.finish();
  }
  const h5::Reader reader(folder / "run.h5");
  CHECK(reader.numbers("/summary/meter_power") == std::vector<double>{5e6});
  CHECK(reader.text_attribute("/summary/meter_power", "units") == "W");
  CHECK(reader.text_attribute("/summary/meter_power", "long_name") == "Power at the meter");
  CHECK(reader.texts("/summary/mood") == std::vector<std::string>{"busy"});
  CHECK(reader.shape("/summary/running").empty());
  CHECK(reader.numbers("/samples/meter_power") == std::vector<double>{0, 100, 200});
  CHECK(reader.integers("/samples/running") == std::vector<std::int64_t>{0, 1, 2});
  CHECK(reader.texts("/samples/mood") == std::vector<std::string>{"calm", "busy", "calm"});
  CHECK(reader.texts("/samples/note") == std::vector<std::string>{"0", "1", "2"});
}
