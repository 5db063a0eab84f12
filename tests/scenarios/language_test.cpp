#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstring>

#include "farm.hpp"
#include "scenarios/nearest.hpp"

using namespace mw;
using namespace mw::scenarios;
using farm::Farm;
using farm::Folder;

namespace {

/// A farm that needs nothing else; the line under test goes below it.
const std::string good = "meter: 2 MW\nfields:\n  - {name: north}\n";  // three lines

/// The problems of `text` without the folder's path; "" if it reads.
std::string problems_of(const Folder& folder, const std::string& text,
                        const std::vector<std::string>& sets = {}) {
  const std::string path = folder.write("farm.yaml", text);
  try {
    read_file<Farm>(path, {sets}, folder.catalog());
    return "";
  } catch (const InputProblems& problems) {
    std::string all = problems.what();
    for (std::size_t at; (at = all.find(folder.path() + "/")) != std::string::npos;)
      all.erase(at, folder.path().size() + 1);
    return all;
  }
}

void check_message(const std::string& text, const std::string& message) {
  const Folder folder;
  CHECK(problems_of(folder, text) == message);
}

Farm read(const Folder& folder, const std::string& text,
          const std::vector<std::string>& sets = {}) {
  return read_file<Farm>(folder.write("farm.yaml", text), {sets}, folder.catalog());
}

}  // namespace

TEST_CASE("Every kind of field is read") {
  const Folder folder;
  const Farm farm = read(folder,
                         "title: home\nseason: 1.5 h\nstart: 2026-07-15T00:00-07:00\n"
                         "seed: 18446744073709551615\nfenced: false\nmeter: 2 MW\n"
                         "price: 2.19 USD/Mtok\nweather: {air: 45 degC, cloud: 35 %}\n"
                         "pauses: [5 min, 30 s]\nhands: [Ann, \"Bob: the smith\"]\n"
                         "greenhouse: {swing: 2 K}\n"
                         "fields:\n"
                         "  - {name: north, grain: rye, rows: 1e2, carts: 3}\n"
                         "  - {name: south, mill: large, carts: fill}\n");
  CHECK(farm.title == "home");
  CHECK(farm.season.ns == 90 * sim::minute);
  CHECK(farm.start.unix_ns == 1784098800LL * sim::second);  // 2026-07-15T07:00:00Z
  CHECK(farm.start.offset_minutes == -420);
  CHECK(farm.seed == UINT64_MAX);
  CHECK_FALSE(farm.fenced);
  CHECK(farm.meter.value == 2e6);
  CHECK(farm.weather.air.value == 45 + 273.15);
  CHECK(farm.weather.cloud == 0.35);
  CHECK(farm.weather.swing.value == 8);  // not written: the struct's own value
  CHECK(farm.pauses == std::vector<sim::Seconds>{{300}, {30}});
  CHECK(farm.hands == std::vector<std::string>{"Ann", "Bob: the smith"});
  REQUIRE(farm.greenhouse);
  CHECK(farm.greenhouse->swing.value == 2);
  REQUIRE(farm.fields.size() == 2);
  CHECK(farm.fields[0].grain == farm::Grain::rye);
  CHECK(farm.fields[0].rows == 100);
  CHECK(farm.fields[0].carts.number == 3);
  CHECK(farm.fields[0].mill.name == "small");  // a default may name a catalog entry
  CHECK(farm.fields[0].mill.value.wheel.value.rating.value.value == 12e3);
  CHECK_FALSE(farm.fields[1].carts.number);
  CHECK(farm.fields[1].mill.name == "large");
  CHECK(farm.fields[1].mill.value.stones == 4);
  CHECK(farm.fields[1].mill.value.wheel.value.diameter.value == 9);  // large overrides iron
  CHECK(farm.fields[1].mill.value.wheel.value.limit == sim::temperature_from_degc(90));  // iron's
  CHECK(farm.fields[1].mill.value.wheel.value.rating.value.value == 12e3);  // oak's, below iron
  CHECK(farm.fields[1].mill.value.wheel.value.rating.confidence == sim::Confidence::measured);
}

TEST_CASE("Keys: unknown, repeated, missing") {
  check_message(good + "strat: 5\n", "farm.yaml:4:1: unknown key `strat`; did you mean `start`?");
  check_message(good + "weather: {clowd: 0}\n",
                "farm.yaml:4:11: unknown key `clowd` in `weather`; did you mean `cloud`?");
  check_message(good + "weather: {fish: 0}\n",
                "farm.yaml:4:11: unknown key `fish` in `weather`; there are air, swing, shares "
                "and cloud");
  check_message(good + "seed: 1\nseed: 2\n",
                "farm.yaml:5:1: the key `seed` is repeated (first on line 4); remove one of the "
                "two");
  check_message("fields: [{name: a}]\n",
                "farm.yaml:1:1: `meter` is missing; add `meter: 1 kW` with your value (Limit at "
                "the meter)");
  check_message(good + "weather:\n",
                "farm.yaml:4:1: `weather` has no value; write `key: value` lines, indented "
                "below it, or remove the line");
  check_message(good + "title: ~\n",
                "farm.yaml:4:1: `title` has no value; write it as in `text`, or remove the line");
}

TEST_CASE("Values: kinds, units, ranges, choices") {
  check_message("meter: 2\nfields: [{name: a}]\n",
                "farm.yaml:1:8: `2` has no unit; write `2 W`, `2 kW`, or a power in another unit");
  check_message("meter: 2 GWh\nfields: [{name: a}]\n",
                "farm.yaml:1:8: `2 GWh` is an energy, not a power; write it in kW, as in `1 kW`");
  check_message("meter: 2 GW\nfields: [{name: a}]\n",
                "farm.yaml:1:8: `meter` is 2 GW, above its limit of 1 GW; write 1 GW or less");
  check_message(good + "weather: {air: -90 degC}\n",
                "farm.yaml:4:16: `weather.air` is -90 degC, below its limit of -50 degC; write "
                "-50 degC or more");
  check_message(good + "weather: 5\n",
                "farm.yaml:4:10: `weather` is `5`, but a block of keys belongs here; write `key: "
                "value` lines, indented below it");
  check_message(good + "pauses: 5 s\n",
                "farm.yaml:4:9: `pauses` is `5 s`, but a list belongs here; write its items with "
                "a dash each, or as `[a, b]`");
  check_message(good + "pauses: [-1 s]\n",
                "farm.yaml:4:10: `pauses[0]` is -1 s, below its limit of 0 s; write 0 s or more");
  check_message(good + "title: [a]\n",
                "farm.yaml:4:8: `title` is a list, but one value belongs here; write it as in "
                "`text`");
  check_message(good + "fenced: yes\n",
                "farm.yaml:4:9: `yes` is not a truth value; write `true` or `false`");
  check_message(good + "seed: 3.5\n", "farm.yaml:4:7: `3.5` is not a whole number; write 3 or 4");
  check_message(good + "seed: many\n",
                "farm.yaml:4:7: `many` is not a whole number; write digits alone, such as `1`");
  check_message(good + "seed: -1\n",
                "farm.yaml:4:7: `seed` is -1, which is out of range; write a number from 0 to "
                "18446744073709551615");
  check_message(good + "weather: {cloud: some}\n",
                "farm.yaml:4:18: `some` is not a number; write a number, such as `0.5`");
  check_message(good + "weather: {shares: [1, 0]}\n",
                "farm.yaml:4:19: `weather.shares` has 2 items, not 3; give exactly 3");
  check_message("meter: 1 W\nfields: []\n",
                "farm.yaml:2:9: `fields` is empty; give at least one item");
  check_message("meter: 1 W\nfields: [{name: a, grain: wheet}]\n",
                "farm.yaml:2:27: `wheet` is not a value of `fields[a].grain`; did you mean "
                "`wheat`?");
  check_message("meter: 1 W\nfields: [{name: a, grain: maize}]\n",
                "farm.yaml:2:27: `maize` is not a value of `fields[a].grain`; there are wheat, "
                "rye and barley");
  check_message("meter: 1 W\nfields: [{name: a, rows: -3}]\n",
                "farm.yaml:2:26: `fields[a].rows` is -3, below its limit of 0; write 0 or more");
  check_message("meter: 1 W\nfields: [{name: a, carts: 0}]\n",
                "farm.yaml:2:27: `fields[a].carts` is 0, below its limit of 1; write 1 or more");
  check_message("meter: 1 W\nfields: [{name: a, carts: full}]\n",
                "farm.yaml:2:27: `full` is not a value of `fields[a].carts`; write a number, such "
                "as `1`, or fill");
}

TEST_CASE("Moments and durations") {
  check_message(good + "start: noon\n",
                "farm.yaml:4:8: `noon` is not a moment; write date, time and offset from UTC, as "
                "in `2026-07-15T00:00-07:00`");
  check_message(good + "start: 2026-07-15T00:00\n",
                "farm.yaml:4:8: `2026-07-15T00:00` does not say its offset from UTC; end it with "
                "Z, or with an offset such as -07:00");
  check_message(good + "season: 3600\n",
                "farm.yaml:4:9: `3600` has no unit; write `3600 s`, or a time in another unit");
  check_message(good + "season: 0.5 s\n",
                "farm.yaml:4:9: `season` is 0.5 s, below its limit of 1 s; write 1 s or more");
  check_message(good + "season: 1 ps\n",
                "farm.yaml:4:9: `1 ps` is shorter than the clock can tell; write 1 ns or more, or "
                "0 s");
  check_message(good + "season: 300 year\n",
                "farm.yaml:4:9: `300 year` is longer than the clock reaches; write 291 year or "
                "less");
}

TEST_CASE("Names in lists") {
  check_message("meter: 1 W\nfields:\n  - {name: a}\n  - {name: a}\n",
                "farm.yaml:4:12: the name `a` is taken in `fields` (line 3); give each item its "
                "own name");
  check_message("meter: 1 W\nfields: [{grain: rye}]\n",
                "farm.yaml:2:10: `name` is missing in `fields[0]`; add `name: text` with your "
                "value (What people call it)");
  check_message("meter: 1 W\nfields: [{name: a.b}]\n",
                "farm.yaml:2:17: `a.b` cannot be a name; use letters, digits, `_` and `-`");
}

TEST_CASE("Rules that span fields report at the field they name") {
  check_message(
      "meter: 1 W\nfields:\n  - {name: a, rows: 501}\n",
      "farm.yaml:3:21: `fields[a].rows`: `a` has more rows than land; sow 500 rows or fewer");
}

TEST_CASE("Catalog names and figures with sources") {
  check_message("meter: 1 W\nfields: [{name: a, mill: smal}]\n",
                "farm.yaml:2:26: `smal` is not an entry of the catalog `mills`; did you mean "
                "`small`?");
  check_message("meter: 1 W\nfields: [{name: a, mill: [1]}]\n",
                "farm.yaml:2:26: `fields[a].mill` is a list, but an entry of the catalog `mills` "
                "belongs here; write its name, or a block of keys");
  check_message("meter: 1 W\nfields: [{name: a, mill: {wheel: {diameter: 3 m}}}]\n",
                "farm.yaml:2:34: `rating` is missing in `fields[a].mill.wheel`; add `rating: 1 "
                "kW` with your value (Power at the rated flow)");
  check_message(
      "meter: 1 W\nfields: [{name: a, mill: {wheel: {rating: {value: 1 kW, confidence: "
      "measured}}}}]\n",
      "farm.yaml:2:43: `fields[a].mill.wheel.rating` claims more than `assumed`, but "
      "names no source; add `source: ` and where the figure is from");
  check_message("meter: 1 W\nfields: [{name: a, mill: {wheel: {rating: {valeu: 1 kW}}}}]\n",
                "farm.yaml:2:43: `value` is missing in `fields[a].mill.wheel.rating`; write "
                "{value: 1 kW, confidence: data_sheet, source: \"...\"}");
  check_message(good + "weather: {extends: sunny}\n",
                "farm.yaml:4:11: `extends` has no meaning in `weather`; use it at the top of a "
                "file or in a block that a catalog entry could fill");
  const Folder folder;
  folder.write("catalog/mills/broken.yaml", "wheel: oak\nstones: 99\n");
  CHECK(problems_of(folder, "meter: 1 W\nfields: [{name: a, mill: broken}]\n") ==
        "catalog/mills/broken.yaml:2:9: `fields[a].mill.stones` is 99, above its limit of 12; "
        "write 12 or less");
  const Farm own = read(folder, "meter: 1 W\nfields: [{name: a, mill: {wheel: {rating: 5 kW}}}]\n");
  CHECK(own.fields[0].mill.value.wheel.value.rating.source == "scenario");
  CHECK(own.fields[0].mill.value.wheel.value.rating.confidence == sim::Confidence::assumed);
  // A file of one's own stands where a catalog name does.
  folder.write("mine.yaml", "extends: large\nstones: 7\n");
  const Farm filed = read(folder, "meter: 1 W\nfields: [{name: a, mill: ./mine.yaml}]\n");
  CHECK(filed.fields[0].mill.name == "mine");
  CHECK(filed.fields[0].mill.value.stones == 7);
  check_message(
      "meter: 1 W\nfields: [{name: a, mill: ./none.yaml}]\n",
      "farm.yaml:2:26: there is no file `none.yaml`; check the path; it is taken from the folder "
      "of the file it stands in");
}

TEST_CASE("All problems of a file are told in one go, in the order of its lines") {
  check_message("meter: 2\nseed: -1\nfields:\n  - {name: a, grain: ry}\nstrat: 1\n",
                "farm.yaml:1:8: `2` has no unit; write `2 W`, `2 kW`, or a power in another unit\n"
                "farm.yaml:2:7: `seed` is -1, which is out of range; write a number from 0 to "
                "18446744073709551615\n"
                "farm.yaml:4:22: `ry` is not a value of `fields[a].grain`; did you mean `rye`?\n"
                "farm.yaml:5:1: unknown key `strat`; did you mean `start`?");
}

TEST_CASE("YAML that is not the strict subset") {
  check_message("", "farm.yaml:1:1: the file is empty; write `key: value` lines");
  check_message("- a\n",
                "farm.yaml:1:1: the file is a list, but a block of keys belongs here; write `key: "
                "value` lines, indented below it");
  check_message(good + "title: &x a\n",
                "farm.yaml:4:8: anchors (&name) are not used here; write the value out, or share "
                "it with `extends:`");
  check_message(good + "title: !!str a\n",
                "farm.yaml:4:8: tags (`tag:yaml.org,2002:str`) are not used here; remove the tag");
  check_message(good + "<<: {seed: 1}\n",
                "farm.yaml:4:1: merge keys (<<) are not used here; use `extends:`");
  check_message(good + "? [a]\n: 1\n", "farm.yaml:4:3: a key must be a word; write `key: value`");
  check_message(good + "---\nseed: 1\n",
                "farm.yaml:4:1: a second document starts here; keep one document in a file");
  check_message(good + "title: \"a\n",
                "farm.yaml:4:8: a quoted text is not closed; add the missing quote");
  check_message(good + "hands: [a, b\n",
                "farm.yaml:5:1: a list opened with [ is not closed; add the missing ]");
  check_message(good + "weather: {cloud: 1\n",
                "farm.yaml:5:1: a block opened with { is not closed; add the missing }");
  check_message(good + "weather:\n\tcloud: 1\n",
                "farm.yaml:5:1: a tab is used for indentation; use blanks");
  check_message(good + "title: a: b\n",
                "farm.yaml:4:9: a value stands where none can be; put text that contains `: ` "
                "between quotes, and check the indentation");
  check_message(good + "title: \xff\n",
                "farm.yaml:4:8: a byte that is not UTF-8 text; save the file as UTF-8");
  check_message("hands: " + std::string(40, '[') + std::string(40, ']') + "\n",
                "farm.yaml:1:39: values are nested more than 32 deep; flatten them");
  check_message("title: \"" + std::string(5u << 20, 'x') + "\"\n",
                "farm.yaml:1:1: the file is larger than 4 MiB; move data into a CSV or JSONL file "
                "and name it here");
}

TEST_CASE("An alias is refused where it stands") {
  const Folder folder;
  CHECK(problems_of(folder, good + "hands: [&x a, *x]\n")
            .find("farm.yaml:4:15: aliases (*name) are not used here") != std::string::npos);
}

TEST_CASE("Files that are not there") {
  const Folder folder;
  try {
    read_file<Farm>("/nonexistent/farm.yaml", {}, folder.catalog());
    FAIL("read a file that does not exist");
  } catch (const InputProblems& problems) {
    CHECK(std::string(problems.what()) ==
          "/nonexistent/farm.yaml: there is no such file; check the path; it is taken from the "
          "current folder");
  }
  try {
    read_file<Farm>(folder.path(), {}, folder.catalog());
    FAIL("read a folder");
  } catch (const InputProblems& problems) {
    CHECK(std::string(problems.what()) ==
          folder.path() + ": this is a folder; name a YAML file in it");
  }
  try {
    read_entry<farm::Mill>(folder.catalog(), "huge");
    FAIL("read an entry that does not exist");
  } catch (const InputProblems& problems) {
    CHECK(std::string(problems.what()) ==
          "catalog: `huge` is not an entry of the catalog `mills`; there are large and small");
  }
  CHECK(read_entry<farm::Mill>(folder.catalog(), "large").stones == 4);
  CHECK(folder.catalog().kinds() == std::vector<std::string>{"mills", "wheels"});
}

TEST_CASE("extends: merges blocks, replaces lists and figures, and knows circles") {
  const Folder folder;
  folder.write("base/base.yaml",
               "meter: 2 MW\nseed: 5\nweather: {air: 30 degC, cloud: 0.5}\n"
               "fields: [{name: a}, {name: b}]\ngreenhouse: {swing: 1 K}\n");
  const Farm merged = read(folder,
                           "extends: base/base.yaml\nseed: 6\nweather: {cloud: 0.1}\n"
                           "fields: [{name: c}]\ngreenhouse: null\n");
  CHECK(merged.meter.value == 2e6);
  CHECK(merged.seed == 6);
  CHECK(merged.weather.air.value == 30 + 273.15);
  CHECK(merged.weather.cloud == 0.1);
  CHECK(merged.fields.size() == 1);
  CHECK_FALSE(merged.greenhouse);
  // A figure is replaced with its source: a new value must not borrow the old one's.
  const Farm figure = read(folder,
                           "meter: 1 W\nfields: [{name: a, mill: {extends: small, wheel: {extends: "
                           "oak, rating: {value: 9 kW}}}}]\n");
  CHECK(figure.fields[0].mill.value.wheel.value.rating.confidence == sim::Confidence::assumed);
  CHECK(figure.fields[0].mill.value.wheel.value.rating.source == "scenario");

  folder.write("x.yaml", "extends: y.yaml\n");
  folder.write("y.yaml", "extends: x.yaml\n");
  CHECK(problems_of(folder, "extends: x.yaml\n") ==
        "y.yaml:1:10: `extends` goes round in a circle: farm.yaml -> x.yaml -> y.yaml -> x.yaml; "
        "let one of these files stand alone");
  CHECK(problems_of(folder, "extends: z.yaml\n") ==
        "farm.yaml:1:10: there is no file `z.yaml`; check the path; it is taken from the folder "
        "of the file it stands in");
  CHECK(problems_of(folder, "extends: sunny\n") ==
        "farm.yaml:1:10: `sunny` is not the name of a file; write a path that ends in .yaml");
  folder.write("list.yaml", "[1]\n");
  CHECK(problems_of(folder, "extends: list.yaml\n") ==
        "list.yaml:1:1: the file holds a list, not a block of keys; write `key: value` lines");
}

TEST_CASE("--set reaches every value by its path") {
  const Folder folder;
  const std::string text =
      "meter: 2 MW\nfields:\n  - {name: north}\n  - {name: south, mill: large}\n";
  const Farm farm = read(folder, text,
                         {"meter=3 MW", "fields[south].mill.wheel.diameter=6 m",
                          "fields[0].mill.stones=2", "weather.cloud=35 %", "greenhouse.swing=3 K",
                          "hands=[Ann, Bob]", "fields[north].mill.wheel.rating=7 kW"});
  CHECK(farm.meter.value == 3e6);
  CHECK(farm.fields[1].mill.value.wheel.value.diameter.value == 6);
  CHECK(farm.fields[1].mill.value.stones == 4);
  CHECK(farm.fields[0].mill.name == "small");
  CHECK(farm.fields[0].mill.value.stones == 2);
  CHECK(farm.fields[0].mill.value.wheel.value.rating.value.value == 7e3);
  CHECK(farm.weather.cloud == 0.35);
  CHECK(farm.greenhouse->swing.value == 3);
  CHECK(farm.hands.size() == 2);

  const auto refused = [&](const std::string& set, const std::string& message) {
    CHECK(problems_of(folder, text, {set}) == message);
  };
  refused("weather.clod=1", "--set:1:9: there is no `weather.clod`; did you mean `weather.cloud`?");
  refused("fields[nort].rows=1", "--set:1:8: `fields` has no item `nort`; did you mean `north`?");
  refused("fields.rows=1", "--set:1:8: `fields` is a list; name one item, as in fields[0]");
  refused("pauses[0]=1 s",
          "--set:1:8: the list `pauses` is empty here; give the list in the file first");
  refused("seed.x=1", "--set:1:6: `seed` is not a block of keys; end the path there");
  refused("seed[0]=1", "--set:1:6: `seed` is not a list; end the path there");
  refused("seed",
          "--set:1:1: `seed` is not an override; write path=value, as in "
          "inference[chat].engine.replicas=12");
  refused("a..b=1",
          "--set:1:1: `a..b=1` is not an override; write path=value, as in "
          "inference[chat].engine.replicas=12");
  refused("meter=5", "--set:1:7: `5` has no unit; write `5 W`, `5 kW`, or a power in another unit");
  refused("hands=[a", "--set:1:7: a list opened with [ is not closed; add the missing ]");
}

TEST_CASE("The resolved scenario says where each value came from") {
  const Folder folder;
  const std::string path = folder.write("farm.yaml", "meter: 2 MW\nfields: [{name: north}]\n");
  const auto document = read_document<Farm>(path, {{"seed=9"}}, folder.catalog());
  const std::string text = write_resolved(document);
  CHECK(text.find("meter: 2 MW  # " + path + ":1\n") != std::string::npos);
  CHECK(text.find("seed: 9  # --set:1\n") != std::string::npos);
  CHECK(text.find("fenced: true  # default\n") != std::string::npos);
  CHECK(text.find("rating: {value: 12 kW, confidence: measured, source: \"miller's book\"}  # " +
                  folder.path() + "/catalog/wheels/oak.yaml:1\n") != std::string::npos);
}

TEST_CASE("A resolved scenario stands alone and reads back to the same value") {
  const Folder folder;
  CHECK(rc::check([&] {
    using rc::gen::arbitrary;
    using rc::gen::inRange;
    const auto text = [] {
      return *rc::gen::container<std::string>(
          rc::gen::elementOf(std::string("abcXYZ019 :#-\"'\\{}[],&*!|>%@`~?\n\t\x01=<\xc3")));
    };
    const auto utf8 = [&] {
      std::string s = text();
      std::erase(s, '\xc3');
      return s + (*arbitrary<bool>() ? "\xc3\xa9" : "");
    };
    const auto number = [] {
      return static_cast<double>(*inRange<std::int64_t>(0, INT64_MAX / 2)) /
             static_cast<double>(*inRange<std::int64_t>(1, 1'000'000'000));
    };
    Farm farm;
    farm.title = utf8();
    farm.season.ns = *inRange<std::int64_t>(sim::second, 100 * sim::day);
    farm.start = {*inRange<std::int64_t>(-sim::day * 90000, sim::day * 90000),
                  *inRange(-14 * 60, 14 * 60)};
    farm.seed = *arbitrary<std::uint64_t>();
    farm.fenced = *arbitrary<bool>();
    farm.meter.value = std::min(number(), 1e9);
    farm.price.value = number();
    farm.weather.air.value = 223.15 + *inRange(0, 110'000'000) * 1e-6;
    farm.weather.swing.value = number();
    farm.weather.cloud = *inRange(0, 1 << 30) / static_cast<double>(1 << 30);
    for (int i = *inRange(0, 4); i > 0; --i) farm.pauses.push_back({number()});
    for (int i = *inRange(0, 4); i > 0; --i) farm.hands.push_back(utf8());
    if (*arbitrary<bool>()) farm.greenhouse = farm.weather;
    for (int i = *inRange(1, 4); i > 0; --i) {
      farm::Field field;
      field.name = "f" + std::to_string(i);
      field.grain = static_cast<farm::Grain>(*inRange(0, 3));
      field.rows = *inRange(0, 500);
      if (*arbitrary<bool>()) field.carts.number = *inRange(1, 1000);
      field.mill.name = *arbitrary<bool>() ? "" : "mine";
      field.mill.value.stones = *inRange(2, 12);
      field.mill.value.wheel.name = *arbitrary<bool>() ? "" : "oak";
      auto& wheel = field.mill.value.wheel.value;
      wheel.rating = {{std::min(number(), 1e6)},
                      static_cast<sim::Confidence>(*inRange(0, 4)),
                      "page " + utf8()};
      wheel.diameter.value = 0.5 + number();
      if (*arbitrary<bool>()) wheel.limit = sim::Temperature{std::min(number(), 400.0)};
      farm.fields.push_back(field);
    }
    const std::string written = write_resolved(farm);
    const std::string path = folder.write("round.yaml", written);
    try {
      RC_ASSERT(read_file<Farm>(path, {}, Catalog(std::vector<std::string>{})) == farm);
    } catch (const InputProblems& problems) {
      RC_LOG() << problems.what() << '\n' << written;
      RC_FAIL("does not read");
    }
  }));
}

TEST_CASE("The schema and the reference page follow from the same description") {
  const Folder folder;
  const auto schema = json_schema<Farm>(folder.catalog());
  const auto& farm = schema["$defs"]["Farm_file"];
  CHECK(farm["additionalProperties"] == false);
  CHECK(farm["required"] == nlohmann::ordered_json{"meter", "fields"});
  CHECK(farm["properties"]["meter"]["description"] ==
        "Limit at the meter; at least 0 kW; at most 1 GW");
  CHECK(schema["$defs"]["Field"]["properties"]["grain"]["enum"] ==
        nlohmann::ordered_json{"wheat", "rye", "barley"});
  CHECK(schema["$defs"]["Weather"]["properties"]["shares"]["minItems"] == 3);
  CHECK_FALSE(schema["$defs"]["Farm_partial_file"].contains("required"));

  const std::string page = reference_markdown<Farm>("Farms");
  CHECK(page.starts_with("# Farms\n"));
  CHECK(page.find("Stands at `weather`, `greenhouse`.") != std::string::npos);
  CHECK(
      page.find("| `meter` | quantity (kW) | **required** | 0 kW to 1 GW | Limit at the meter |") !=
      std::string::npos);
  CHECK(page.find("| `carts` | whole number, or one of `fill` | fill | at least 1 | Carts kept, or "
                  "as many as fit |") != std::string::npos);
  CHECK(page.find("## Wheel\n\nStands at `fields[...].mill.wheel`.\n") != std::string::npos);
}

TEST_CASE("The nearest name: what begins with the word, else the fewest changes") {
  const std::vector<std::string> gpus = {"a100_40gb", "h100_sxm", "h200", "gpu_memory", "gpus"};
  CHECK(nearest("h100", gpus) == "h100_sxm");
  CHECK(nearest("gpu", gpus) == "gpus");
  CHECK(nearest("h20", gpus) == "h200");
  CHECK(nearest("H-100-SXM", gpus) == "h100_sxm");
  CHECK(nearest("h1000_sxm", gpus) == "h100_sxm");
  CHECK(nearest("mill", gpus) == "");
}
