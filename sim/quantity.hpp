#pragma once
#include <compare>

#include "sim/host_device.hpp"

namespace mw::sim {

/// A double that knows its unit. Values are stored in `Unit::symbol` (SI); people read and write
/// them in `Unit::display`. Same units add and scale; anything else is spelled out on `.value`, so
/// a formula shows its algebra and costs what plain doubles cost.
template <class Unit>
struct Quantity {
  using unit = Unit;
  double value = 0;

  constexpr auto operator<=>(const Quantity&) const = default;
  MW_HD constexpr Quantity operator+(Quantity o) const { return {value + o.value}; }
  MW_HD constexpr Quantity operator-(Quantity o) const { return {value - o.value}; }
  MW_HD constexpr Quantity operator*(double k) const { return {value * k}; }
  MW_HD constexpr Quantity operator/(double k) const { return {value / k}; }
  MW_HD constexpr double operator/(Quantity o) const { return value / o.value; }
  MW_HD constexpr Quantity& operator+=(Quantity o) {
    value += o.value;
    return *this;
  }
};

template <class T>
inline constexpr bool is_quantity = false;
template <class U>
inline constexpr bool is_quantity<Quantity<U>> = true;

// One line per kind: the stored unit, and the unit people read. Both are unit expressions that
// sim/units.hpp parses; the dimension follows from them.
#define MW_QUANTITY(Name, stored, shown)          \
  struct Name##Unit {                             \
    static constexpr const char* symbol = stored; \
    static constexpr const char* display = shown; \
  };                                              \
  using Name = Quantity<Name##Unit>

MW_QUANTITY(Power, "W", "kW");
MW_QUANTITY(Energy, "J", "kWh");
MW_QUANTITY(Seconds, "s", "s");
MW_QUANTITY(Temperature, "K", "degC");  // a point on the absolute scale; see temperature_from_degc
MW_QUANTITY(TemperatureDifference, "K", "K");
MW_QUANTITY(Mass, "kg", "kg");
MW_QUANTITY(MassFlow, "kg/s", "kg/s");
MW_QUANTITY(Pressure, "Pa", "kPa");
MW_QUANTITY(Volume, "m3", "L");
MW_QUANTITY(VolumePerPower, "m3/W", "L/kW");
MW_QUANTITY(VolumeFlow, "m3/s", "L/min");
MW_QUANTITY(VolumeFlowPerPower, "m3/s/W", "L/min/kW");
MW_QUANTITY(ThermalResistance, "K/W", "K/W");
MW_QUANTITY(HeatCapacity, "J/K", "J/K");
MW_QUANTITY(ThermalConductance, "W/K", "kW/K");
MW_QUANTITY(Length, "m", "m");
MW_QUANTITY(Voltage, "V", "V");
MW_QUANTITY(Resistance, "ohm", "mohm");
MW_QUANTITY(Frequency, "1/s", "MHz");
MW_QUANTITY(Rate, "1/s", "1/s");  // events (requests) per second
MW_QUANTITY(Tokens, "token", "token");
MW_QUANTITY(TokenRate, "token/s", "token/s");
MW_QUANTITY(Flops, "FLOP", "TFLOP");
MW_QUANTITY(FlopRate, "FLOP/s", "TFLOP/s");
MW_QUANTITY(Bytes, "B", "GB");
MW_QUANTITY(ByteRate, "B/s", "GB/s");
MW_QUANTITY(EnergyPerFlop, "J/FLOP", "pJ/FLOP");
MW_QUANTITY(EnergyPerByte, "J/B", "pJ/B");
MW_QUANTITY(PowerPerByteRate, "W/(B/s)", "W/(GB/s)");
MW_QUANTITY(Money, "USD", "USD");
MW_QUANTITY(MoneyPerEnergy, "USD/J", "USD/MWh");
MW_QUANTITY(MoneyPerPower, "USD/W", "USD/kW");
MW_QUANTITY(MoneyPerPowerTime, "USD/W/s", "USD/kW/month");
MW_QUANTITY(MoneyPerVolume, "USD/m3", "USD/m3");
MW_QUANTITY(MoneyPerToken, "USD/token", "USD/Mtok");
MW_QUANTITY(CarbonPerEnergy, "kg/J", "kg/MWh");

inline constexpr double zero_celsius_in_kelvin = 273.15;  // SI brochure, 9th ed., 2.3.1
MW_HD constexpr Temperature temperature_from_degc(double degc) {
  return {degc + zero_celsius_in_kelvin};
}
MW_HD constexpr double to_degc(Temperature t) {
  return t.value - zero_celsius_in_kelvin;
}

}  // namespace mw::sim
