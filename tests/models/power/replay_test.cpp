#include "models/power/replay.hpp"

#include <doctest/doctest.h>

#include "models/power/rack.hpp"
#include "sim/input_error.hpp"

using namespace mw;
using namespace mw::models;

namespace {

ReplayColumns columns() {
  return {.time = "t", .start = 1000, .longest_gap = 30, .power = {{"a", 1}, {"b", 1e3}}};
}
std::string refusal(const char* text) {
  try {
    read_replay("p.csv", text, columns());
    return "";
  } catch (const sim::InputError& e) {
    return e.what();
  }
}

RackParameters rack() {
  RackParameters r;
  r.trays = 4;
  r.gpus_per_tray = 1;
  r.gpu.value.idle.value = {100};
  r.gpu.value.tdp.value = {600};
  r.host_idle.value = {200};
  r.host_load.value = {150};
  r.link_switches.value = {50};
  r.fan.value = {200};
  r.busbar.value = {1e-3};
  r.shelf = {.modules = 2, .spare = 0, .rating = {}, .loss = {}};
  r.shelf.rating.value = {4000};
  r.shelf.loss.no_load = 0.01;
  r.shelf.loss.resistive = 0.03;
  r.auxiliary.value = {80};
  r.design_power.value = {4000};
  r.liquid_fraction.value = 0.8;
  return r;
}

}  // namespace

TEST_CASE("Between rows power follows straight lines, and means keep their energy") {
  const Replay replay({read_replay("p.csv", "t,b,a\n0,1,100\n10,2,300\n20,2,100\n", columns())});
  REQUIRE(replay.series() == 2);
  double w[2];
  const auto mean = [&](double from, double to) {
    replay.mean(1000 + from, 1000 + to, w);
    return w[0];
  };
  // Columns come in the order asked for, not the file's; kilowatts become watts.
  CHECK(mean(0, 10) == doctest::Approx(200));
  CHECK(w[1] == doctest::Approx(1500));
  // From 5 s (200 W) over the top (300 W) to 15 s (200 W): twice a mean of 250 W.
  CHECK(mean(5, 15) == doctest::Approx(250));
  // Halves of a step add up to it, wherever it is cut.
  for (const double cut : {3.0, 10.0, 17.5})
    CHECK(cut * mean(0, cut) + (20 - cut) * mean(cut, 20) ==
          doctest::Approx(20 * mean(0, 20)).epsilon(1e-12));
}

TEST_CASE("Rows may count seconds of the run or name moments of the calendar") {
  ReplayColumns by_calendar = columns();
  by_calendar.clock = sim::FileClock::calendar;
  by_calendar.utc_offset = -3600;  // for moments that do not tell theirs
  const auto first = [](const char* text, const ReplayColumns& how) {
    return read_replay("p.csv", text, how).at.front();
  };
  CHECK(first("t,a,b\n1970-01-01T00:16:40Z,1,1\n1970-01-01T00:16:50Z,1,1\n", by_calendar) ==
        doctest::Approx(1000));
  CHECK(first("t,a,b\n1970-01-01T00:16:40,1,1\n1970-01-01T00:16:50,1,1\n", by_calendar) ==
        doctest::Approx(4600));
  CHECK(first("t,a,b\n5,1,1\n10,1,1\n", columns()) == doctest::Approx(1005));
}

TEST_CASE("What cannot be replayed is refused at its line and column") {
  CHECK(refusal("t,a,b\n0,1,1\n10,1,1\n") == "");
  CHECK(refusal("t,a,b\n0,1,1\n10,1,-2\n").find("p.csv:3:6: column \"b\": a power of -2") == 0);
  CHECK(refusal("t,a,b\n0,1,1\n10,,2\n").find("p.csv:3:4: column \"a\"") == 0);
  CHECK(refusal("t,a,b\n0,1,1\n10,nan,2\n").find("p.csv:3:4: column \"a\"") == 0);
  CHECK(refusal("t,a,b\n10,1,1\n5,1,1\n")
            .find("p.csv:3:1: column \"t\": this moment does not follow") == 0);
  CHECK(refusal("t,a,b\n10,1,1\n10,1,1\n").find("p.csv:3:1:") == 0);
  CHECK(refusal("t,a,b\n0,1,1\n40,1,1\n").find("p.csv:3:1: column \"t\": 40 s lie between") == 0);
  CHECK(refusal("t,a,b\n0,1,1\n") == "p.csv: the file holds fewer than two rows; add rows");
  CHECK(refusal("t,a,c\n0,1,1\n10,1,1\n").find("\"b\"") != std::string::npos);
}

TEST_CASE("A rack's watts behind a measured input are those of its law at some load") {
  const RackParameters r = rack();
  const MeasuredRackLaw law = make_measured_rack(r, 25);
  // There and back: the input of a known load gives that load's parts.
  for (const double load : {0.0, 0.2, 0.5, 1.0, 1.1}) {
    const RackPower there = law.at(load);
    const RackPower back = measured_rack(law, there.input);
    CHECK(back.input == doctest::Approx(there.input).epsilon(1e-12));
    CHECK(back.gpu == doctest::Approx(there.gpu).epsilon(1e-9));
    CHECK(back.shelf_loss == doctest::Approx(there.shelf_loss).epsilon(1e-9));
  }
  // Any input is met, its parts add up to it, and all of it becomes heat.
  for (double input = 0; input < 1.2 * law.full_input; input += 37) {
    const RackPower p = measured_rack(law, input);
    const double parts = p.gpu + p.host + p.link_switches + p.fan + p.tray_loss + p.busbar_loss +
                         p.shelf_loss + p.auxiliary;
    CHECK(p.input == doctest::Approx(input).epsilon(1e-11));
    CHECK(parts == doctest::Approx(input).epsilon(1e-11));
    CHECK(p.liquid_heat + p.air_heat == doctest::Approx(input).epsilon(1e-11));
    CHECK(p.gpu >= 0);
  }
}
