#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "models/inference/front.hpp"
#include "scenarios/reader.hpp"

using namespace mw::models;
using mw::sim::second;

namespace {

TrafficProfile entry(const std::string& name) {
  return mw::scenarios::read_entry<TrafficProfile>(
      mw::scenarios::Catalog({MILLWRIGHT_SOURCE_DIR "/scenarios/catalog"}), name);
}

FrontParameters front_of(const TrafficProfile& profile) {
  FrontParameters p;
  p.arrivals = profile.arrivals;
  p.lengths = profile.lengths;
  p.seed = 1;
  return p;
}

std::vector<Arrival> requests(const FrontParameters& p, mw::sim::Time end) {
  FrontState front = initial_front(p);
  Generation generation;
  return generate(generation, front, p, end).all;
}

struct Lengthwise {
  std::vector<double> prompt, output;
};
template <class Rows>
Lengthwise lengths_of(const Rows& rows) {
  Lengthwise all;
  for (const auto& row : rows) {
    all.prompt.push_back(row.prompt_tokens);
    all.output.push_back(row.output_tokens);
  }
  return all;
}
double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}
double quantile_of(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}
double mean_product(const Lengthwise& l) {
  double sum = 0;
  for (std::size_t i = 0; i < l.prompt.size(); ++i) sum += l.prompt[i] * l.output[i];
  return sum / static_cast<double>(l.prompt.size());
}
/// Variance over mean of the number of arrivals in windows.
template <class Rows>
double dispersion(const Rows& rows, mw::sim::Time window, mw::sim::Time end) {
  std::vector<double> counts(static_cast<std::size_t>(end / window), 0);
  for (const auto& row : rows) {
    const auto k = static_cast<std::size_t>(row.t / window);
    if (k < counts.size()) ++counts[k];
  }
  const double mean = mean_of(counts);
  double variance = 0;
  for (const double c : counts) variance += (c - mean) * (c - mean);
  return variance / static_cast<double>(counts.size()) / mean;
}

void compare(const Trace& trace, const TrafficProfile& profile) {
  const auto made = requests(front_of(profile), 200'000 * second);
  const Lengthwise recorded = lengths_of(trace.rows), generated = lengths_of(made);
  CHECK(mean_of(generated.prompt) == doctest::Approx(mean_of(recorded.prompt)).epsilon(0.02));
  CHECK(mean_of(generated.output) == doctest::Approx(mean_of(recorded.output)).epsilon(0.02));
  for (const double q : {0.5, 0.9, 0.99}) {
    CAPTURE(q);
    CHECK(quantile_of(generated.prompt, q) ==
          doctest::Approx(quantile_of(recorded.prompt, q)).epsilon(0.03));
    CHECK(quantile_of(generated.output, q) ==
          doctest::Approx(quantile_of(recorded.output, q)).epsilon(0.05));
  }
  // Long prompts with long outputs fill the KV cache: the product's mean must agree too.
  CHECK(mean_product(generated) == doctest::Approx(mean_product(recorded)).epsilon(0.05));
  const double rate = static_cast<double>(made.size()) / 200'000;
  const double recorded_rate =
      static_cast<double>(trace.rows.size()) / mw::sim::to_seconds(trace.period);
  CHECK(rate == doctest::Approx(recorded_rate).epsilon(0.03));
}

}  // namespace

TEST_CASE("the catalog's traffic has the means it is published with") {
  // Azure LLM inference trace 2023, conversation: 1,155 tokens in, 211 out, 5.53 requests/s.
  const TrafficMeans azure = traffic_means(front_of(entry("azure_conversation")));
  CHECK(azure.requests_per_s == doctest::Approx(5.53));
  CHECK(azure.prompt_tokens == doctest::Approx(1155).epsilon(0.01));
  CHECK(azure.output_tokens == doctest::Approx(211).epsilon(0.01));
  const TrafficMeans mooncake = traffic_means(front_of(entry("mooncake_synthetic")));
  CHECK(mooncake.prompt_tokens == doctest::Approx(15'325).epsilon(0.01));
  CHECK(mooncake.output_tokens == doctest::Approx(149).epsilon(0.02));
  // Cut at 32,768 the mean of 7,000 loses about 1 %.
  const TrafficMeans reasoning = traffic_means(front_of(entry("reasoning")));
  CHECK(reasoning.prompt_tokens == doctest::Approx(250).epsilon(0.01));
  CHECK(reasoning.output_tokens == doctest::Approx(7000).epsilon(0.03));
}

TEST_CASE("the catalog's traffic reproduces the traces it was fitted to") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  if (data == nullptr) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to compare the traffic catalog with its traces");
    return;
  }
  const auto folder = std::filesystem::path(data) / "inference_traces";
  const Trace azure = read_trace(folder / "AzureLLMInferenceTrace_conv_2023.csv");
  CHECK(azure.rows.size() == 19'366);
  const TrafficProfile profile = entry("azure_conversation");
  compare(azure, profile);
  // Counts vary on all scales, as the recorded ones do. An hour's estimate at 300 s rests on 11
  // windows, hence the wide band there.
  const auto made = requests(front_of(profile), 200'000 * second);
  const auto ratio = [&](mw::sim::Time window) {
    return dispersion(made, window, 200'000 * second) /
           dispersion(azure.rows, window, 3501 * second);
  };
  CHECK(ratio(second) == doctest::Approx(1).epsilon(0.1));
  CHECK(ratio(10 * second) == doctest::Approx(1).epsilon(0.15));
  CHECK(ratio(60 * second) == doctest::Approx(1).epsilon(0.2));
  CHECK(ratio(300 * second) == doctest::Approx(1).epsilon(0.35));

  const Trace mooncake = read_trace(folder / "mooncake_synthetic_trace.jsonl");
  CHECK(mooncake.rows.size() == 3'993);
  compare(mooncake, entry("mooncake_synthetic"));
}
