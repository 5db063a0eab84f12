#include "models/compute/kernel_table.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "models/compute/catalog_file.hpp"
#include "models/compute/kernel_cost.hpp"
#include "models/compute/step_law.hpp"
#include "models/compute/table.hpp"
#include "sim/input_error.hpp"
#include "support/scratch.hpp"

using namespace mw;
using namespace mw::models;
using mw::test::median;
using mw::test::read_catalog;
using mw::test::Row;

namespace {

const Roof roof{1e15, 3e12, 2};

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

std::string gemm_row(double m, double n, double k, double seconds) {
  return fmt::format("bfloat16,{},{},{},{}\n", m, n, k, seconds * 1e3);
}

const std::string preamble = "# constants: framework=X; device=TEST\n";
const std::string gemm_header = "gemm_dtype,m,n,k,latency\n";

}  // namespace

// If every measured product reaches the share u of its roof, so does every one between them; and
// where no four measured shapes stand around one, nothing is said.
TEST_CASE("a constant utilisation is interpolated exactly, inside the measured shapes alone") {
  test::Scratch scratch;
  std::string rows = preamble + gemm_header;
  for (const double m : {1, 16, 256, 4096})
    for (const double n : {1024, 4096})
      for (const double k : {512, 2048, 8192})
        rows += gemm_row(m, n, k, roof_time(roof, GemmShape{m, n, k}) / 0.6);
  write(scratch / "gemm.csv", rows);
  const KernelTables tables(scratch.path());
  CHECK(tables.device() == "TEST");
  CHECK(tables.points() == 24);
  for (const GemmShape& g :
       {GemmShape{16, 1024, 2048}, {100, 1500, 3000}, {1, 4096, 512}, {3000, 2000, 8192}}) {
    const auto time = tables.time(KernelFormat::bf16, roof, g);
    REQUIRE(time);
    CHECK(*time == doctest::Approx(roof_time(roof, g) / 0.6).epsilon(1e-9));
  }
  CHECK(!tables.time(KernelFormat::bf16, roof, GemmShape{5000, 1500, 3000}));
  CHECK(!tables.time(KernelFormat::bf16, roof, GemmShape{16, 512, 3000}));
  CHECK(!tables.time(KernelFormat::fp8, roof, GemmShape{16, 1024, 2048}));
}

// Half way between two widths in logarithms, the utilisation is the mean of theirs.
TEST_CASE("utilisation, not time, is interpolated") {
  test::Scratch scratch;
  std::string rows = preamble + gemm_header;
  const auto at = [](double n) { return roof_time(roof, GemmShape{64, n, 1024}); };
  rows += gemm_row(64, 1000, 1024, at(1000) / 0.2) + gemm_row(64, 4000, 1024, at(4000) / 0.8);
  rows += gemm_row(64, 4000, 1024, at(4000) / 0.4);  // a slower kernel for the same
  write(scratch / "gemm.csv", rows);
  const auto time =
      KernelTables(scratch.path()).time(KernelFormat::bf16, roof, GemmShape{64, 2000, 1024});
  REQUIRE(time);
  CHECK(*time == doctest::Approx(at(2000) / 0.5).epsilon(1e-9));
}

TEST_CASE("the law follows the tables where they hold all shapes of a pass") {
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const auto llm = read_catalog<LlmParameters>("llama_3_1_8b");
  const auto stack = read_catalog<StackParameters>("trtllm_1");
  const ReplicaShape shape;
  test::Scratch scratch;
  std::string rows = preamble + gemm_header;
  const Roof sheet = roof_of(gpu, Precision::bf16);
  double whole = 0;
  for (const LayerGemm& g : layer_gemms(llm, 1))
    for (const double m : {1, 64}) {
      const GemmShape s{m, g.shape.n, g.shape.k};
      rows += gemm_row(m, s.n, s.k, roof_time(sheet, s) / 0.5);
      if (m == 64) whole += g.count * roof_time(sheet, s) / 0.5;
    }
  write(scratch / "gemm.csv", rows);
  const auto tables = std::make_shared<const KernelTables>(scratch.path());
  const StepLaw formula(gpu, llm, stack, shape), measured(gpu, llm, stack, shape, tables);
  CHECK(measured.dense(64, 1).time == doctest::Approx(whole));
  CHECK(measured.dense(64, 1).core_energy == formula.dense(64, 1).core_energy);
  CHECK(measured.dense(65, 1).time == formula.dense(65, 1).time);
  // A lower clock stretches the same part of it.
  CHECK(measured.dense(64, 2).time / measured.dense(64, 1).time ==
        doctest::Approx(formula.dense(64, 2).time / formula.dense(64, 1).time));
  // The model's products hold its dense weights, the few of norms and routers apart.
  double weights = 0;
  for (const LayerGemm& g : layer_gemms(llm, 1)) weights += g.count * g.shape.n * g.shape.k;
  CHECK(formula.dense(1e-9, 1).other_energy ==
        doctest::Approx(weights * 2 * gpu.memory_energy.value.value *
                        (1 - gpu.memory_core_share.value)));
}

TEST_CASE("what is wrong with kernel tables is told with its place") {
  test::Scratch scratch;
  const auto problem = [&] {
    try {
      KernelTables tables(scratch.path());
      return std::string();
    } catch (const sim::InputError& e) {
      return std::string(e.what());
    }
  };
  CHECK(problem().find("holds no kernel tables") != std::string::npos);
  write(scratch / "a.csv", preamble + gemm_header + "bfloat16,1,2,3,-1\n");
  CHECK(problem().find("a.csv:3:16: ") != std::string::npos);
  write(scratch / "a.csv", preamble + gemm_header + "bfloat16,1,2,3,0.1\n");
  CHECK(problem().empty());
  write(scratch / "b.csv", "# constants: device=OTHER\n" + gemm_header + "fp8,1,2,3,0.1\n");
  CHECK(problem().find("b.csv:3: is measured on `OTHER`, others here on `TEST`") !=
        std::string::npos);
  CHECK_THROWS_AS(KernelTables(scratch / "none"), sim::InputError);
}

namespace {

const char* data_folder() {
  static const std::string folder = [] {
    const char* data = std::getenv("MILLWRIGHT_DATA");
    const std::string path = data == nullptr ? "" : std::string(data) + "/inference/aic_kernels/";
    return std::filesystem::exists(path) ? path : "";
  }();
  return folder.empty() ? nullptr : folder.c_str();
}

struct Device {
  const char *gpu, *gemm, *moe, *stack;
};
constexpr Device devices[] = {{"h100_sxm", "h100_sxm__gemm__trtllm_1.3.0rc20.csv.gz",
                               "h100_sxm__moe__trtllm_1.3.0rc10.csv.gz", "trtllm_1"},
                              {"h200", "h200_sxm__gemm__vllm_0.22.0.csv.gz",
                               "h200_sxm__moe__vllm_0.22.0.csv.gz", "vllm_0_19"},
                              {"b200", "b200_sxm__gemm__trtllm_1.3.0rc15.csv.gz",
                               "b200_sxm__moe__trtllm_1.3.0rc15.csv.gz", "trtllm_1"},
                              {"gb200", "gb200__gemm__vllm_0.22.0.csv.gz",
                               "gb200__moe__trtllm_1.3.0rc10.csv.gz", "trtllm_1"}};

}  // namespace

// Every fourth width and depth is kept back and asked for between its measured neighbours.
TEST_CASE("interpolation between measured products, against those kept back") {
  if (data_folder() == nullptr) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to a folder with inference/aic_kernels");
    return;
  }
  for (const Device& d : devices) {
    test::Scratch scratch;
    std::string kept = preamble + gemm_header;
    std::vector<Row> back;
    for (const Row& row : mw::test::read_kernel_table(std::string(data_folder()) + d.gemm)) {
      if (row.at("gemm_dtype") != "bfloat16") continue;
      const bool held = row.at("n") == "2048" || row.at("k") == "2048";
      if (held)
        back.push_back(row);
      else
        kept += fmt::format("bfloat16,{},{},{},{}\n", row.at("m"), row.at("n"), row.at("k"),
                            row.at("latency"));
    }
    write(scratch / "gemm.csv", kept);
    const KernelTables tables(scratch.path());
    const Roof sheet = roof_of(read_catalog<GpuParameters>(d.gpu), Precision::bf16);
    std::vector<double> errors;
    for (const Row& row : back) {
      const auto time = tables.time(
          KernelFormat::bf16, sheet,
          GemmShape{std::stod(row.at("m")), std::stod(row.at("n")), std::stod(row.at("k"))});
      if (time) errors.push_back(std::fabs(*time / (std::stod(row.at("latency")) * 1e-3) - 1));
    }
    REQUIRE(errors.size() > 500);
    MESSAGE(fmt::format("{}: median error {:.1f} % of {} products kept back", d.gpu,
                        100 * median(errors), errors.size()));
    CHECK(median(errors) < 0.10);
  }
}

// The formula's own error on single kernels, which its gaps and overheads are not part of here.
TEST_CASE("the law's formula against measured kernels") {
  if (data_folder() == nullptr) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to a folder with inference/aic_kernels");
    return;
  }
  for (const Device& d : devices) {
    test::Scratch scratch;
    std::filesystem::copy(std::string(data_folder()) + d.gemm, scratch / "gemm.csv.gz");
    std::filesystem::copy(std::string(data_folder()) + d.moe, scratch / "moe.csv.gz");
    const auto tables = std::make_shared<const KernelTables>(scratch.path());
    const auto gpu = read_catalog<GpuParameters>(d.gpu);
    const auto stack = read_catalog<StackParameters>(d.stack);
    struct Case {
      const char* llm;
      ReplicaShape shape;
    };
    for (const Case& c :
         {Case{"llama_3_1_70b", {.gpus = 8, .tp = 8}},
          Case{"llama_3_1_70b", {.gpus = 8, .tp = 8, .weights = Precision::fp8}},
          Case{"deepseek_r1", {.gpus = 8, .tp = 8, .ep = 8, .weights = Precision::fp8}},
          Case{"deepseek_r1", {.gpus = 8, .tp = 8, .ep = 8, .weights = Precision::nvfp4}}}) {
      const auto llm = read_catalog<LlmParameters>(c.llm);
      const StepLaw formula(gpu, llm, stack, c.shape), measured(gpu, llm, stack, c.shape, tables);
      for (const bool experts : {false, true}) {
        std::string text;
        for (const double tokens : {16.0, 128.0, 1024.0, 8192.0}) {
          const auto part = [&](const StepLaw& law) {
            return (experts ? law.experts(tokens, 1) : law.dense(tokens, 1)).time;
          };
          const double f = part(formula), m = part(measured);
          if (f == m) continue;  // not measured
          text += fmt::format(" {:+.0f} % at {:g}", 100 * (f / m - 1), tokens);
          // BF16 alone is bound to hold: other tables hold unfused quantisation, and vLLM's FP8 on
          // blocks 250 us of launch at any size.
          if (c.shape.weights == Precision::bf16) CHECK(std::fabs(std::log(f / m)) < 0.6);
        }
        if (!text.empty())
          MESSAGE(fmt::format("{} {} {} {}: formula against tables{} tokens", d.gpu, c.llm,
                              enum_names(Precision{})[static_cast<std::size_t>(c.shape.weights)],
                              experts ? "experts" : "dense", text));
      }
    }
  }
}
