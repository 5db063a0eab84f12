#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "fuzz/read_whole.hpp"
#include "sim/io/csv.hpp"
#include "sim/io/jsonl.hpp"
#include "sim/io/line_reader.hpp"
#include "support/scratch.hpp"

using namespace mw::sim;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> lines_of(LineReader reader) {
  std::vector<std::string> lines;
  while (reader.next()) lines.emplace_back(reader.line());
  return lines;
}

std::string message(const auto& body) {
  try {
    body();
  } catch (const InputError& error) {
    return error.what();
  }
  return "(no error)";
}

std::string quoted(const std::string& field) {
  std::string out = "\"";
  for (const char c : field) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace

TEST_CASE("lines: ends of line, last line, byte-order mark") {
  using Lines = std::vector<std::string>;
  CHECK(lines_of(LineReader("t", "")) == Lines{});
  CHECK(lines_of(LineReader("t", "a\nb\r\n\nc")) == Lines{"a", "b", "", "c"});
  CHECK(lines_of(LineReader("t", "a\r\nb\r")) == Lines{"a", "b"});
  CHECK(lines_of(LineReader("t",
                            "\xEF\xBB\xBF"
                            "a\n")) == Lines{"a"});
  CHECK(lines_of(LineReader("t", "\xEF\xBB\xBF")) == Lines{});
}

TEST_CASE("lines joined again are the text, whatever their lengths and the buffer's") {
  CHECK(rc::check([] {
    const auto lengths = *rc::gen::container<std::vector<std::size_t>>(
        rc::gen::element<std::size_t>(0, 1, 2, 100, 65'534, 65'535, 65'536, 65'537, 200'000));
    std::string text;
    for (std::size_t i = 0; i < lengths.size(); ++i)
      text += std::string(lengths[i], static_cast<char>('a' + i % 26)) + '\n';
    LineReader reader("t", text);
    std::string again;
    while (reader.next()) again += std::string(reader.line()) + '\n';
    RC_ASSERT(again == text);
    RC_ASSERT(reader.number() == static_cast<int>(lengths.size()));
  }));
}

TEST_CASE("a line beyond the limit is refused before it fills the memory") {
  const std::string text = "short\n" + std::string(200'000, 'x');
  LineReader reader("t.txt", text, 100'000);
  CHECK(reader.next());
  CHECK(message([&] { reader.next(); }) ==
        "t.txt:2: the line is longer than 100000 bytes; check that this is a text file with one "
        "record a line");
  LineReader exact("t.txt", "12345\n", 5);
  CHECK(exact.next());
}

TEST_CASE("gzip and plain files give the same lines") {
  const mw::test::Scratch folder;
  const std::string text = "one\ntwo\r\nthree";
  std::ofstream(folder / "plain", std::ios::binary) << text;
  const gzFile packed = gzopen((folder / "packed").c_str(), "wb");
  REQUIRE(packed != nullptr);
  gzwrite(packed, text.data(), static_cast<unsigned>(text.size()));
  gzclose(packed);
  CHECK(lines_of(LineReader(folder / "plain")) == std::vector<std::string>{"one", "two", "three"});
  CHECK(lines_of(LineReader(folder / "packed")) == lines_of(LineReader(folder / "plain")));
}

TEST_CASE("files that cannot be read say why") {
  const mw::test::Scratch folder;
  CHECK(
      message([&] { LineReader missing(fs::path("no/such.csv")); }) ==
      "no/such.csv: cannot be opened (No such file or directory); check the path and that you may "
      "read it");
  CHECK(message([&] { LineReader reader(folder / "."); }).find("is a folder; name a file") !=
        std::string::npos);
}

TEST_CASE("CSV written by the rules of RFC 4180 is read back, field by field") {
  CHECK(rc::check([] {
    const auto field =
        rc::gen::container<std::string>(rc::gen::element('a', '"', ',', '\n', ' ', ';'));
    const auto width = *rc::gen::inRange<std::size_t>(1, 5);
    const auto table = *rc::gen::container<std::vector<std::vector<std::string>>>(
        rc::gen::container<std::vector<std::string>>(width, field));
    std::string text = "h";
    for (std::size_t i = 1; i < width; ++i) text += ",h" + std::to_string(i);
    text += '\n';
    for (const auto& row : table)
      for (std::size_t i = 0; i < width; ++i)
        text += quoted(row[i]) + (i + 1 < width ? "," : "\r\n");
    CsvReader reader("t", text);
    for (const auto& row : table) {
      RC_ASSERT(reader.next());
      for (std::size_t i = 0; i < width; ++i) RC_ASSERT(reader.text(i) == row[i]);
    }
    RC_ASSERT(!reader.next());
  }));
}

TEST_CASE("CSV columns are found by name, and errors point at the field") {
  CsvReader reader("t.csv", "a,b\n\"x\ny\",1\n");
  CHECK(reader.column("b") == 1);
  CHECK_FALSE(reader.find_column("c"));
  CHECK(message([&] { (void)reader.column("c"); }) ==
        "t.csv:1: there is no column \"c\"; the file has: a, b");
  REQUIRE(reader.next());
  CHECK(reader.line() == 2);
  CHECK(reader.text(0) == "x\ny");
  CHECK(message([&] { reader.fail(1, "is wrong", "mend it"); }) ==
        "t.csv:3:4: column \"b\": is wrong; mend it");
}

TEST_CASE("CSV without names, with a preamble, with another separator") {
  CsvReader reader("t", "weather of somewhere\n1;2\n3;4\n",
                   {.separator = ';', .header = false, .skip_lines = 1});
  std::int64_t sum = 0;
  while (reader.next()) sum += reader.integer(0) * reader.integer(1);
  CHECK(sum == 1 * 2 + 3 * 4);
  CHECK(message([] { CsvReader("t", "only\n", {.skip_lines = 2}); }) ==
        "t: the file ends within its preamble; expected 2 lines before the table");
}

TEST_CASE("a record of many quoted lines has a limit too") {
  std::string text = "a\n\"";
  for (int i = 0; i < 1000; ++i) text += "0123456789\n";
  CHECK(message([&] { CsvReader("t", text, {.record_limit = 2000}).next(); }) ==
        "t:2:1: the record is longer than 2000 bytes; check that every quote is closed");
}

TEST_CASE("JSON lines: typed getters") {
  JsonlReader reader("t", R"({"n": 3, "list": [4, 5.0], "at": "1970-01-01T00:00:01Z", "s": "é"})");
  REQUIRE(reader.next());
  CHECK(reader.integer("n") == 3);
  CHECK(reader.number("n") == 3.0);
  CHECK(reader.integers("list") == std::vector<std::int64_t>{4, 5});
  CHECK(reader.time_stamp("at").unix_ns == 1'000'000'000);
  CHECK(reader.text("s") == "é");
  CHECK_FALSE(reader.has("missing"));
  CHECK_FALSE(reader.next());
}

TEST_CASE("each file of the corpus is read whole, or refused with its message") {
  for (const std::string kind : {"csv", "jsonl"}) {
    const fs::path folder = fs::path(MILLWRIGHT_SOURCE_DIR) / "tests/corpus" / kind;
    std::map<std::string, std::string> expected;
    LineReader answers(folder.string() + ".expected");
    while (answers.next()) {
      const std::string line(answers.line());
      const auto colon = line.find(':');
      expected[line.substr(0, colon)] = line.substr(colon);
    }
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string path = entry.path().string(), name = entry.path().filename().string();
      std::string result;
      try {
        std::size_t records = 0;
        if (kind == "csv") {
          CsvReader reader(entry.path());
          records = mw::test::read_whole(reader);
        } else {
          JsonlReader reader(entry.path());
          records = mw::test::read_whole(reader);
        }
        result = ": " + std::to_string(records) + " records";
      } catch (const InputError& error) {
        result = std::string(error.what()).substr(path.size());
        CHECK(error.file == path);
        CHECK_FALSE(error.advice.empty());
      }
      CAPTURE(name);
      CHECK(result == expected[name]);
      ++files;
    }
    CHECK(files == expected.size());
    CHECK(files >= 25);
  }
}

TEST_CASE("the Azure conversation trace of 2023 is read whole") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  const fs::path path = fs::path(data == nullptr ? "" : data) /
                        "inference_traces/AzureLLMInferenceTrace_conv_2023.csv";
  if (data == nullptr || !fs::exists(path)) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to the folder that holds ", path.filename().string());
    return;
  }
  CsvReader reader(path);
  const auto t = reader.column("TIMESTAMP"), n = reader.column("GeneratedTokens");
  std::int64_t rows = 0, tokens = 0, first = 0, last = 0;
  while (reader.next()) {
    last = reader.time_stamp(t).unix_ns;
    if (rows++ == 0) first = last;
    tokens += reader.integer(n);
  }
  // Counted with awk: records, and the sum of the third column. First and last line's times differ
  // by 19:14:08.4025270 - 18:15:46.6805900.
  CHECK(rows == 19'366);
  CHECK(tokens == 4'088'665);
  CHECK(last - first == 3'501'721'937'000);
}
