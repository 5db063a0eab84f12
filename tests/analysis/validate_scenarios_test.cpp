#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "analysis/command.hpp"

using namespace mw;

namespace {

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

// Published rows, with their figures and sources in the scenarios' headers. What a run says of one
// engine must lie about the published figure; the tolerances are what was found, and a little.
TEST_CASE("scenarios/validation reproduces the measured rows it names") {
  struct Row {
    const char *scenario, *service;
    double engines, gpus_each;
    double tokens_per_s, watts, gap_s, tpot_s;  // published; 0: not
    double tolerance, power_tolerance;
  };
  for (const Row& row :
       {Row{"llama-8b-h100", "chat", 32, 1, 7036.5, 669.2, 16.48e-3, 0, 0.05, 0.20},
        Row{"qwen3-32b-h100", "reasoning", 16, 2, 827.3, 978.9, 19.32e-3, 0, 0.06, 0.06},
        Row{"gpt-oss-120b-b200", "chat", 32, 1, 0, 0, 0, 10.50e-3, 0.10, 0},
        Row{"deepseek-r1-b200", "chat", 4, 8, 0, 0, 0, 16.26e-3, 0.12, 0}}) {
    const std::string path =
        std::string(MILLWRIGHT_SOURCE_DIR "/scenarios/validation/") + row.scenario + ".yaml";
    const auto said = test::millwright({"run", path, "--json", "-q", "--no-output"});
    REQUIRE_MESSAGE(said.code == 0, said.err);
    const auto service = said.json()["services"][row.service];
    const auto value = [&](const char* name) { return service[name]["value"].get<double>(); };
    CAPTURE(row.scenario);
    if (row.tokens_per_s > 0)
      CHECK(value("tokens_out_per_s") / row.engines ==
            doctest::Approx(row.tokens_per_s).epsilon(row.tolerance));
    if (row.watts > 0)
      CHECK(value("gpu_power_w") * row.gpus_each ==
            doctest::Approx(row.watts).epsilon(row.power_tolerance));
    if (row.gap_s > 0) CHECK(value("itl_p50") == doctest::Approx(row.gap_s).epsilon(row.tolerance));
    if (row.tpot_s > 0)
      CHECK(value("tpot_p50") == doctest::Approx(row.tpot_s).epsilon(row.tolerance));
  }
}

// The page holds the tables that the program prints, so no figure on it can be older than the law.
TEST_CASE(
    "the accuracy page holds the tables of `validate --all`, and the bars that are met hold") {
  if (!std::getenv("MILLWRIGHT_DATA")) {
    MESSAGE(
        "SKIPPED: set MILLWRIGHT_DATA to a folder with the measured tables of docs/validate.md");
    return;
  }
  const test::Scratch scratch;
  const auto page = scratch / "accuracy.md", json = scratch / "all.json";
  const std::filesystem::path committed = MILLWRIGHT_SOURCE_DIR "/docs/accuracy.md";
  std::filesystem::copy_file(committed, page);
  REQUIRE(test::millwright(
              {"validate", "--all", "-q", "--update", page.string(), "--json", json.string()})
              .code == 0);
  CHECK_MESSAGE(slurp(page) == slurp(committed),
                "run: millwright validate --all --update docs/accuracy.md");

  const auto all = nlohmann::json::parse(slurp(json));
  const auto error = [&](const char* group, const char* figure, const char* what) {
    for (const auto& s : all["summaries"])
      if (s["group"] == group && s["figure"] == figure && !s.contains("family") &&
          s["rows_taken"] == "without weak cases")
        return s["error"][what].get<double>();
    FAIL("no figures of ", group, " ", figure);
    return 1.0;
  };
  CHECK(error("serving h100_sxm vllm_0_11", "tok_s", "mape") < 0.10);
  CHECK(error("serving h100_sxm vllm_0_11", "itl_ms", "mape") < 0.10);
  CHECK(error("serving h100_sxm vllm_0_11", "gpu_w", "mape") < 0.10);
  CHECK(error("serving h100_sxm vllm_0_11", "j_per_token", "mape") < 0.10);
  CHECK(error("serving b200 vllm_0_11", "tok_s", "mape") < 0.15);
  CHECK(error("serving b200 vllm_0_11", "itl_ms", "mape") < 0.15);
  CHECK(error("serving b200 vllm_0_11", "gpu_w", "mape") < 0.10);
  CHECK(error("serving b200 vllm_0_11", "j_per_token", "mape") < 0.15);
  CHECK(error("serving b200 vllm_0_19", "tpot_ms", "median") < 0.15);
  CHECK(error("serving h100_sxm vllm_0_19", "tpot_ms", "median") < 0.15);
  CHECK(error("serving b200 trtllm_1", "tpot_ms", "median") < 0.15);
  CHECK(error("serving h100_sxm trtllm_1", "tpot_ms", "median") < 0.15);
  CHECK(error("serving b200 sglang_0_5", "tpot_ms", "median") < 0.15);
  CHECK(error("serving b200 vllm_0_19", "ttft_ms", "median") < 0.25);
  CHECK(error("serving h100_sxm trtllm_1", "ttft_ms", "median") < 0.25);
}
