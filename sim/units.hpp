#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

// Units as people write them: `2 MW`, `45 degC`, `1.5 L/min/kW`, `2.19 USD/Mtok`. Every stored unit
// is the product of nine base units (SI, 9th ed., and the countables of an AI factory: dollar,
// token, byte, FLOP), so that a wrong dimension is found by comparing exponents.
namespace mw::sim {

/// Exponents of kg, m, s, K, A, USD, token, B, FLOP.
struct Dimension {
  static constexpr int count = 9;
  std::array<std::int8_t, count> power{};
  bool operator==(const Dimension&) const = default;
};

/// value in base units = (written + shift) * times / over. Numerator and denominator are kept
/// apart: they are whole numbers for all common units, so that 1.1 ms reads as exactly 0.0011.
struct Unit {
  Dimension dimension;
  double times = 1, over = 1, shift = 0;
  bool is_point = false;  // degC and degF: points on a scale, which do not add
  double to_base(double written) const { return (written + shift) * times / over; }
  double from_base(double base) const { return base * over / times - shift; }
};

/// Why a text is not what was asked for, and what to write instead.
struct TextProblem {
  std::string problem, advice;
};

std::variant<Unit, TextProblem> parse_unit(std::string_view expression);

/// What a field expects: its stored and shown units, as in sim/quantity.hpp.
struct UnitContext {
  const char* stored = "";
  const char* shown = "";
  bool temperature_point = false;
};

/// Reads `<number> <unit>` into the stored unit.
std::variant<double, TextProblem> parse_quantity(std::string_view text,
                                                 const UnitContext& expected);

/// Reads a plain number; `35 %` and the other dimensionless units are numbers too.
std::variant<double, TextProblem> parse_ratio(std::string_view text);

/// The shortest text that reads back as the same double.
std::string format_number(double value);

/// The value in a unit people read, with a fitting prefix: `2 MW`, `45 degC`. Reads back as the
/// same double through parse_quantity.
std::string format_quantity(double stored_value, const UnitContext& context);

/// The same in at most nine digits, for messages and tables.
std::string show_quantity(double stored_value, const UnitContext& context);

/// "power", "energy", ...; empty for dimensions without a common name.
std::string dimension_name(const Dimension& dimension);

}  // namespace mw::sim
