#include "sim/units.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <cstring>

#include "sim/quantity.hpp"

using namespace mw::sim;

namespace {

template <class Q>
UnitContext context_of() {
  return {Q::unit::symbol, Q::unit::display, std::is_same_v<Q, Temperature>};
}

template <class Q>
double value_of(const char* text) {
  const auto read = parse_quantity(text, context_of<Q>());
  if (const auto* problem = std::get_if<TextProblem>(&read))
    FAIL(text << ": " << problem->problem << "; " << problem->advice);
  return std::get<double>(read);
}

template <class Q>
std::string message_of(const char* text) {
  const auto read = parse_quantity(text, context_of<Q>());
  const auto* problem = std::get_if<TextProblem>(&read);
  return problem ? problem->problem + "; " + problem->advice : "accepted";
}

template <class Q>
std::string shown(double value) {
  return format_quantity(value, context_of<Q>());
}

/// What is written reads back bit for bit, whatever unit was chosen to write it in.
template <class Q>
void check_round_trip() {
  CAPTURE(Q::unit::symbol);
  CHECK(rc::check([] {
    double value = std::ldexp(static_cast<double>(*rc::gen::arbitrary<std::int64_t>()),
                              *rc::gen::inRange(-160, 80));
    if (std::is_same_v<Q, Temperature>) value = std::fabs(value);
    const std::string text = format_quantity(value, context_of<Q>());
    const auto back = parse_quantity(text, context_of<Q>());
    RC_ASSERT(std::holds_alternative<double>(back));
    RC_ASSERT(std::get<double>(back) == value);
  }));
}

}  // namespace

TEST_CASE("Units as people write them become the stored unit, to the last bit") {
  CHECK(value_of<Power>("2 MW") == 2e6);
  CHECK(value_of<Power>("-3.5e2 kW") == -350000);
  CHECK(value_of<Power>("2MW") == 2e6);
  CHECK(value_of<Energy>("1 kWh") == 3.6e6);
  CHECK(value_of<Seconds>("1.1 ms") == 0.0011);
  CHECK(value_of<Seconds>("1 week") == 604800);
  CHECK(value_of<Temperature>("45 degC") == 45 + 273.15);
  CHECK(value_of<Temperature>("-40 degF") == doctest::Approx(value_of<Temperature>("-40 degC")));
  CHECK(value_of<Temperature>("300 K") == 300);
  CHECK(value_of<TemperatureDifference>("500 mK") == 0.5);
  CHECK(value_of<Mass>("3 kg") == 3);
  CHECK(value_of<Volume>("2 L") == 0.002);
  CHECK(value_of<VolumeFlow>("60 L/min") == 0.001);
  CHECK(value_of<VolumeFlow>("1 gpm") == doctest::Approx(6.30902e-5));  // NIST SP 811, B.8
  CHECK(value_of<VolumeFlowPerPower>("1.5 L/min/kW") == 1.5 / 6e7);
  CHECK(value_of<MoneyPerToken>("2.19 USD/Mtok") == 2.19 / 1e6);
  CHECK(value_of<MoneyPerPowerTime>("18 USD/kW/month") == 18 / (1e3 * 730 * 3600));
  CHECK(value_of<PowerPerByteRate>("0.3 W/(GB/s)") == 0.3 / 1e9);
  CHECK(value_of<PowerPerByteRate>("0.3 W*s/GB") == 0.3 / 1e9);
  CHECK(value_of<EnergyPerFlop>("0.6 pJ/FLOP") == 0.6 / 1e12);
  CHECK(value_of<FlopRate>("1 PFLOPS") == 1e15);
  CHECK(value_of<ByteRate>("400 Gbit/s") == 5e10);
  CHECK(value_of<Bytes>("2 GiB") == 2147483648.0);
  CHECK(value_of<Rate>("4 req/s") == 4);
  CHECK(value_of<Frequency>("1980 MHz") == 1.98e9);
  CHECK(value_of<Pressure>("10 psi") == doctest::Approx(68947.57));
  CHECK(value_of<Resistance>("5 mohm") == 0.005);
  // Volt times ampere is watt, and volt over ampere is ohm.
  CHECK(value_of<Power>("3 V*A") == 3);
  CHECK(value_of<Resistance>("3 V/A") == 3);
  CHECK(value_of<Pressure>("3 J/m3") == 3);
}

TEST_CASE("mW is a milliwatt: prefixes are what they say") {
  CHECK(value_of<Power>("1 mW") == 1e-3);
  CHECK(value_of<Power>("1 MW") == 1e6);
  CHECK(value_of<Power>("1 \u00b5W") == 1e-6);
}

TEST_CASE("What is wrong with a quantity is said, with what to write") {
  CHECK(message_of<Power>("2") ==
        "`2` has no unit; write `2 W`, `2 kW`, or a power in another unit");
  CHECK(message_of<Power>("0") ==
        "`0` has no unit; write `0 W`, `0 kW`, or a power in another unit");
  CHECK(message_of<Power>("2 mw") == "unknown unit `mw`; did you mean MW?");
  CHECK(message_of<VolumeFlowPerPower>("2 L/min/KW") ==
        "unknown unit `KW`; did you mean L/min/kW?");
  CHECK(message_of<Seconds>("5 MS") == "unknown unit `MS`; did you mean ms?");
  CHECK(message_of<Seconds>("5 seconds") == "unknown unit `seconds`; did you mean s?");
  CHECK(message_of<ByteRate>("5 Gb/s") == "unknown unit `Gb`; did you mean GB or Gbit?");
  CHECK(message_of<Temperature>("45 C") == "unknown unit `C`; did you mean degC?");
  CHECK(message_of<Power>("2 horses") ==
        "unknown unit `horses`; the units are listed in docs/language.md; prefixes are "
        "p n u m k M G T P E");
  CHECK(message_of<Power>("2 MWh") ==
        "`2 MWh` is an energy, not a power; write it in kW, as in `1 kW`");
  CHECK(message_of<MoneyPerToken>("2 USD") ==
        "`2 USD` is a sum of money, not a quantity in USD/Mtok; write it in USD/Mtok, as in "
        "`1 USD/Mtok`");
  CHECK(message_of<Power>("2 W/B") ==
        "`2 W/B` is in W/B, not a power; write it in kW, as in `1 kW`");
  CHECK(message_of<TemperatureDifference>("5 degC") ==
        "`5 degC` is a temperature, but a temperature difference belongs here; write `5 K`");
  CHECK(message_of<ThermalConductance>("5 kW/degC") ==
        "`kW/degC` uses a temperature scale inside a larger unit; write K, which has the same "
        "size as degC");
  CHECK(message_of<Temperature>("-300 degC") ==
        "`-300 degC` is below absolute zero; write -273.15 degC or more");
  CHECK(message_of<Power>("1,000 W") ==
        "`1,000 W` has a separator inside its number; write the digits together, or use a larger "
        "unit");
  CHECK(message_of<Power>("lots") ==
        "`lots` is not a power; write a number and a unit, such as `1 kW`");
  CHECK(message_of<Power>("inf W") ==
        "`inf W` is not a power; write a number and a unit, such as `1 kW`");
  CHECK(message_of<Power>("1e999 W") ==
        "`1e999 W` is beyond the range of numbers; use a larger unit");
  CHECK(message_of<Power>("1e308 MW") ==
        "`1e308 MW` is beyond the range of numbers; use a smaller unit");
  CHECK(message_of<PowerPerByteRate>("1 W/(GB/s") == "`W/(GB/s` lacks a closing bracket; add )");
  CHECK(message_of<Power>("1 W/") == "`W/` is not a unit; write it as in L/min/kW or W/(GB/s)");
  CHECK(message_of<Power>("1 W W") == "`W W` is not a unit; write it as in L/min/kW or W/(GB/s)");
  CHECK(message_of<Power>("1 ((((((W))))))") == "`((((((W))))))` nests too deeply; simplify it");
}

TEST_CASE("Numbers without a dimension may be per cent, and nothing with one") {
  CHECK(std::get<double>(parse_ratio("0.35")) == 0.35);
  CHECK(std::get<double>(parse_ratio("35 %")) == 0.35);
  CHECK(std::get<double>(parse_ratio("+2")) == 2);
  CHECK(std::get<TextProblem>(parse_ratio("2 kW")).problem ==
        "`2 kW` has a unit, but a plain number belongs here");
  CHECK(std::get<TextProblem>(parse_ratio("nan")).problem == "`nan` is not a number");
  CHECK(std::get<TextProblem>(parse_ratio("1_000")).problem ==
        "`1_000` has a separator inside its number");
  CHECK(std::get<TextProblem>(parse_ratio("1e999")).problem ==
        "`1e999` is beyond the range of numbers");
}

TEST_CASE("Quantities are written in the unit people read") {
  CHECK(shown<Power>(2e6) == "2 MW");
  CHECK(shown<Power>(700) == "700 W");
  CHECK(shown<Power>(0) == "0 kW");
  CHECK(shown<Power>(-132000) == "-132 kW");
  CHECK(shown<Temperature>(45 + 273.15) == "45 degC");
  CHECK(shown<Seconds>(3600) == "1 h");
  CHECK(shown<Seconds>(90) == "90 s");
  CHECK(shown<Seconds>(0.05) == "50 ms");
  CHECK(shown<VolumeFlowPerPower>(1.5 / 6e7) == "1.5 L/min/kW");
  CHECK(shown<MoneyPerToken>(2.19 / 1e6) == "2.19 USD/Mtok");
  CHECK(shown<ByteRate>(3.35e12) == "3.35 TB/s");
  CHECK(shown<EnergyPerFlop>(6e-13) == "0.6 pJ/FLOP");
  CHECK(shown<Rate>(4) == "4 1/s");
  CHECK(show_quantity(223.15, context_of<Temperature>()) == "-50 degC");
  CHECK(shown<Energy>(92e-9) == "92 nJ");
  CHECK(shown<Energy>(7.2e6) == "2 kWh");
  CHECK(shown<Seconds>(1e7) == "10000000 s");
  CHECK(show_quantity(1e6 / 3, context_of<Power>()) == "333.333333 kW");
}

TEST_CASE("What is written reads back as the same double") {
  check_round_trip<Power>();
  check_round_trip<Energy>();
  check_round_trip<Seconds>();
  check_round_trip<Temperature>();
  check_round_trip<TemperatureDifference>();
  check_round_trip<Mass>();
  check_round_trip<VolumeFlow>();
  check_round_trip<VolumeFlowPerPower>();
  check_round_trip<MoneyPerToken>();
  check_round_trip<MoneyPerPowerTime>();
  check_round_trip<PowerPerByteRate>();
  check_round_trip<CarbonPerEnergy>();
}

TEST_CASE("Every unit of sim/quantity.hpp is one the parser knows, stored and shown alike") {
  const auto same = []<class Q>(Q) {
    const auto stored = parse_unit(Q::unit::symbol), display = parse_unit(Q::unit::display);
    CAPTURE(Q::unit::display);
    REQUIRE(std::holds_alternative<Unit>(stored));
    REQUIRE(std::holds_alternative<Unit>(display));
    CHECK(std::get<Unit>(stored).dimension == std::get<Unit>(display).dimension);
    CHECK(std::get<Unit>(stored).times == 1);
    CHECK(std::get<Unit>(stored).over == 1);
  };
  same(Power{}), same(Energy{}), same(Seconds{}), same(Temperature{}), same(Mass{});
  same(TemperatureDifference{}), same(MassFlow{}), same(Pressure{}), same(Volume{});
  same(VolumeFlow{}), same(VolumeFlowPerPower{}), same(ThermalResistance{}), same(Length{});
  same(ThermalConductance{}), same(Voltage{}), same(Resistance{}), same(Frequency{});
  same(Rate{}), same(Tokens{}), same(TokenRate{}), same(Flops{}), same(FlopRate{});
  same(Bytes{}), same(ByteRate{}), same(EnergyPerFlop{}), same(EnergyPerByte{});
  same(PowerPerByteRate{}), same(Money{}), same(MoneyPerEnergy{}), same(MoneyPerPower{});
  same(MoneyPerPowerTime{}), same(MoneyPerToken{}), same(CarbonPerEnergy{});
}
