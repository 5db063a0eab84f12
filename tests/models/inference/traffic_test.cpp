#include "models/inference/traffic.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "models/inference/engine.hpp"
#include "models/inference/front.hpp"
#include "sim/archive.hpp"
#include "sim/input_error.hpp"

using namespace mw::models;
using mw::sim::hour;
using mw::sim::second;
using mw::sim::Time;

namespace {

FrontParameters poisson_front(double rate, std::int64_t copies, std::int32_t pods) {
  FrontParameters p;
  p.arrivals.rate = mw::sim::Rate{rate};
  p.lengths.prompt.fixed = 100;
  p.lengths.output = LengthDistribution{};
  p.lengths.output->fixed = 10;
  p.copies = copies;
  p.pod_ends.clear();
  for (std::int32_t pod = 1; pod <= pods; ++pod) p.pod_ends.push_back(pod);
  p.seed = 42;
  return p;
}

/// All requests until `end`, handed out in calls of `step`; one list per pod.
std::vector<std::vector<Arrival>> all_of(const FrontParameters& p, Time end, Time step) {
  FrontState front = initial_front(p);
  Generation generation;
  std::vector<std::vector<Arrival>> all(p.pod_ends.size());
  bool inside = true;  // each request lies in the time asked for
  for (Time t = step; t < end + step; t += step) {
    const Time from = front.now, until = std::min(t, end);
    const ArrivalsByPod& part = generate(generation, front, p, until);
    for (std::size_t pod = 0; pod < all.size(); ++pod) {
      for (const Arrival& a : part[pod]) {
        inside = inside && from <= a.t && a.t < until;
        all[pod].push_back(a);
      }
    }
  }
  CHECK(inside);
  return all;
}

bool same(const std::vector<std::vector<Arrival>>& a, const std::vector<std::vector<Arrival>>& b) {
  const auto equal = [](const Arrival& x, const Arrival& y) {
    return x.t == y.t && x.id == y.id && x.prompt_tokens == y.prompt_tokens &&
           x.output_tokens == y.output_tokens;
  };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::equal(a[i].begin(), a[i].end(), b[i].begin(), b[i].end(), equal)) return false;
  }
  return true;
}

struct Gaps {
  double mean, cv;
};
Gaps gaps_of(const std::vector<Arrival>& arrivals) {
  double sum = 0, squares = 0;
  for (std::size_t i = 1; i < arrivals.size(); ++i) {
    const double gap = mw::sim::to_seconds(arrivals[i].t - arrivals[i - 1].t);
    sum += gap;
    squares += gap * gap;
  }
  const double n = static_cast<double>(arrivals.size() - 1), mean = sum / n;
  return {mean, std::sqrt(squares / n - mean * mean) / mean};
}

Lengths draw_lengths(const LengthParameters& lengths, std::uint64_t index) {
  const mw::sim::Bits draw = mw::sim::bits({1, 2, 3}, index);
  return RequestLengths(lengths).at(mw::sim::unit_interval(draw.first),
                                    mw::sim::unit_interval(draw.second));
}

std::string problem_of(const std::string& name, const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / ("millwright_trace_test_" + name);
  std::ofstream(path) << text;
  std::string problem;
  try {
    read_trace(path);
  } catch (const mw::sim::InputError& error) {
    problem = std::to_string(error.line) + ":" + std::to_string(error.column) + ": " +
              error.problem + "; " + error.advice;
  }
  std::filesystem::remove(path);
  return problem;
}
Trace trace_of(const std::string& name, const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / ("millwright_trace_test_" + name);
  std::ofstream(path) << text;
  const Trace trace = read_trace(path);
  std::filesystem::remove(path);
  return trace;
}

FrontParameters replay(Trace trace, std::int64_t copies) {
  FrontParameters p;
  p.trace = std::make_shared<const Trace>(std::move(trace));
  p.copies = copies;
  p.seed = 3;
  return p;
}

}  // namespace

TEST_CASE("how time is cut into epochs does not change the requests") {
  FrontParameters modulated = poisson_front(20, 5, 3);
  modulated.arrivals.cv = 2;
  modulated.arrivals.bursts = BurstParameters{4, mw::sim::Seconds{3}, mw::sim::Seconds{9}};
  modulated.arrivals.daily.assign(24, 1);
  modulated.arrivals.daily[1] = 3;
  FrontParameters thinned = poisson_front(20, 300, 3);  // as of pods that stand for others
  thinned.arrivals.cv = 1.3;
  thinned.kept = 0.05;
  const FrontParameters kinds[] = {
      poisson_front(50, 4, 3), modulated, thinned,
      replay({{{0, 5, 6}, {second, 7, 8}, {3 * second, 9, 10}}, 4 * second}, 7)};
  for (const FrontParameters& p : kinds) {
    const auto whole = all_of(p, 100 * second, 100 * second);
    std::size_t count = 0;
    for (const auto& pod : whole) count += pod.size();
    CHECK(count > 100);
    CHECK(same(whole, all_of(p, 100 * second, second)));
    CHECK(same(whole, all_of(p, 100 * second, second / 2)));
  }
}

TEST_CASE("a front read back from its archive goes on as the front itself") {
  FrontParameters p = poisson_front(20, 5, 2);
  p.arrivals.cv = 1.7;
  FrontState front = initial_front(p);
  Generation generation, another;
  generate(generation, front, p, 10 * second);
  FrontState restored;
  mw::sim::load(restored, mw::sim::save(front));
  const auto of_pods = [](const ArrivalsByPod& arrivals) {
    std::vector<std::vector<Arrival>> pods;
    for (std::size_t pod = 0; pod < arrivals.size(); ++pod)
      pods.emplace_back(arrivals[pod].begin(), arrivals[pod].end());
    return pods;
  };
  CHECK(same(of_pods(generate(generation, front, p, 20 * second)),
             of_pods(generate(another, restored, p, 20 * second))));
  CHECK(front.made > 300);
  CHECK(front.made == restored.made);
}

// Threads may draw the parts in any order, and sort the pods in any order.
TEST_CASE("who draws which part when does not change the requests") {
  FrontParameters p = poisson_front(20, 100, 3);
  p.arrivals.cv = 1.3;
  const auto whole = all_of(p, 5 * second, 5 * second);
  FrontState front = initial_front(p);
  Generation generation;
  generation.begin(front, p, 5 * second);
  REQUIRE(generation.parts() > 1);
  for (std::size_t part = generation.parts(); part-- > 0;) generation.draw(part);
  generation.split();
  for (const std::size_t pod : {2u, 0u, 1u}) generation.sort(pod);
  for (std::size_t pod = 0; pod < 3; ++pod) {
    const auto mine = generation.arrivals()[pod];
    CHECK(same({whole[pod]}, {{mine.begin(), mine.end()}}));
    CHECK(std::is_sorted(mine.begin(), mine.end(),
                         [](const Arrival& a, const Arrival& b) { return a.t < b.t; }));
  }
}

// 4 copies at 25 /s are a Poisson stream of 100 /s: over 1,000 s 100,000 requests, +- 316; gaps
// with CV 1. Pods get a third each, +- 149.
// Three pods of 1, 2 and 5 replicas get 1/8, 2/8 and 5/8 of the requests: a replica's load does not
// depend on the size of its pod.
TEST_CASE("a pod's share of the requests is its share of the replicas") {
  auto p = poisson_front(100, 1, 1);
  p.pod_ends = {1, 3, 8};
  const auto pods = all_of(p, 1000 * second, 1000 * second);
  CHECK(pods[0].size() == doctest::Approx(12'500).epsilon(0.03));
  CHECK(pods[1].size() == doctest::Approx(25'000).epsilon(0.03));
  CHECK(pods[2].size() == doctest::Approx(62'500).epsilon(0.03));
}

TEST_CASE("copies of a Poisson stream are one at the summed rate, split evenly over pods") {
  const FrontParameters p = poisson_front(25, 4, 3);
  const auto pods = all_of(p, 1000 * second, 1000 * second);
  for (const auto& pod : pods) CHECK(pod.size() == doctest::Approx(100'000 / 3.0).epsilon(0.02));
  CHECK(gaps_of(pods[0]).cv == doctest::Approx(1).epsilon(0.02));
  CHECK(traffic_means(p).requests_per_s == 100);
}

TEST_CASE("gaps have the coefficient of variation asked for") {
  for (const double cv : {0.5, 1.045, 2.0, 0.08}) {  // tabulated gaps, and drawn by rejection
    FrontParameters p = poisson_front(100, 1, 1);
    p.arrivals.cv = cv;
    const Gaps gaps = gaps_of(all_of(p, 1000 * second, 1000 * second)[0]);
    CHECK(gaps.mean == doctest::Approx(0.01).epsilon(0.02));
    CHECK(gaps.cv == doctest::Approx(cv).epsilon(0.03));
  }
}

// Rates r in bursts and c between them, bursts b long out of b + q: the mean is kept, so
// c (b ratio + q) / (b + q) = rate. In windows much shorter than a spell the counts' variance over
// their mean is 1 + window * rate * v, with v the squared CV of the rate: here bursts a quarter of
// the time at ratio 5: factors 2.5 and 0.5, v = (2.5^2 + 3 * 0.5^2) / 4 - 1 = 0.75.
TEST_CASE("bursts keep the mean rate and make counts vary as their rates do") {
  FrontParameters p = poisson_front(10, 1, 1);
  p.arrivals.bursts = BurstParameters{5, mw::sim::Seconds{50}, mw::sim::Seconds{150}};
  const Time end = 400'000 * second;
  const auto requests = all_of(p, end, end)[0];
  std::vector<double> counts(400'000, 0);
  for (const Arrival& a : requests) ++counts[static_cast<std::size_t>(a.t / second)];
  double mean = 0, variance = 0;
  for (const double c : counts) mean += c / 400'000;
  for (const double c : counts) variance += (c - mean) * (c - mean) / 400'000;
  CHECK(mean == doctest::Approx(10).epsilon(0.05));  // 2,000 cycles: 2 % of chance
  CHECK(variance / mean == doctest::Approx(1 + 10 * 0.75).epsilon(0.08));
}

// Weekdays 1.2, weekend 0.5; a day that rises from 0 at midnight to 2 at noon and back. Mean 1 over
// the week; the run starts on Wednesday 2026-07-15 at 07:00 UTC = midnight at -7 h.
TEST_CASE("the week's shape has mean 1, its local time, and an exact inverse") {
  ArrivalParameters a;
  a.rate = mw::sim::Rate{10};
  for (int h = 0; h < 24; ++h) a.daily.push_back(h <= 12 ? h : 24 - h);
  a.weekly = {1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5};
  a.utc_offset = mw::sim::Seconds{-7 * 3600.0};
  const WeekShape shape(a);
  const double week = 168 * 3600.0;
  CHECK(shape.integral(week) == doctest::Approx(week).epsilon(1e-12));
  for (double t = 0; t < 3 * week; t += 1234.5) {
    CHECK(shape.moment_of(shape.integral(t)) == doctest::Approx(t).epsilon(1e-9));
  }
  const double noon = 12 * 3600, midnight = 24 * 3600.0;
  CHECK(shape.rate_at(midnight) == doctest::Approx(0));
  CHECK(shape.rate_at(noon) / shape.rate_at(noon + 5 * midnight) == doctest::Approx(1.2 / 0.5));

  FrontParameters p = poisson_front(10, 1, 1);
  p.arrivals = a;
  p.start_unix_ns = 1'784'098'800LL * second;  // 2026-07-15T07:00:00Z
  const auto day = all_of(p, 24 * hour, 24 * hour)[0];
  std::vector<double> by_hour(24, 0);
  for (const Arrival& one : day) ++by_hour[static_cast<std::size_t>(one.t / hour)];
  // Wednesday carries 1.2 / 7 of what the week's weights of 7 add up to.
  const double wednesday = 10 * 86400 * 1.2 * 7 / (5 * 1.2 + 2 * 0.5);
  CHECK(static_cast<double>(day.size()) == doctest::Approx(wednesday).epsilon(0.01));
  // Triangle: hour 11 to 12 holds (11 + 12) / 2 of the 144 that the 24 hours add up to.
  CHECK(by_hour[11] == doctest::Approx(wednesday * 11.5 / 144).epsilon(0.02));
  CHECK(by_hour[0] == doctest::Approx(wednesday * 0.5 / 144).epsilon(0.1));
}

TEST_CASE("lengths follow their law") {
  LengthDistribution fixed, lognormal, empirical;
  fixed.fixed = 7;
  lognormal.lognormal = LognormalLength{1000, 0.5};
  empirical.empirical = EmpiricalLength{{0, 0.5, 1}, {10, 20, 60}};
  CHECK(LengthLaw(fixed).at(0.3) == 7);
  // Median of a lognormal: mean / sqrt(1 + cv^2) = 1000 / sqrt(1.25) = 894.4.
  CHECK(LengthLaw(lognormal).at(0.5) == 894);
  CHECK(LengthLaw(empirical).at(0.25) == 15);
  CHECK(LengthLaw(empirical).at(0.5) == 20);
  CHECK(LengthLaw(empirical).at(0.75) == 40);
  CHECK(LengthLaw(empirical).at(0.999999999) == 60);

  LengthParameters lengths;
  lengths.prompt = lognormal;
  lengths.output = empirical;
  double prompt = 0, output = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const Lengths drawn = draw_lengths(lengths, i);
    prompt += drawn.prompt / 1e5;
    output += drawn.output / 1e5;
  }
  CHECK(prompt == doctest::Approx(1000).epsilon(0.01));
  CHECK(output == doctest::Approx(15 * 0.5 + 40 * 0.5).epsilon(0.01));
  CHECK(mean_lengths(lengths).prompt == doctest::Approx(1000).epsilon(0.002));
  CHECK(mean_lengths(lengths).output == doctest::Approx(27.5).epsilon(0.002));
  lengths.prompt.max = 900;
  for (std::uint64_t i = 0; i < 100; ++i) {
    CHECK(draw_lengths(lengths, i).prompt <= 900);
  }
}

// Short prompts (below the median) give 5 tokens, long ones 50.
TEST_CASE("outputs by class of the prompt") {
  LengthParameters lengths;
  lengths.prompt.empirical = EmpiricalLength{{0, 1}, {1, 101}};
  lengths.output_by_prompt.resize(2);
  lengths.output_by_prompt[0].fixed = 5;
  lengths.output_by_prompt[1].fixed = 50;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Lengths drawn = draw_lengths(lengths, i);
    if (drawn.prompt != 51) CHECK(drawn.output == (drawn.prompt < 51 ? 5 : 50));
  }
  CHECK(mean_lengths(lengths).output == 27.5);
}

TEST_CASE("three formats of traces") {
  const Trace azure = trace_of("azure.csv",
                               "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                               "2023-11-16 18:15:46.6805900,374,44\r\n"
                               "2023-11-16 18:15:50.9951690,396,109");
  REQUIRE(azure.rows.size() == 2);
  CHECK(azure.rows[0].t == 0);
  CHECK(azure.rows[1].t == 4'314'579'000);
  CHECK(azure.rows[1].prompt_tokens == 396);
  CHECK(azure.rows[1].output_tokens == 109);
  CHECK(azure.period == 2 * 4'314'579'000);

  const Trace own =
      trace_of("own.csv", "arrival_s,prompt_tokens,output_tokens\n0.5,10,20\n2.5,30,40\n");
  CHECK(own.rows[0].t == second / 2);
  CHECK(own.period == 9 * second / 2);

  const Trace mooncake =
      trace_of("mooncake.jsonl", R"({"timestamp": 0, "input_length": 5, "output_length": 6})"
                                 "\n"
                                 R"({"timestamp": 40, "input_length": 7, "output_length": 8})"
                                 "\n");
  REQUIRE(mooncake.rows.size() == 2);
  CHECK(mooncake.rows[1].t == 40'000'000);
  CHECK(mooncake.rows[1].output_tokens == 8);
}

TEST_CASE("a bad trace is named by line and column, with what to do") {
  CHECK(problem_of("a.csv", "arrival_s,prompt_tokens,output_tokens\n2,10,20\n1,30,40\n") ==
        "3:1: column \"arrival_s\": is earlier than the request before it; sort the file by time");
  CHECK(problem_of("b.csv", "arrival_s,prompt_tokens,output_tokens\n1,10,0\n") ==
        "2:6: column \"output_tokens\": is not an output length between 1 and 10000000 tokens; "
        "correct it or remove the "
        "line; a prefill alone already gives one token");
  CHECK(problem_of("c.csv", "arrival_s,prompt_tokens,output_tokens\n-1,10,2\n") ==
        "2:1: column \"arrival_s\": is not a time between 0 and 1e9 s; count seconds from the "
        "run's start");
  CHECK(problem_of("d.csv", "arrival_s,prompt_tokens,output_tokens\n") ==
        "0:0: the trace holds no request; give at least one line below the header");
  CHECK(problem_of("e.csv", "when,what\n1,2\n") ==
        "1:1: the columns are those of no known request trace; name them "
        "TIMESTAMP,ContextTokens,GeneratedTokens or arrival_s,prompt_tokens,output_tokens");
  CHECK(problem_of("f.jsonl", R"({"timestamp": 0, "input_length": 0, "output_length": 6})")
            .find("is not a prompt length") != std::string::npos);
  CHECK_THROWS_AS(find_trace("no/such/trace.csv", "."), mw::sim::InputError);
}

// The first copy is the trace as it stands, lap after lap. Each copy brings every row once a
// period, so scale 3 over two periods brings each row six times.
TEST_CASE("scale lays shifted copies of a trace over each other") {
  const Trace trace{{{0, 1, 1}, {second, 2, 1}, {3 * second, 3, 1}}, 5 * second};
  const auto one = all_of(replay(trace, 1), 10 * second, 10 * second)[0];
  REQUIRE(one.size() == 6);
  CHECK(one[2].t == 3 * second);
  CHECK(one[4].t == 6 * second);
  CHECK(one[4].prompt_tokens == 2);

  const FrontParameters three = replay(trace, 3);
  std::vector<int> times(4, 0);
  const auto laid_over = all_of(three, 10 * second, 10 * second)[0];
  for (const Arrival& a : laid_over) {
    ++times[static_cast<std::size_t>(a.prompt_tokens)];
  }
  CHECK(times == std::vector<int>{0, 6, 6, 6});
  const FrontState front = initial_front(three);
  CHECK(front.replayed[0].shift == 0);
  CHECK(front.replayed[1].shift != front.replayed[2].shift);
  CHECK(traffic_means(three).requests_per_s == doctest::Approx(9.0 / 5));
}

TEST_CASE("traffic is exactly one of like, trace, and arrivals or closed_loop with lengths") {
  const auto problems_of = [](const auto& parameters) {
    mw::sim::Problems problems;
    check(parameters, problems);
    return problems.items.size();
  };
  TrafficParameters traffic;
  CHECK(problems_of(traffic) == 1);
  traffic.trace = "a.csv";
  CHECK(problems_of(traffic) == 0);
  traffic.arrivals = ArrivalParameters{};
  CHECK(problems_of(traffic) == 1);
  traffic.trace.reset();
  CHECK(problems_of(traffic) == 1);  // arrivals without lengths
  traffic.lengths = LengthParameters{};
  CHECK(problems_of(traffic) == 0);
  traffic.closed_loop = ClosedLoopParameters{};
  CHECK(problems_of(traffic) == 1);  // beside arrivals
  traffic.arrivals.reset();
  CHECK(problems_of(traffic) == 0);
  traffic.scale = 2;
  CHECK(problems_of(traffic) == 1);
  traffic.scale = 1;
  traffic.lengths.reset();
  CHECK(problems_of(traffic) == 1);

  LengthDistribution length;
  CHECK(problems_of(length) == 1);
  length.fixed = 5;
  CHECK(problems_of(length) == 0);
  length.lognormal = LognormalLength{10, 1};
  CHECK(problems_of(length) == 1);
  CHECK(problems_of(EmpiricalLength{{0, 1}, {1, 2, 3}}) == 1);
  CHECK(problems_of(EmpiricalLength{{0.1, 1}, {1, 2}}) == 1);
  CHECK(problems_of(EmpiricalLength{{0, 0.5, 0.5, 1}, {1, 2, 2, 3}}) == 1);
  CHECK(problems_of(EmpiricalLength{{0, 1}, {2, 1}}) == 1);
  CHECK(problems_of(EmpiricalLength{{0, 1}, {1, 2}}) == 0);

  ArrivalParameters arrivals;
  arrivals.daily.assign(23, 1);
  arrivals.weekly.assign(7, 0);
  CHECK(problems_of(arrivals) == 2);
  LengthParameters lengths;
  CHECK(problems_of(lengths) == 1);
  EngineParameters engine;
  engine.max_num_batched_tokens = engine.max_num_seqs;
  CHECK(problems_of(engine) == 1);
}
