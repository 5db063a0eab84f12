#include "analysis/calibrate/fit.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "sim/random.hpp"

using namespace mw;
using analysis::Fit;
using analysis::FitProblem;
using analysis::Loss;

namespace {

/// A straight line measured at some places: predicted = slope x + offset.
struct Line {
  std::vector<double> x, y;

  FitProblem problem(Loss loss) const {
    FitProblem p;
    p.parameters = {{"slope", 1, 0.01, 100, {}}, {"offset", 1, 0.01, 100, {}}};
    p.residuals = x.size();
    p.loss = loss;
    p.evaluate = [this](std::span<const double> v, std::span<double> r) {
      for (std::size_t i = 0; i < x.size(); ++i) r[i] = std::log((v[0] * x[i] + v[1]) / y[i]);
    };
    return p;
  }
};

double normal(std::uint32_t set, std::uint64_t i) {
  return sim::normal({7, set, 1}, i);
}

/// slope 3, offset 20, log-normal errors of 5 %; every tenth value `outlier` times too large.
Line noisy_line(std::uint32_t set, double outlier) {
  Line line;
  for (int i = 0; i < 60; ++i) {
    line.x.push_back(1 + i);
    line.y.push_back((3.0 * (1 + i) + 20) * std::exp(0.05 * normal(set, static_cast<unsigned>(i))) *
                     (i % 10 == 5 ? outlier : 1));
  }
  return line;
}

struct Coverage {
  int within = 0, all = 0;
  double worst = 0, rms = 0;
};
/// How often the truth lies within 1.96 sigma of what 100 noisy sets give.
Coverage coverage(Loss loss, double outlier) {
  const double truth[] = {3, 20};
  Coverage out;
  double squares = 0;
  for (std::uint32_t set = 0; set < 100; ++set) {
    const Line line = noisy_line(set, outlier);
    const Fit f = fit(line.problem(loss));
    for (std::size_t k = 0; k < 2; ++k) {
      const double error = std::log(f.estimates[k].value / truth[k]);
      squares += error * error;
      out.within += std::fabs(error) < 1.96 * f.estimates[k].sigma;
      ++out.all;
    }
  }
  out.rms = std::sqrt(squares / out.all);
  return out;
}

}  // namespace

TEST_CASE("data without errors give the constants back") {
  Line line = noisy_line(0, 1);
  for (std::size_t i = 0; i < line.x.size(); ++i) line.y[i] = 3 * line.x[i] + 20;
  for (const Loss loss : {Loss::squared, Loss::huber, Loss::cauchy}) {
    const Fit f = fit(line.problem(loss));
    CHECK(f.estimates[0].value == doctest::Approx(3).epsilon(1e-4));
    CHECK(f.estimates[1].value == doctest::Approx(20).epsilon(1e-4));
    CHECK(f.scatter < 1e-4);
  }
}

// With squares, one constant and predicted = constant, the fit is the geometric mean, and the
// variance of its logarithm is that of a mean: sum (log y - mean)^2 / (n - 1) / n.
TEST_CASE("one constant: the mean of logarithms, and its standard error") {
  std::vector<double> logs;
  for (std::uint64_t i = 0; i < 25; ++i) logs.push_back(std::log(7) + 0.2 * normal(900, i));
  FitProblem p;
  p.parameters = {{"c", 1, 0.01, 1000, {}}};
  p.residuals = logs.size();
  p.loss = Loss::squared;
  p.evaluate = [&](std::span<const double> v, std::span<double> r) {
    for (std::size_t i = 0; i < logs.size(); ++i) r[i] = std::log(v[0]) - logs[i];
  };
  const double mean = std::accumulate(logs.begin(), logs.end(), 0.0) / 25;
  double squares = 0;
  for (const double l : logs) squares += (l - mean) * (l - mean);
  const Fit f = fit(p);
  CHECK(std::log(f.estimates[0].value) == doctest::Approx(mean).epsilon(1e-6));
  CHECK(f.estimates[0].sigma == doctest::Approx(std::sqrt(squares / 24 / 25)).epsilon(1e-6));

  // A prior is one more measurement: precisions add, and so does what they pull.
  p.parameters[0].prior_sigma = 0.02;
  const Fit held = fit(p);
  CHECK(held.estimates[0].sigma < 0.02);
  CHECK(held.estimates[0].value < f.estimates[0].value);
  CHECK(held.estimates[0].value > 1);
}

// Of 200 intervals of 95 %, 190 should cover; fewer than 178 or more than 198 would be 4 standard
// deviations (sqrt(200 0.95 0.05) = 3.1) away from that.
TEST_CASE("sigma is honest: the truth lies within 1.96 sigma 95 times in a hundred") {
  for (const Loss loss : {Loss::squared, Loss::huber, Loss::cauchy}) {
    const Coverage c = coverage(loss, 1);
    CAPTURE(static_cast<int>(loss));
    CHECK(c.within >= 178);
    CHECK(c.within <= 199);
  }
}

TEST_CASE("a robust loss does not follow outliers") {
  const Coverage squares = coverage(Loss::squared, 3), huber = coverage(Loss::huber, 3),
                 cauchy = coverage(Loss::cauchy, 3);
  CHECK(huber.rms < 0.5 * squares.rms);
  CHECK(cauchy.rms < 0.3 * squares.rms);
  CHECK(cauchy.within >= 170);
}

TEST_CASE("constants that act only as a product, or not at all, are refused by name") {
  FitProblem p;
  p.parameters = {{"a", 2, 0.1, 10, {}}, {"b", 3, 0.1, 10, {}}, {"c", 5, 0.1, 10, {}}};
  p.residuals = 20;
  bool uses_c = true;
  p.evaluate = [&](std::span<const double> v, std::span<double> r) {
    for (std::size_t i = 0; i < r.size(); ++i)
      r[i] =
          std::log((v[0] * v[1] * double(i + 1) + (uses_c ? v[2] : 1)) / (7.0 * double(i) + 12)) -
          0.01 * normal(901, i);
  };
  Fit f = fit(p);
  REQUIRE(f.unidentified.size() == 1);
  CHECK(f.unidentified[0].names == std::vector<std::string>{"a", "b"});
  CHECK(f.unidentified[0].text() == "the measured figures cannot tell `a` and `b` apart");
  CHECK(f.estimates.empty());

  uses_c = false;
  f = fit(p);
  REQUIRE(f.unidentified.size() == 2);
  CHECK(f.unidentified[0].text() == "no measured figure depends on `c`");

  // A prior on one of them settles it: that one stays where its prior has it.
  uses_c = true;
  p.parameters[1].prior_sigma = 0.1;
  f = fit(p);
  REQUIRE(f.unidentified.empty());
  CHECK(f.estimates[1].value == doctest::Approx(3).epsilon(0.02));
  CHECK(f.estimates[1].sigma == doctest::Approx(0.1).epsilon(0.05));
  CHECK(f.estimates[0].value * f.estimates[1].value == doctest::Approx(7).epsilon(0.01));
}

TEST_CASE("a constant whose truth lies outside its bounds ends at the bound, and says so") {
  Line line = noisy_line(0, 1);
  FitProblem p = line.problem(Loss::huber);
  p.parameters[1].max = 10;  // the truth is 20
  const Fit f = fit(p);
  CHECK(f.estimates[1].at_bound);
  CHECK(f.estimates[1].value <= 10);
  CHECK(f.estimates[1].value > 9.8);
  CHECK_FALSE(f.estimates[0].at_bound);
  CHECK(f.estimates[0].sigma > 0);
}

TEST_CASE("a fit stops when it is told to") {
  const Line line = noisy_line(0, 1);
  FitProblem p = line.problem(Loss::huber);
  int evaluations = 0;
  p.stop = [&] { return ++evaluations >= 8; };
  const Fit f = fit(p);
  CHECK(f.stopped);
  CHECK(evaluations < 20);
}
