#include "sim/units.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

namespace mw::sim {
namespace {

constexpr int kg = 0, m = 1, s = 2, kelvin = 3, ampere = 4, usd = 5, token = 6, byte = 7, flop = 8;

constexpr Dimension dim(std::initializer_list<std::pair<int, int>> powers) {
  Dimension d;
  for (auto [base, power] : powers)
    d.power[static_cast<std::size_t>(base)] = static_cast<std::int8_t>(power);
  return d;
}

struct Symbol {
  std::string_view name;
  bool takes_prefix;
  Dimension dimension;
  double times = 1, over = 1, shift = 0;
  bool is_point = false;
};

const Dimension none{};
const Dimension time_ = dim({{s, 1}});
const Dimension mass_ = dim({{kg, 1}});
const Dimension length_ = dim({{m, 1}});
const Dimension volume_ = dim({{m, 3}});
const Dimension pressure_ = dim({{kg, 1}, {m, -1}, {s, -2}});
const Dimension energy_ = dim({{kg, 1}, {m, 2}, {s, -2}});
const Dimension power_ = dim({{kg, 1}, {m, 2}, {s, -3}});
const Dimension rate_ = dim({{s, -1}});
const Dimension temperature_ = dim({{kelvin, 1}});

// Exact factors: SI brochure 9th ed. tables 2, 4, 7 and 8; foot, inch, pound and US gallon by their
// 1959 definitions (NIST SP 811, appendix B). A year is 8760 h and a month its twelfth, 730 h, as
// utility tariffs and capital recovery count them.
const std::vector<Symbol>& symbols() {
  static const std::vector<Symbol> all = {
      {"W", true, power_},
      {"Wh", true, energy_, 3600},
      {"J", true, energy_},
      {"s", true, time_},
      {"min", false, time_, 60},
      {"h", false, time_, 3600},
      {"d", false, time_, 86400},
      {"day", false, time_, 86400},
      {"week", false, time_, 604800},
      {"month", false, time_, 2628000},
      {"year", false, time_, 31536000},
      {"Hz", true, rate_},
      {"rpm", false, rate_, 1, 60},
      {"g", true, mass_, 1, 1000},
      {"lb", false, mass_, 0.45359237},
      {"m", true, length_},
      {"cm", false, length_, 1, 100},
      {"in", false, length_, 0.0254},
      {"ft", false, length_, 0.3048},
      {"L", true, volume_, 1, 1000},
      {"gal", false, volume_, 0.003785411784},
      {"gpm", false, dim({{m, 3}, {s, -1}}), 0.003785411784, 60},
      {"Pa", true, pressure_},
      {"hPa", false, pressure_, 100},
      {"bar", true, pressure_, 100000},
      {"psi", false, pressure_, 6894.757293168},
      {"K", true, temperature_},
      {"degC", false, temperature_, 1, 1, 273.15, true},
      {"degF", false, temperature_, 5, 9, 459.67, true},
      {"V", true, dim({{kg, 1}, {m, 2}, {s, -3}, {ampere, -1}})},
      {"A", true, dim({{ampere, 1}})},
      {"ohm", true, dim({{kg, 1}, {m, 2}, {s, -3}, {ampere, -2}})},
      {"USD", true, dim({{usd, 1}})},
      {"token", true, dim({{token, 1}})},
      {"tokens", false, dim({{token, 1}})},
      {"tok", true, dim({{token, 1}})},
      {"B", true, dim({{byte, 1}})},
      {"bit", true, dim({{byte, 1}}), 1, 8},
      {"KiB", false, dim({{byte, 1}}), 1024},
      {"MiB", false, dim({{byte, 1}}), 1048576},
      {"GiB", false, dim({{byte, 1}}), 1073741824},
      {"TiB", false, dim({{byte, 1}}), 1099511627776},
      {"FLOP", true, dim({{flop, 1}})},
      {"FLOPS", true, dim({{flop, 1}, {s, -1}})},
      {"%", false, none, 1, 100},
      {"ppm", false, none, 1, 1000000},
      {"req", false, none},
      {"request", false, none},
      {"requests", false, none},
  };
  return all;
}

struct Prefix {
  std::string_view name;
  double times, over;
};
constexpr Prefix prefixes[] = {{"k", 1e3, 1},  {"M", 1e6, 1},  {"G", 1e9, 1}, {"T", 1e12, 1},
                               {"P", 1e15, 1}, {"E", 1e18, 1}, {"m", 1, 1e3}, {"u", 1, 1e6},
                               {"n", 1, 1e9},  {"p", 1, 1e12}};

// The words people reach for first, and what is meant.
struct Alias {
  std::string_view written, meant;
};
constexpr Alias aliases[] = {
    {"sec", "s"},         {"secs", "s"},        {"second", "s"},      {"seconds", "s"},
    {"mins", "min"},      {"minute", "min"},    {"minutes", "min"},   {"hr", "h"},
    {"hrs", "h"},         {"hour", "h"},        {"hours", "h"},       {"days", "d"},
    {"weeks", "week"},    {"months", "month"},  {"years", "year"},    {"yr", "year"},
    {"watt", "W"},        {"watts", "W"},       {"joule", "J"},       {"joules", "J"},
    {"celsius", "degC"},  {"C", "degC"},        {"\u00b0C", "degC"},  {"fahrenheit", "degF"},
    {"F", "degF"},        {"\u00b0F", "degF"},  {"kelvin", "K"},      {"bytes", "B"},
    {"Gb", "GB or Gbit"}, {"Tb", "TB or Tbit"}, {"Mb", "MB or Mbit"}, {"Gbps", "Gbit/s"},
    {"Tbps", "Tbit/s"},   {"$", "USD"},         {"dollar", "USD"},    {"dollars", "USD"},
    {"percent", "%"},     {"\u03a9", "ohm"},    {"hertz", "Hz"},      {"FLOPs", "FLOP or FLOPS"},
    {"l", "L"},           {"liter", "L"},       {"liters", "L"},      {"litre", "L"},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<Unit> find_symbol(std::string_view name) {
  for (const Symbol& known : symbols())
    if (known.name == name)
      return Unit{known.dimension, known.times, known.over, known.shift, known.is_point};
  const auto prefixed = [&](std::string_view prefix, double times,
                            double over) -> std::optional<Unit> {
    if (!name.starts_with(prefix)) return std::nullopt;
    for (const Symbol& known : symbols())
      if (known.takes_prefix && known.name == name.substr(prefix.size()))
        return Unit{known.dimension, times * known.times, over * known.over, 0, false};
    return std::nullopt;
  };
  for (const Prefix& prefix : prefixes)
    if (auto unit = prefixed(prefix.name, prefix.times, prefix.over)) return unit;
  return prefixed("\u00b5", 1, 1e6);
}

std::string suggest_symbol(std::string_view name) {
  for (const Alias& alias : aliases)
    if (alias.written == name) return std::string(alias.meant);
  const std::string wanted = lower(name);
  for (const Symbol& known : symbols())
    if (lower(known.name) == wanted) return std::string(known.name);
  // Wrong case: MW is meant more often than mW, but ms more often than Ms.
  for (const Symbol& known : symbols()) {
    if (!known.takes_prefix || !wanted.ends_with(lower(known.name))) continue;
    const std::string_view head =
        std::string_view(wanted).substr(0, wanted.size() - known.name.size());
    const bool small_first = known.name == "s" || known.name == "m" || known.name == "g";
    if (small_first && head == "m") return "m" + std::string(known.name);
    for (const Prefix& prefix : prefixes)
      if (lower(prefix.name) == head) return std::string(prefix.name) + std::string(known.name);
  }
  for (const Alias& alias : aliases)
    if (lower(alias.written) == wanted) return std::string(alias.meant);
  return "";
}

/// kg is k times g/1000: without the common factor the stored unit itself converts exactly.
void reduce(Unit& unit) {
  constexpr double whole_numbers = 9e15;
  if (!(unit.times < whole_numbers && unit.over < whole_numbers)) return;
  if (unit.times != std::floor(unit.times) || unit.over != std::floor(unit.over)) return;
  const auto common = static_cast<double>(
      std::gcd(static_cast<std::int64_t>(unit.times), static_cast<std::int64_t>(unit.over)));
  if (common > 1) unit.times /= common, unit.over /= common;
}

class UnitParser {
 public:
  explicit UnitParser(std::string_view text) : text_(text) {}

  std::variant<Unit, TextProblem> run() {
    Unit unit = product(0);
    if (!problem_ && at_ < text_.size())
      fail("`" + whole() + "` is not a unit", "write it as in L/min/kW or W/(GB/s)");
    if (problem_) return *problem_;
    reduce(unit);
    if (!std::isfinite(unit.times) || !std::isfinite(unit.over) || unit.times == 0 ||
        unit.over == 0)
      return TextProblem{"`" + whole() + "` is out of range", "use a unit nearer to the value"};
    return unit;
  }

 private:
  std::string whole() const { return std::string(text_); }
  void fail(std::string problem, std::string advice) {
    if (!problem_) problem_ = TextProblem{std::move(problem), std::move(advice)};
  }
  bool take(char c) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ < text_.size() && text_[at_] == c) return ++at_, true;
    return false;
  }

  Unit product(int depth) {
    Unit left = factor(depth);
    while (!problem_) {
      const bool divides = take('/');
      if (!divides && !take('*')) break;
      const Unit right = factor(depth);
      if (problem_) break;
      if (left.is_point || right.is_point) {
        fail("`" + whole() + "` uses a temperature scale inside a larger unit",
             "write K, which has the same size as degC");
        break;
      }
      for (std::size_t i = 0; i < left.dimension.power.size(); ++i) {
        const int sum = left.dimension.power[i] +
                        (divides ? -right.dimension.power[i] : right.dimension.power[i]);
        if (sum > 9 || sum < -9) {
          fail("`" + whole() + "` is not a unit that anything has", "simplify it");
          break;
        }
        left.dimension.power[i] = static_cast<std::int8_t>(sum);
      }
      left.times *= divides ? right.over : right.times;
      left.over *= divides ? right.times : right.over;
    }
    return left;
  }

  Unit factor(int depth) {
    if (take('(')) {
      if (depth == 4) {
        fail("`" + whole() + "` nests too deeply", "simplify it");
        return {};
      }
      const Unit inner = product(depth + 1);
      if (!problem_ && !take(')')) fail("`" + whole() + "` lacks a closing bracket", "add )");
      return inner;
    }
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] != '/' && text_[at_] != '*' && text_[at_] != '(' &&
           text_[at_] != ')' && text_[at_] != ' ')
      ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    if (word == "1") return {};
    // m2, m3, s^2: the power is the last character, if the rest is a unit without it.
    std::string_view name = word;
    int power = 1;
    if (name.size() > 1 && (name.back() == '2' || name.back() == '3')) {
      power = name.back() - '0';
      name.remove_suffix(1);
      if (name.ends_with('^')) name.remove_suffix(1);
    }
    const auto found = find_symbol(name);
    if (!found) {
      unknown(word, start);
      return {};
    }
    if (power > 1 && found->is_point) {
      fail("`" + whole() + "` uses a temperature scale inside a larger unit",
           "write K, which has the same size as degC");
      return {};
    }
    Unit unit = *found;
    for (int i = 1; i < power; ++i) {
      unit.times *= found->times;
      unit.over *= found->over;
      for (std::size_t k = 0; k < unit.dimension.power.size(); ++k)
        unit.dimension.power[k] =
            static_cast<std::int8_t>(unit.dimension.power[k] + found->dimension.power[k]);
    }
    return unit;
  }

  void unknown(std::string_view word, std::size_t start) {
    if (word.empty())
      return fail("`" + whole() + "` is not a unit", "write it as in L/min/kW or W/(GB/s)");
    const std::string meant = suggest_symbol(word);
    if (meant.empty())
      return fail("unknown unit `" + std::string(word) + "`",
                  "the units are listed in docs/language.md; prefixes are p n u m k M G T P E");
    if (meant.find(" or ") != std::string::npos)
      return fail("unknown unit `" + std::string(word) + "`", "did you mean " + meant + "?");
    std::string corrected(text_);
    corrected.replace(start, word.size(), meant);
    fail("unknown unit `" + std::string(word) + "`", "did you mean " + corrected + "?");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<TextProblem> problem_;
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Splits off a leading decimal number; the rest is the unit.
struct NumberAndRest {
  std::optional<double> number;
  bool too_large = false;
  std::string_view rest;
};
NumberAndRest split_number(std::string_view text) {
  NumberAndRest out{std::nullopt, false, text};
  std::string_view body = text;
  if (body.starts_with('+')) body.remove_prefix(1);
  std::string_view digits = body;
  if (digits.starts_with('-') && body.size() == text.size()) digits.remove_prefix(1);
  if (digits.empty() || !((digits[0] >= '0' && digits[0] <= '9') || digits[0] == '.')) return out;
  double value = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (error == std::errc::invalid_argument) return out;
  out.rest = body.substr(static_cast<std::size_t>(end - body.data()));
  if (error == std::errc::result_out_of_range)
    out.too_large = true;
  else
    out.number = value;
  return out;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 60;
  if (text.size() <= longest) return "`" + std::string(text) + "`";
  std::size_t cut = longest;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;  // whole UTF-8
  return "`" + std::string(text.substr(0, cut)) + "...`";
}

bool has_separator(std::string_view rest) {
  return rest.size() > 1 && (rest[0] == ',' || rest[0] == '_' || rest[0] == '\'') &&
         rest[1] >= '0' && rest[1] <= '9';
}

Unit unit_of(std::string_view expression) {
  return std::get<Unit>(parse_unit(expression));
}

std::string kind_name(const UnitContext& expected) {
  if (expected.temperature_point) return "temperature";
  const std::string name = dimension_name(unit_of(expected.stored).dimension);
  return name.empty() ? "quantity in " + std::string(expected.shown) : name;
}

std::string with_article(const std::string& noun) {
  const bool vowel = std::string_view("aeiou").find(noun[0]) != std::string_view::npos;
  return (vowel ? "an " : "a ") + noun;
}

}  // namespace

std::variant<Unit, TextProblem> parse_unit(std::string_view expression) {
  return UnitParser(expression).run();
}

std::string dimension_name(const Dimension& d) {
  struct Named {
    const char* unit;
    const char* name;
  };
  static constexpr Named known[] = {
      {"W", "power"},
      {"J", "energy"},
      {"s", "time"},
      {"K", "temperature difference"},
      {"kg", "mass"},
      {"m", "length"},
      {"m2", "area"},
      {"m3", "volume"},
      {"m3/s", "volume flow"},
      {"kg/s", "mass flow"},
      {"Pa", "pressure"},
      {"V", "voltage"},
      {"A", "current"},
      {"ohm", "resistance"},
      {"1/s", "rate"},
      {"USD", "sum of money"},
      {"token", "number of tokens"},
      {"token/s", "token rate"},
      {"B", "number of bytes"},
      {"B/s", "byte rate"},
      {"FLOP", "number of operations"},
      {"FLOP/s", "operation rate"},
      {"1", "plain number"},
  };
  for (const Named& named : known)
    if (unit_of(named.unit).dimension == d) return named.name;
  return "";
}

std::variant<double, TextProblem> parse_quantity(std::string_view text,
                                                 const UnitContext& expected) {
  const std::string shown = expected.shown;
  const std::string kind = kind_name(expected);
  const auto parts = split_number(trim(text));
  if (parts.too_large)
    return TextProblem{quoted(text) + " is beyond the range of numbers", "use a larger unit"};
  if (!parts.number)
    return TextProblem{quoted(text) + " is not " + with_article(kind),
                       "write a number and a unit, such as `1 " + shown + "`"};
  const std::string number = format_number(*parts.number);
  if (has_separator(parts.rest))
    return TextProblem{quoted(text) + " has a separator inside its number",
                       "write the digits together, or use a larger unit"};
  const std::string_view unit_text = trim(parts.rest);
  if (unit_text.empty()) {
    // 600 may be watts or kilowatts: name both, so that nobody copies the wrong one.
    const std::string plain = expected.stored;
    const bool two = plain != shown && plain != "ns" && !expected.temperature_point &&
                     plain.find_first_of("/*( 0123456789") == std::string::npos;
    return TextProblem{quoted(text) + " has no unit",
                       "write " + (two ? "`" + number + " " + plain + "`, " : "") + "`" + number +
                           " " + shown + "`, or " + with_article(kind) + " in another unit"};
  }
  const auto parsed = parse_unit(unit_text);
  if (const auto* problem = std::get_if<TextProblem>(&parsed)) return *problem;
  const Unit& unit = std::get<Unit>(parsed);
  const Unit stored = unit_of(expected.stored);
  if (unit.dimension != stored.dimension) {
    const std::string name = unit.is_point ? "temperature" : dimension_name(unit.dimension);
    return TextProblem{quoted(text) + " is " +
                           (name.empty() ? "in " + std::string(unit_text) : with_article(name)) +
                           ", not " + with_article(kind),
                       "write it in " + shown + ", as in `1 " + shown + "`"};
  }
  if (unit.is_point && !expected.temperature_point)
    return TextProblem{
        quoted(text) + " is a temperature, but a temperature difference belongs here",
        "write `" + number + " K`"};
  // Stored units have no shift of their own; one factor rounds less than two.
  Unit direct{stored.dimension, unit.times * stored.over, unit.over * stored.times, unit.shift};
  reduce(direct);
  const double value = direct.to_base(*parts.number);
  if (!std::isfinite(value))
    return TextProblem{quoted(text) + " is beyond the range of numbers", "use a smaller unit"};
  if (expected.temperature_point && value < 0)
    return TextProblem{quoted(text) + " is below absolute zero", "write -273.15 degC or more"};
  return value;
}

std::variant<double, TextProblem> parse_ratio(std::string_view text) {
  const auto parts = split_number(trim(text));
  if (parts.too_large)
    return TextProblem{quoted(text) + " is beyond the range of numbers", "write a smaller number"};
  if (!parts.number)
    return TextProblem{quoted(text) + " is not a number", "write a number, such as `0.5`"};
  if (has_separator(parts.rest))
    return TextProblem{quoted(text) + " has a separator inside its number",
                       "write the digits together"};
  const std::string_view unit_text = trim(parts.rest);
  if (unit_text.empty()) return *parts.number;
  const auto parsed = parse_unit(unit_text);
  if (const auto* problem = std::get_if<TextProblem>(&parsed)) return *problem;
  const Unit& unit = std::get<Unit>(parsed);
  if (unit.dimension != none)
    return TextProblem{quoted(text) + " has a unit, but a plain number belongs here",
                       "write `" + format_number(*parts.number) + "`"};
  return unit.to_base(*parts.number);
}

std::string format_number(double value) {
  char buffer[64];
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e15);
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer, end.ptr);
  if (const auto e = text.find("e+"); e != std::string::npos) text.erase(e + 1, 1);
  return text;
}

namespace {

/// `value` written in `unit`, if a short text of it reads back as the same double.
std::optional<std::string> exact_text(double value, const std::string& unit,
                                      const UnitContext& context) {
  const Unit parsed = unit_of(unit);
  const double shown = parsed.from_base(unit_of(context.stored).to_base(value));
  const auto same = [&](double candidate) {
    const std::string text = format_number(candidate) + " " + unit;
    const auto back = parse_quantity(text, context);
    const double* read = std::get_if<double>(&back);
    return read && *read == value ? std::optional(text) : std::nullopt;
  };
  if (!std::isfinite(shown)) return std::nullopt;
  // The division may have left the last digits astray: the text that was read had fewer of them.
  for (int digits = 1; digits <= 17; ++digits) {
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, shown,
                                   std::chars_format::scientific, digits - 1);
    double rounded = 0;
    std::from_chars(buffer, end.ptr, rounded);
    if (auto text = same(rounded)) return text;
  }
  return std::nullopt;
}

std::vector<std::string> candidate_units(const UnitContext& context) {
  const std::string shown = context.shown;
  if (unit_of(context.stored).dimension == time_ && shown == "s")
    return {"s", "ms", "us", "ns", "min", "h", "d"};
  std::vector<std::string> units = {shown};
  // Only the first symbol of a unit takes another prefix, and only where that reads well.
  const std::size_t cut = std::min(shown.find_first_of("/*("), shown.size());
  std::string head = shown.substr(0, cut);
  for (const char* plain : {"W", "Wh", "J", "B", "FLOP", "Hz", "Pa", "V", "token"}) {
    if (head != plain &&
        !(head.size() == std::string_view(plain).size() + 1 && head.ends_with(plain)))
      continue;
    units.push_back(plain + shown.substr(cut));
    for (const char* prefix : {"k", "M", "G", "T", "P", "m", "u", "n", "p"})
      units.push_back(prefix + (plain + shown.substr(cut)));
    break;
  }
  if (shown == "kWh")  // energies of an operation or a token are far below a watt-hour
    units.insert(units.end(), {"J", "mJ", "uJ", "nJ", "pJ"});
  return units;
}

}  // namespace

std::string format_quantity(double value, const UnitContext& context) {
  std::optional<std::string> best;
  const auto cost = [](const std::string& text) {
    const double number = std::fabs(*split_number(text).number);
    const bool awkward = number != 0 && (number < 1 || number >= 1000);
    const bool huge = number >= 1e9;  // 1e16 ns is short, but nobody reads it
    return text.size() + (awkward ? 3u : 0u) + (huge ? 9u : 0u);
  };
  for (const std::string& unit : candidate_units(context)) {
    auto text = exact_text(value, unit, context);
    if (text && (!best || cost(*text) < cost(*best))) best = text;
    if (value == 0 || context.temperature_point) break;
  }
  if (best) return *best;
  return format_number(value) + " " + context.stored;  // exact: no conversion
}

std::string show_quantity(double value, const UnitContext& context) {
  const std::string exact = format_quantity(value, context);
  if (exact.find(' ') <= 12) return exact;
  char buffer[64];
  const double shown = unit_of(context.shown).from_base(unit_of(context.stored).to_base(value));
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, shown, std::chars_format::general, 9);
  return std::string(buffer, end.ptr) + " " + context.shown;
}

}  // namespace mw::sim
