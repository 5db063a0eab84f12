#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "models/compute/catalog_file.hpp"
#include "models/compute/model_size.hpp"

using namespace mw;
using namespace mw::models;
using mw::test::read_catalog;

namespace {
std::set<std::string> names(const char* kind) {
  std::set<std::string> out;
  const auto folder = std::string(MILLWRIGHT_SOURCE_DIR) + "/scenarios/catalog/" + kind;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    out.insert(file.path().stem().string());
  }
  return out;
}

struct SourcesGiven {
  std::string entry;
  template <class F>
  void operator()(const char* name, const F& field, const sim::About&) const {
    if constexpr (sim::is_sourced<F>) {
      const bool present = [&] {
        if constexpr (sim::is_quantity<decltype(field.value)>) {
          return field.value.value != 0;
        } else {
          return field.value != 0;
        }
      }();
      if (present) CHECK_MESSAGE(!field.source.empty(), entry << "." << name);
      const bool recalled = field.source.find("memory") != std::string::npos &&
                            field.source.find("from memory") != std::string::npos;
      if (recalled) CHECK_MESSAGE(field.confidence <= sim::Confidence::data_sheet, entry << name);
    }
  }
};
}  // namespace

TEST_CASE("every GPU and stack of the catalog reads, and says where each figure comes from") {
  for (const std::string& name : names("gpus")) {
    const auto gpu = read_catalog<GpuParameters>(name);
    describe(gpu, SourcesGiven{name});
  }
  for (const std::string& name : names("stacks")) {
    const auto stack = read_catalog<StackParameters>(name);
    describe(stack, SourcesGiven{name});
  }
  CHECK(names("gpus").size() >= 15);
}

TEST_CASE("figures of an announced part are only assumed") {
  const auto gpu = read_catalog<GpuParameters>("vera_rubin");
  describe(gpu, [](const char* name, const auto& field, const sim::About&) {
    using F = std::remove_cvref_t<decltype(field)>;
    if constexpr (sim::is_sourced<F>) {
      CHECK_MESSAGE(field.confidence == sim::Confidence::assumed, name);
    }
  });
}

TEST_CASE("every language model of the catalog reads and has an origin") {
  int count = 0;
  for (const std::string& name : names("llms")) {
    const auto llm = read_catalog<LlmParameters>(name);
    CHECK_MESSAGE(!llm.source.empty(), name);
    CHECK_MESSAGE(llm.confidence != sim::Confidence::measured, name);
    ++count;
  }
  CHECK(count >= 50);
}

// The layers and widths of an entry must add up to the parameter counts that its authors publish
// (model cards and technical reports; counts there are rounded, hence the tolerance).
TEST_CASE("weights add up to the published totals") {
  struct Published {
    std::string name;
    double total, active;  // 0: not published
  };
  const Published all[] = {{"llama_3_1_8b", 8.03e9, 0},
                           {"llama_3_1_70b", 70.6e9, 0},
                           {"llama_3_1_405b", 405.9e9, 0},
                           {"qwen3_32b", 32.8e9, 0},
                           {"qwen3_8b", 8.2e9, 0},
                           {"qwen3_30b_a3b", 30.5e9, 3.3e9},
                           {"qwen3_235b_a22b", 235e9, 22e9},
                           {"deepseek_r1", 671e9, 37e9},
                           {"gpt_oss_120b", 116.8e9, 5.13e9},
                           {"gpt_oss_20b", 20.9e9, 3.61e9},
                           {"mixtral_8x7b", 46.7e9, 12.9e9},
                           {"mixtral_8x22b", 140.6e9, 39.1e9},
                           {"kimi_k2", 1.03e12, 32.6e9},
                           {"llama_4_scout", 109e9, 17e9},
                           {"llama_4_maverick", 400e9, 17e9}};
  for (const Published& p : all) {
    const auto llm = read_catalog<LlmParameters>(p.name);
    CHECK_MESSAGE(std::fabs(total_weights(llm) / p.total - 1) < 0.02,
                  p.name << " total " << total_weights(llm));
    if (p.active > 0) {  // some authors count the input embedding as active, some do not
      const double without = active_weights(llm);
      const double with = without + head_weights(llm);
      const double error =
          std::min(std::fabs(without / p.active - 1), std::fabs(with / p.active - 1));
      CHECK_MESSAGE(error < 0.03, p.name << " active " << without << " or " << with);
    }
  }
}

// One token leaves 2 x KV heads x head width x 2 B in every layer, or with mla (512 + 64) x 2 B.
TEST_CASE("KV bytes per token: grouped heads, latent, replication") {
  const auto llama = read_catalog<LlmParameters>("llama_3_1_8b");
  const auto kv = [](const LlmParameters& m, int tp, Precision p) {
    return kv_bytes_per_layer(m, tp, p) * attention_layers(m);
  };
  CHECK(kv(llama, 1, Precision::bf16) == 32 * 2 * 8 * 128 * 2.0);
  CHECK(kv(llama, 1, Precision::fp8) == 32 * 2 * 8 * 128 * 1.0);
  CHECK(kv(llama, 8, Precision::bf16) == kv(llama, 1, Precision::bf16));
  // 8 KV heads on 16 ranks: every head is held twice, on 32 ranks four times.
  CHECK(kv(llama, 16, Precision::bf16) == 2 * kv(llama, 8, Precision::bf16));
  CHECK(kv(llama, 32, Precision::bf16) == 4 * kv(llama, 8, Precision::bf16));
  const auto deepseek = read_catalog<LlmParameters>("deepseek_r1");
  CHECK(kv(deepseek, 1, Precision::bf16) == 61 * 576 * 2.0);  // 70 kB: DeepSeek-V3 report
  CHECK(kv(deepseek, 8, Precision::bf16) == 8 * kv(deepseek, 1, Precision::bf16));
}

TEST_CASE("core voltage: flat to the knee, then a line to the top") {
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const double knee = gpu.knee_clock.value / gpu.max_clock.value;
  CHECK(core_voltage(gpu, 1) == doctest::Approx(gpu.max_voltage.value.value));
  CHECK(core_voltage(gpu, knee) == doctest::Approx(gpu.knee_voltage.value.value));
  CHECK(core_voltage(gpu, knee / 2) == gpu.knee_voltage.value.value);
  CHECK(core_voltage(gpu, (1 + knee) / 2) ==
        doctest::Approx((gpu.max_voltage.value.value + gpu.knee_voltage.value.value) / 2));
}
