#include <cstdint>
#include <string_view>

#include "fuzz/read_whole.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    mw::sim::JsonlReader lines("input.jsonl", text, 65'536);
    mw::test::read_whole(lines);
  } catch (const mw::sim::InputError&) {
    // A refusal with a message is an answer; everything else that ends a run is a finding.
  }
  return 0;
}
