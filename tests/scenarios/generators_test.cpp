#include "scenarios/generators.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

using namespace mw;

namespace {

models::GeneratorEstimate ask(const scenarios::Generators& all, const std::string& model,
                              const models::GeneratorRun& run) {
  std::string why;
  const auto e = all.estimate(model, run, why);
  REQUIRE_MESSAGE(e, why);
  return *e;
}

}  // namespace

TEST_CASE("Generators answer to catalog names and publishers' names, and say what they rest on") {
  const scenarios::Generators all{scenarios::Catalog()};
  const auto e = ask(all, "flux_1_dev", {.gpu = "h100_sxm"});
  // ML.ENERGY v3: FLUX.1 dev on one H100, one image of 1024 x 1024 in 50 steps.
  CHECK(e.latency == doctest::Approx(11.64));
  CHECK(e.energy == doctest::Approx(7949));
  CHECK(e.basis == models::GeneratorBasis::measured);
  CHECK(ask(all, "Black-Forest-Labs/flux.1-DEV", {.gpu = "h100_sxm"}).latency == e.latency);

  // H200 is H100 with more memory: 16 images a batch need the same arithmetic. Not measured, so
  // marked; the figure is H100's.
  const auto h200 = ask(all, "flux_1_dev", {.gpu = "h200", .batch = 16});
  CHECK(h200.basis == models::GeneratorBasis::estimated);
  CHECK(h200.latency == doctest::Approx(176.6).epsilon(1e-3));

  std::string why;
  CHECK_FALSE(all.estimate("flux_1_devv", {.gpu = "b200"}, why));
  CHECK(why.find("did you mean `flux_1_dev`?") != std::string::npos);
  CHECK_FALSE(all.estimate("flux_1_dev", {.gpu = "b20"}, why));
  CHECK(why == "there is no GPU `b20`");
}

// The catalog ships the ends of each series. The rest of the published runs is held out from it.
TEST_CASE("The few runs of the catalog stand for all of ML.ENERGY v3") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  const auto table =
      std::filesystem::path(data ? data : "") / "inference_energy/mlenergy_v3_configurations.csv";
  if (!data || !std::filesystem::exists(table)) {
    MESSAGE("SKIPPED: no inference_energy/mlenergy_v3_configurations.csv below MILLWRIGHT_DATA");
    return;
  }
  const scenarios::Generators few{scenarios::Catalog()};
  scenarios::Generators all{scenarios::Catalog()};
  all.measure(table);
  const auto published = models::read_generators(
      table, [](const std::string& n) { return n == "H100" ? "h100_sxm" : "b200"; });
  double time = 0, energy = 0;
  int rows = 0;
  for (const auto& g : published)
    for (const auto& p : g.points) {
      const models::GeneratorRun run{.gpu = p.gpu, .gpus = p.gpus, .batch = p.batch};
      const auto whole = ask(all, g.model, run);
      CHECK(whole.basis == models::GeneratorBasis::measured);
      if (std::fabs(whole.latency - p.latency.value) > 1e-9 * p.latency.value)
        continue;  // not the fastest layout
      const auto e = ask(few, g.model, run);
      if (e.basis == models::GeneratorBasis::measured) continue;
      time += std::fabs(e.latency / whole.latency - 1);
      energy += std::fabs(e.energy / whole.energy - 1);
      ++rows;
    }
  MESSAGE(rows << " rows that the catalog leaves out: mean error of time " << 100 * time / rows
               << " %, energy " << 100 * energy / rows << " %");
  CHECK(rows > 200);
  CHECK(time / rows < 0.12);
  CHECK(energy / rows < 0.08);
}
