// Which steps a run takes where its author did not say.
#include <doctest/doctest.h>

#include <fstream>

#include "scenarios/build.hpp"
#include "support/scratch.hpp"

using namespace mw;
using namespace mw::scenarios;
using sim::millisecond;
using sim::second;

namespace {

struct Steps {
  sim::Time step, sub_step;
  bool told;  // in the line about fidelity
  bool operator==(const Steps&) const = default;
};

/// `site`, `more`: lines of the block, and of the scenario.
Steps steps(const std::string& duration, const std::string& site = "",
            const std::string& more = "fidelity: {mode: cohort}\n") {
  const test::Scratch scratch;
  std::ofstream(scratch / "s.yaml")
      << "millwright: 1\nname: test\nduration: " + duration + "\nsite:\n" + site +
             "  climate: {start: 2026-07-15T00:00-07:00, weather: phoenix}\n  electrical: ac_2n\n"
             "  cooling: {plant: dry_cooler}\nracks:\n  - {name: a, type: gb200_nvl72, count: 2}\n"
             "inference:\n  - service: chat\n    model: llama_3_1_8b\n    precision: fp8\n"
             "    engine: {gpus: 1, replicas: fill, replicas_per_pod: 4, stack: trtllm_1}\n"
             "    traffic: {like: azure_conversation}\n" +
             more;
  const auto built = build_site(
      read_document<Scenario>((scratch / "s.yaml").string(), {}, Catalog()), scratch.path());
  return {built.step, built.sub_step,
          models::fidelity_text(built).find("steps of 10 s") != std::string::npos};
}

}  // namespace

TEST_CASE("A long cohort that nobody controls takes long steps, and says so") {
  const Steps fine{second, 100 * millisecond, false}, coarse{10 * second, second, true};
  CHECK(steps("24 h") == coarse);
  CHECK(steps("6 h") == coarse);
  CHECK(steps("5 h") == fine);
  // Chosen by the user, whole or in part.
  CHECK(steps("24 h", "  sub_step: 100 ms\n") == fine);
  CHECK(steps("24 h", "  physics_step: 2 s\n") == Steps{2 * second, 100 * millisecond, false});
  // Somebody looks at what is faster.
  CHECK(steps("24 h", "  envelope: 5 MW\n") == fine);
  CHECK(steps("24 h", "", "fidelity: {mode: request}\n") == fine);
  CHECK(steps("24 h", "",
              "fidelity: {mode: cohort}\nevents:\n  - {at: 1 h, kind: heat_wave, warmer: 5 K, "
              "for: 1 h}\n") == fine);
}
