#include "analysis/calibrate/calibrate.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <fstream>

#include "analysis/command.hpp"
#include "sim/random.hpp"

using namespace mw;
using namespace mw::analysis;

namespace {

/// Points of a benchmark that never was: measured figures are the steady estimate's own, with
/// constants that are not the catalog's, and log-normal errors.
class MadeUp {
 public:
  MadeUp(const std::map<std::string, double>& factors, double error) {
    const scenarios::Catalog catalog;
    std::string header = "kind,model,gpu,n_gpus,stack,max_num_seqs,n_requests,isl,osl,id";
    std::vector<std::string> rows;
    for (const char* model : {"llama_3_1_8b", "qwen3_32b", "qwen3_30b_a3b", "gemma_3_27b"})
      for (const int gpus : {1, 2})
        for (const int batch : {4, 16, 64, 192})
          rows.push_back(fmt::format("serving,{},h100_sxm,{},vllm_0_11,{},2000,400,600,{}-{}-{}",
                                     model, gpus, batch, model, gpus, batch));
    std::string text = header + "\n";
    for (const auto& row : rows) text += row + "\n";
    const PointFile file =
        read_points_text("made-up.csv", text, catalog, scenarios::Names(catalog));
    REQUIRE(file.problems.empty());
    Entries entries(catalog);
    entries.read(file.points);
    auto& stack = entries.stacks.at("vllm_0_11");
    scenarios::Type const& type = scenarios::type_of<models::StackParameters>();
    for (const auto& [key, factor] : factors) {
      const scenarios::Field& field = *type.field(key);
      void* number = field.type().value(scenarios::field_of(&stack, field));
      const auto& kind = field.type().item();
      kind.set_number(number, kind.get_number(number) * factor);
      truth[key] = kind.get_number(number);
    }
    const auto figures = SteadyPredictor(file.points, entries).predict();
    std::ofstream out(path());
    out << header << ",measured_tok_s,measured_itl_ms,measured_gpu_w\n";
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto off = [&](std::uint64_t which) {
        return std::exp(error * sim::normal({11, 0, 3}, 3 * i + which));
      };
      out << rows[i]
          << fmt::format(",{},{},{}\n", figures[i].tok_s * off(0), 1e3 * figures[i].itl_s * off(1),
                         figures[i].gpu_w * off(2));
    }
  }

  std::string path(const std::string& name = "points.csv") const {
    return (folder_ / name).string();
  }
  std::string study(const std::string& parameters) const {
    std::ofstream(path("study.yaml")) << "points: [points.csv]\nparameters:\n" << parameters;
    return path("study.yaml");
  }
  std::map<std::string, double> truth;

 private:
  test::Scratch folder_;
};

nlohmann::json json_of(const std::string& path) {
  std::ifstream in(path);
  return nlohmann::json::parse(in);
}

}  // namespace

TEST_CASE("known constants are found again from points made with them") {
  for (const double factor : {0.6, 1.3}) {
    const MadeUp made({{"step_overhead", factor * 1.4},
                       {"dense_bandwidth", 1 - 0.1 * factor},
                       {"sampler_per_logit", 1 / factor}},
                      0);
    const auto said = test::millwright(
        {"calibrate",
         made.study("  - {figure: stacks.vllm_0_11.step_overhead}\n"
                    "  - {figure: stacks.vllm_0_11.dense_bandwidth}\n"
                    "  - {figure: stacks.vllm_0_11.sampler_per_logit}\n"),
         "-q", "-t1", "--json", made.path("fit.json"), "-o", made.path("overlay")});
    INFO(said.err);
    REQUIRE(said.code == 0);
    const auto fit = json_of(made.path("fit.json"));
    for (const auto& p : fit["parameters"]) {
      const std::string name = p["name"];
      const double truth = made.truth.at(name.substr(name.rfind('.') + 1));
      CHECK(p["fitted"].get<double>() == doctest::Approx(truth).epsilon(2e-3));
    }

    // What was written is a catalog entry that holds the values, marked as what they are.
    const scenarios::Catalog overlay({made.path("overlay"), scenarios::Catalog().folders().back()});
    const auto stack = scenarios::read_entry<models::StackParameters>(overlay, "vllm_0_11");
    CHECK(stack.dense_bandwidth.value ==
          doctest::Approx(made.truth.at("dense_bandwidth")).epsilon(3e-3));
    CHECK(stack.dense_bandwidth.confidence == sim::Confidence::calibrated);
    CHECK(stack.dense_bandwidth.source.find("millwright calibrate study.yaml") == 0);
  }
}

TEST_CASE("with errors in the points, each constant lies within four of its sigmas") {
  const MadeUp made({{"step_overhead", 1.5}, {"dense_bandwidth", 0.9}, {"dense_compute", 0.8}},
                    0.05);
  const auto said =
      test::millwright({"calibrate",
                        made.study("  - {figure: stacks.vllm_0_11.step_overhead}\n"
                                   "  - {figure: stacks.vllm_0_11.dense_bandwidth}\n"
                                   "  - {figure: stacks.vllm_0_11.dense_compute}\n"),
                        "-q", "--leave-out", "family", "--json", made.path("fit.json")});
  INFO(said.err);
  REQUIRE(said.code == 0);
  const auto fit = json_of(made.path("fit.json"));
  CHECK(fit["scatter"].get<double>() == doctest::Approx(0.05).epsilon(0.3));
  for (const auto& p : fit["parameters"]) {
    const std::string name = p["name"];
    const double truth = made.truth.at(name.substr(name.rfind('.') + 1));
    const double sigma = p["sigma"];
    CAPTURE(name);
    CHECK(sigma > 0);
    CHECK(sigma < 0.5);
    CHECK(std::fabs(std::log(p["fitted"].get<double>() / truth)) < 4 * sigma);
  }
  // The law is right for every family here, so leaving one out costs little: rows left out are
  // predicted to about their errors.
  CHECK(said.out.find("Each family left out in turn") != std::string::npos);
  for (const auto& row : fit["rows"]) {
    REQUIRE(row.contains("error_left_out"));
    CHECK(std::fabs(row["error_left_out"].get<double>()) < 0.3);
  }
}

TEST_CASE("a study that cannot be fitted is refused at the line that asks for it") {
  const MadeUp made({}, 0.02);
  const auto refused = [&](const std::string& parameters, const std::string& message) {
    const auto said = test::millwright({"calibrate", made.study(parameters), "-q"});
    CHECK(said.code == 2);
    INFO(said.err);
    CHECK(said.err.find(message) != std::string::npos);
    CHECK(said.out.empty());
  };
  // All bandwidths of this stack on this GPU go with the GPU's factor.
  refused(
      "  - {figure: gpus.h100_sxm.bandwidth_factor}\n"
      "  - {figure: stacks.vllm_0_11.dense_bandwidth}\n"
      "  - {figure: stacks.vllm_0_11.expert_bandwidth}\n"
      "  - {figure: stacks.vllm_0_11.attention_bandwidth}\n",
      "study.yaml:3:14: the measured figures cannot tell `gpus.h100_sxm.bandwidth_factor`, "
      "`stacks.vllm_0_11.dense_bandwidth`, `stacks.vllm_0_11.expert_bandwidth` and "
      "`stacks.vllm_0_11.attention_bandwidth` apart; fit all but one of them");
  refused("  - {figure: stacks.vllm_0_11.fp8_layer_gap}\n",
          "study.yaml:3:14: no measured figure depends on `stacks.vllm_0_11.fp8_layer_gap`; leave "
          "it out, or add points that depend on it");
  refused("  - {figure: stacks.vllm_0_11.dense_bandwith}\n",
          "study.yaml:3:14: `dense_bandwith` is no key of that entry; did you mean "
          "`dense_bandwidth`?");
  refused("  - {figure: stacks.vllm_9.dense_bandwidth}\n", "there is no `vllm_9` in stacks");
  refused("  - {figure: llms.qwen3_8b.layers}\n", "holds nothing that can be fitted");
  refused("  - {figure: stacks.vllm_0_11.block_size}\n", "is not a figure with a source");
  refused("  - {figure: dense_bandwidth}\n", "is no path of a catalog figure");
  refused(
      "  - {figure: stacks.vllm_0_11.dense_bandwidth}\n"
      "  - {figure: stacks.vllm_0_11.dense_bandwidth}\n",
      "study.yaml:4:14: `stacks.vllm_0_11.dense_bandwidth` is fitted twice");
}
