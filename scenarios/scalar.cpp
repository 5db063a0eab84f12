#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "scenarios/read.hpp"
#include "sim/io/number.hpp"

namespace mw::scenarios {

std::string format_duration(sim::Duration duration) {
  struct Step {
    sim::Time ns;
    const char* unit;
  };
  static constexpr Step steps[] = {{sim::day, "d"},          {sim::hour, "h"},
                                   {sim::minute, "min"},     {sim::second, "s"},
                                   {sim::millisecond, "ms"}, {sim::microsecond, "us"}};
  if (duration.ns == 0) return "0 s";
  for (const Step& step : steps)
    if (duration.ns % step.ns == 0) return std::to_string(duration.ns / step.ns) + " " + step.unit;
  return std::to_string(duration.ns) + " ns";
}

std::string format_instant(sim::Instant instant) {
  const std::int64_t minute_ns = sim::minute;
  std::string text = sim::format_time_stamp(instant.unix_ns + instant.offset_minutes * minute_ns);
  if (instant.offset_minutes == 0) return text;
  text.pop_back();  // Z
  const int minutes = std::abs(instant.offset_minutes);
  const auto two = [](int n) { return fmt::format("{:02}", n); };
  return text + (instant.offset_minutes < 0 ? "-" : "+") + two(minutes / 60) + ":" +
         two(minutes % 60);
}

std::string example_of(const Type& type) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::boolean:
      return "true";
    case Kind::integer:
      return "1";
    case Kind::number:
      return "0.5";
    case Kind::text:
      return "text";
    case Kind::quantity:
      return std::string("1 ").append(type.unit.shown);
    case Kind::duration:
      return "1 h";
    case Kind::instant:
      return "2026-07-15T00:00-07:00";
    case Kind::choice:
      return type.choices.empty() ? "" : type.choices.front();
    case Kind::structure:
      return "{...}";
    case Kind::list:
      return fmt::format("[{}]", example_of(type.item()));
    case Kind::optional:
    case Kind::sourced:
    case Kind::number_or:
      return example_of(type.item());
    case Kind::entry:
      return fmt::format("<one of the catalog {}>", type.catalog);
  }
  return "";
}

std::string scalar_text(const Type& type, const void* value) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::boolean:
      return type.get_integer(value) ? "true" : "false";
    case Kind::integer: {
      const std::int64_t bits = type.get_integer(value);
      return type.lowest < 0 ? std::to_string(bits)
                             : std::to_string(static_cast<std::uint64_t>(bits));
    }
    case Kind::number:
      return sim::format_number(type.get_number(value));
    case Kind::quantity:
      return sim::format_quantity(type.get_number(value), type.unit);
    case Kind::duration:
      return format_duration(*static_cast<const sim::Duration*>(value));
    case Kind::instant:
      return format_instant(*static_cast<const sim::Instant*>(value));
    case Kind::choice: {
      const auto index = static_cast<std::size_t>(type.get_integer(value));
      return index < type.choices.size() ? type.choices[index] : "";
    }
    case Kind::text:
      return *static_cast<const std::string*>(value);
    default:
      return "";
  }
}

std::string limit_text(const Type& type, double limit) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::quantity:
      return sim::show_quantity(limit, type.unit);
    case Kind::duration:
      return format_duration({static_cast<sim::Time>(limit)});
    case Kind::optional:
    case Kind::sourced:
    case Kind::list:
    case Kind::number_or:
      return limit_text(type.item(), limit);
    default:
      return sim::format_number(limit);
  }
}

}  // namespace mw::scenarios
