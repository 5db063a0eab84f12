#pragma once
#include <cstddef>

#include "sim/io/csv.hpp"
#include "sim/io/jsonl.hpp"

// What the malformed-input tests and the fuzz targets both do with an input: read all of it, every
// typed getter included. Either the whole is read, or an InputError says why not.
namespace mw::test {

/// Columns named `t`, `n` and `x` hold time stamps, whole numbers and numbers; others text.
inline std::size_t read_whole(sim::CsvReader& table) {
  const auto t = table.find_column("t"), n = table.find_column("n"), x = table.find_column("x");
  std::size_t records = 0;
  while (table.next()) {
    if (t) table.time_stamp(*t);
    if (n) table.integer(*n);
    if (x) table.number(*x);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < table.size(); ++i) bytes += table.text(i).size();
    ++records;
    if (bytes == 0 && table.size() == 0) table.fail(0, "a record without fields", "");
  }
  return records;
}

/// Keys `t`, `n`, `x` and `s` hold time stamps, whole numbers, numbers and text, `list` whole
/// numbers; `n` must be there.
inline std::size_t read_whole(sim::JsonlReader& lines) {
  std::size_t records = 0;
  while (lines.next()) {
    lines.integer("n");
    if (lines.has("t")) lines.time_stamp("t");
    if (lines.has("x")) lines.number("x");
    if (lines.has("s")) lines.text("s");
    if (lines.has("list")) lines.integers("list");
    ++records;
  }
  return records;
}

}  // namespace mw::test
