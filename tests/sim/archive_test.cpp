#include "sim/archive.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sim = mw::sim;
using sim::About;

namespace {
enum class Colour { red, green };
std::span<const char* const> enum_names(Colour) {
  static constexpr const char* names[] = {"red", "green"};
  return names;
}
struct Packed {  // copied as one block
  std::int32_t a = 0, b = 0;
  double c = 0;
  bool operator==(const Packed&) const = default;
};
template <sim::Describes<Packed> Self>
void describe(Self& self, auto&& visit) {
  visit("a", self.a, About{});
  visit("b", self.b, About{});
  visit("c", self.c, About{});
}
struct Padded {  // has a hole whose bytes mean nothing
  std::int8_t a = 0;
  std::int64_t b = 0;
  bool operator==(const Padded&) const = default;
};
template <sim::Describes<Padded> Self>
void describe(Self& self, auto&& visit) {
  visit("a", self.a, About{});
  visit("b", self.b, About{});
}
struct All {
  bool flag = false;
  Colour colour = Colour::red;
  sim::Power power;
  std::string text;
  std::optional<std::string> note;
  std::vector<Packed> packed;
  std::vector<Padded> padded;
  std::vector<std::vector<std::string>> nested;
  std::vector<bool> bits;
  std::array<std::uint16_t, 3> triple{};
  std::pair<int, double> pair;
  sim::Sourced<sim::Power> sourced;
  sim::Entry<Padded> entry;
};
template <sim::Describes<All> Self>
void describe(Self& self, auto&& visit) {
  visit("flag", self.flag, About{});
  visit("colour", self.colour, About{});
  visit("power", self.power, About{});
  visit("text", self.text, About{});
  visit("note", self.note, About{});
  visit("packed", self.packed, About{});
  visit("padded", self.padded, About{});
  visit("nested", self.nested, About{});
  visit("bits", self.bits, About{});
  visit("triple", self.triple, About{});
  visit("pair", self.pair, About{});
  visit("sourced", self.sourced, About{});
  visit("entry", self.entry, About{});
}
All sample() {
  All all;
  all.flag = true;
  all.colour = Colour::green;
  all.power = {1.5e6};
  all.text = std::string("with a zero \0 inside", 20);
  all.note = "here";
  all.packed = {{1, 2, 0.1}, {-3, 4, -0.0}};
  all.padded = {{1, 1ll << 60}, {-1, -7}};
  all.nested = {{"a", ""}, {}, {"bc"}};
  all.bits = {true, false, true};
  all.triple = {1, 2, 65535};
  all.pair = {-5, 2.5};
  all.sourced = {{700}, sim::Confidence::data_sheet, "somewhere"};
  all.entry = {"name", {3, 4}};
  return all;
}
template <class T>
std::string failure(T& value, std::span<const std::byte> bytes) {
  try {
    sim::load(value, bytes);
  } catch (const sim::ArchiveError& e) {
    return e.what();
  }
  return "";
}
bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("what is loaded is what was saved, field by field and byte by byte") {
  const All a = sample();
  All b;
  b.nested = {{"left over"}};
  sim::load(b, sim::save(a));
  CHECK(b.flag);
  CHECK(b.colour == Colour::green);
  CHECK(b.power.value == 1.5e6);
  CHECK(b.text == a.text);
  CHECK(b.note == a.note);
  CHECK(b.packed == a.packed);
  CHECK(b.padded == a.padded);
  CHECK(b.nested == a.nested);
  CHECK(b.bits == a.bits);
  CHECK(b.triple == a.triple);
  CHECK(b.pair == a.pair);
  CHECK(b.sourced.value.value == 700);
  CHECK(b.sourced.confidence == sim::Confidence::data_sheet);
  CHECK(b.sourced.source == "somewhere");
  CHECK(b.entry.name == "name");
  CHECK(b.entry.value == a.entry.value);
  CHECK(sim::save(b) == sim::save(a));
}

TEST_CASE("holes in a struct do not reach the bytes") {
  CHECK(sim::archive_detail::is_packed<Packed>());
  CHECK_FALSE(sim::archive_detail::is_packed<Padded>());
  // Header, count, and 9 bytes for each element, not 16.
  CHECK(sim::save(std::vector<Padded>(4)).size() == 32 + 8 + 4 * 9);
}

TEST_CASE("every changed byte and every truncation is noticed, and the target is left alone") {
  const std::vector<std::byte> good = sim::save(sample());
  All target;
  target.text = "untouched";
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::vector<std::byte> bad = good;
    bad[i] ^= std::byte{0x10};
    REQUIRE(failure(target, bad) != "");
    REQUIRE(failure(target, std::span(good).first(i)) != "");
  }
  std::vector<std::byte> longer = good;
  longer.push_back(std::byte{0});
  CHECK(contains(failure(target, longer), "truncated or appended"));
  CHECK(target.text == "untouched");
}

TEST_CASE("the message says what is wrong") {
  const std::vector<std::byte> good = sim::save(sample());
  All target;
  CHECK(contains(failure(target, std::span(good).first(10)), "shorter than its header"));
  CHECK(contains(failure(target, std::span(good).first(good.size() - 1)), "truncated"));
  std::vector<std::byte> bad = good;
  bad[0] = std::byte{'X'};
  CHECK(contains(failure(target, bad), "not an archive"));
  bad = good;
  bad.back() ^= std::byte{1};
  CHECK(contains(failure(target, bad), "checksum"));
  Padded other;
  CHECK(contains(failure(other, good), "another layout"));
}

TEST_CASE("a value that only a broken writer could make is refused, not misread") {
  // A payload of one's own under a right checksum.
  const auto forge = [](auto type, std::vector<std::uint8_t> payload) {
    using T = decltype(type);
    std::vector<std::byte> bytes = sim::save(T{});
    bytes.resize(32);
    for (const std::uint8_t b : payload) bytes.push_back(std::byte{b});
    const auto body = std::span<const std::byte>(bytes).subspan(32);
    const std::uint64_t size = body.size(), sum = sim::archive_detail::checksum(body);
    std::memcpy(bytes.data() + 16, &size, 8);
    std::memcpy(bytes.data() + 24, &sum, 8);
    T value{};
    return failure(value, bytes);
  };
  CHECK(contains(forge(true, {2}), "neither 0 nor 1"));
  CHECK(contains(forge(Colour::red, {7, 0, 0, 0}), "outside its list"));
  CHECK(
      contains(forge(std::string(), {255, 255, 255, 255, 255, 255, 255, 0}), "middle of a value"));
  CHECK(contains(forge(std::vector<double>(), {1, 0, 0, 0, 0, 0, 0, 0, 9}), "middle of a value"));
  CHECK(contains(forge(std::int32_t(), {1, 0, 0, 0, 5}), "left over"));
}
