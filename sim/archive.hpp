#pragma once
// Described values to bytes and back: checkpoints, forks into another process, byte-equality in
// tests. A file holds
//
//   "MWARCH01" | layout fingerprint | payload size | checksum | payload       (little endian)
//
// The fingerprint folds the name and kind of every field, so bytes written by a build whose structs
// differ are refused instead of misread.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"
#include "sim/trace_hash.hpp"

namespace mw::sim {

class ArchiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

static_assert(std::endian::native == std::endian::little, "archives are written little endian");

namespace archive_detail {

template <class T>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;

/// Kinds stored as their own bytes.
template <class T>
inline constexpr bool is_plain = std::is_arithmetic_v<T> || std::is_enum_v<T> || is_quantity<T>;

/// Bytes of a T that its description accounts for, or 0 when some field is not plain. Equal to
/// sizeof(T) means: no padding, nothing left out, so whole vectors of T can be copied at once.
/// The parts that a value is made of, in the order in which they are written and read.
template <class T, class Visit>
void each_part(T& v, Visit visit) {
  if constexpr (is_pair<std::remove_const_t<T>>) {
    visit(v.first);
    visit(v.second);
  } else if constexpr (is_sourced<std::remove_const_t<T>>) {
    visit(v.value);
    visit(v.confidence);
    visit(v.source);
  } else if constexpr (is_entry<std::remove_const_t<T>>) {
    visit(v.name);
    visit(v.value);
  } else {
    describe(v, [&](const char*, auto& field, const About&) { visit(field); });
  }
}

template <class T>
std::size_t packed_size() {
  if constexpr (is_plain<T>) {
    return std::is_same_v<T, bool> ? 0 : sizeof(T);
  } else if constexpr (is_array<T>) {
    return packed_size<typename T::value_type>() * std::tuple_size_v<T>;
  } else if constexpr (Described<T> && std::is_trivially_copyable_v<T>) {
    T probe{};
    std::size_t total = 0;
    bool plain = true;
    describe(probe, [&](const char*, auto& field, const About&) {
      const std::size_t size = packed_size<std::remove_reference_t<decltype(field)>>();
      plain = plain && size != 0;
      total += size;
    });
    return plain ? total : 0;
  } else {
    return 0;
  }
}
template <class T>
bool is_packed() {
  static const bool packed = packed_size<T>() == sizeof(T);
  return packed;
}

/// Folds the shape of a type: walks a default-made value, so a struct must not hold itself.
struct Shape {
  TraceHash hash;
  void text(std::string_view s) {
    hash.word(s.size());
    for (const char c : s) hash.word(static_cast<unsigned char>(c));
  }
  template <class T>
  void type() {
    hash.word(sizeof(T));
    if constexpr (std::is_same_v<T, bool>) {
      text("bool");
    } else if constexpr (std::is_arithmetic_v<T>) {
      text(std::is_floating_point_v<T> ? "float" : std::is_signed_v<T> ? "int" : "uint");
    } else if constexpr (is_quantity<T>) {
      text(T::unit::symbol);
    } else if constexpr (NamedEnum<T>) {
      for (const char* name : enum_names(T{})) text(name);
    } else if constexpr (std::is_enum_v<T>) {
      text("enum");
    } else if constexpr (std::is_same_v<T, std::string>) {
      text("string");
    } else if constexpr (is_vector<T> || is_array<T> || is_optional<T>) {
      text(is_vector<T> ? "vector" : is_array<T> ? "array" : "optional");
      type<typename T::value_type>();
    } else if constexpr (is_pair<T>) {
      text("pair");
      type<typename T::first_type>();
      type<typename T::second_type>();
    } else if constexpr (is_sourced<T> || is_entry<T>) {
      text(is_sourced<T> ? "sourced" : "entry");
      type<decltype(T::value)>();
    } else {
      static_assert(Described<T>, "an archive holds described structs and plain kinds only");
      text("{");
      T probe{};
      const auto* base = reinterpret_cast<const char*>(&probe);
      describe(probe, [&](const char* name, auto& field, const About&) {
        text(name);
        hash.word(static_cast<std::uint64_t>(reinterpret_cast<const char*>(&field) - base));
        type<std::remove_reference_t<decltype(field)>>();
      });
      text("}");
    }
  }
};

template <class T>
std::uint64_t layout_fingerprint() {
  static const std::uint64_t fingerprint = [] {
    Shape shape;
    shape.type<T>();
    return shape.hash.value;
  }();
  return fingerprint;
}

inline std::uint64_t checksum(std::span<const std::byte> bytes) {
  TraceHash hash;
  hash.word(bytes.size());
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    hash.word(word);
  }
  std::uint64_t last = 0;
  if (at < bytes.size()) std::memcpy(&last, bytes.data() + at, bytes.size() - at);
  hash.word(last);
  return hash.value;
}

struct Writer {
  std::vector<std::byte>& out;
  void raw(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    out.insert(out.end(), bytes, bytes + size);
  }
  void count(std::uint64_t n) { raw(&n, sizeof n); }

  template <class T>
  void value(const T& v) {
    if constexpr (is_plain<T>) {
      raw(&v, sizeof v);
    } else if constexpr (std::is_same_v<T, std::string>) {
      count(v.size());
      raw(v.data(), v.size());
    } else if constexpr (is_vector<T>) {
      count(v.size());
      elements(v);
    } else if constexpr (is_array<T>) {
      elements(v);
    } else if constexpr (is_optional<T>) {
      value(v.has_value());
      if (v) value(*v);
    } else {
      each_part(v, [this](const auto& part) { value(part); });
    }
  }
  template <class C>
  void elements(const C& c) {
    using E = typename C::value_type;
    if constexpr (std::is_trivially_copyable_v<E> && !std::is_same_v<E, bool>) {
      if (is_packed<E>()) {
        if (!c.empty()) raw(c.data(), c.size() * sizeof(E));
        return;
      }
    }
    for (const E& e : c) value(e);
  }
};

struct Reader {
  std::span<const std::byte> in;
  void raw(void* data, std::size_t size) {
    need(size);
    if (size != 0) std::memcpy(data, in.data(), size);
    in = in.subspan(size);
  }
  void need(std::uint64_t size) const {
    if (size > in.size()) throw ArchiveError("archive: ends in the middle of a value");
  }
  std::size_t count() {
    std::uint64_t n;
    raw(&n, sizeof n);
    need(n);  // every element takes a byte or more; keeps a bad count from allocating the machine
    return n;
  }

  template <class T>
  void value(T& v) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte;
      raw(&byte, 1);
      if (byte > 1) throw ArchiveError("archive: a truth value is neither 0 nor 1");
      v = byte == 1;
    } else if constexpr (NamedEnum<T>) {
      std::underlying_type_t<T> number;
      raw(&number, sizeof number);
      if (std::cmp_less(number, 0) || std::cmp_greater_equal(number, enum_names(T{}).size())) {
        throw ArchiveError("archive: a choice is outside its list of names");
      }
      v = static_cast<T>(number);
    } else if constexpr (is_plain<T>) {
      raw(&v, sizeof v);
    } else if constexpr (std::is_same_v<T, std::string>) {
      v.resize(count());
      raw(v.data(), v.size());
    } else if constexpr (is_vector<T>) {
      v.clear();
      v.resize(count());
      elements(v);
    } else if constexpr (is_array<T>) {
      elements(v);
    } else if constexpr (is_optional<T>) {
      bool present;
      value(present);
      v.reset();
      if (present) value(v.emplace());
    } else {
      each_part(v, [this](auto& part) { value(part); });
    }
  }
  template <class C>
  void elements(C& c) {
    using E = typename C::value_type;
    if constexpr (std::is_same_v<C, std::vector<bool>>) {
      for (std::size_t i = 0; i < c.size(); ++i) {
        bool b;
        value(b);
        c[i] = b;
      }
    } else {
      if constexpr (std::is_trivially_copyable_v<E>) {
        if (is_packed<E>()) {
          raw(c.data(), c.size() * sizeof(E));
          return;
        }
      }
      for (E& e : c) value(e);
    }
  }
};

inline constexpr char magic[8] = {'M', 'W', 'A', 'R', 'C', 'H', '0', '1'};
struct Header {
  char magic[8];
  std::uint64_t layout, size, checksum;
};
static_assert(sizeof(Header) == 32);

}  // namespace archive_detail

/// `value` as bytes; equal values give equal bytes.
template <class T>
std::vector<std::byte> save(const T& value) {
  using namespace archive_detail;
  std::vector<std::byte> bytes(sizeof(Header));
  Writer{bytes}.value(value);
  const auto payload = std::span<const std::byte>(bytes).subspan(sizeof(Header));
  Header header{{}, layout_fingerprint<T>(), payload.size(), checksum(payload)};
  std::memcpy(header.magic, magic, sizeof magic);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

/// Throws ArchiveError and leaves `value` as it was when the bytes are not a whole archive of T.
template <class T>
void load(T& value, std::span<const std::byte> bytes) {
  using namespace archive_detail;
  Header header;
  if (bytes.size() < sizeof header) throw ArchiveError("archive: shorter than its header");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, magic, sizeof magic) != 0) {
    throw ArchiveError("archive: does not begin with MWARCH01, so it is not an archive");
  }
  if (header.layout != layout_fingerprint<T>()) {
    throw ArchiveError("archive: written for another layout (another version or another type)");
  }
  const auto payload = bytes.subspan(sizeof header);
  if (payload.size() != header.size) {
    throw ArchiveError("archive: " + std::to_string(payload.size()) + " bytes where " +
                       std::to_string(header.size) + " were written (truncated or appended to)");
  }
  if (checksum(payload) != header.checksum) {
    throw ArchiveError("archive: checksum does not match (the bytes were changed)");
  }
  const auto fresh = std::make_unique<T>();  // worlds are too large for the stack
  Reader reader{payload};
  reader.value(*fresh);
  if (!reader.in.empty()) throw ArchiveError("archive: bytes left over after the last value");
  value = std::move(*fresh);
}

}  // namespace mw::sim
