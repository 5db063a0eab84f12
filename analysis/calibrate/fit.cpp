#include "analysis/calibrate/fit.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <unsupported/Eigen/NonLinearOptimization>

namespace mw::analysis {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double huber_limit = 1.345, cauchy_limit = 2.385;

/// A residual whose square is twice the loss, so that a least-squares method minimises the loss.
double bent(Loss loss, double r) {
  const double a = std::fabs(r);
  switch (loss) {
    case Loss::squared:
      return r;
    case Loss::huber:
      return a <= huber_limit ? r
                              : std::copysign(std::sqrt(huber_limit * (2 * a - huber_limit)), r);
    case Loss::cauchy:
      return std::copysign(
          cauchy_limit * std::sqrt(std::log1p(r * r / (cauchy_limit * cauchy_limit))), r);
  }
  return r;
}
/// Derivative of the loss, and of that again.
double influence(Loss loss, double r) {
  switch (loss) {
    case Loss::squared:
      return r;
    case Loss::huber:
      return std::clamp(r, -huber_limit, huber_limit);
    case Loss::cauchy:
      return r / (1 + r * r / (cauchy_limit * cauchy_limit));
  }
  return r;
}
double curvature(Loss loss, double r) {
  const double x = r * r / (cauchy_limit * cauchy_limit);
  switch (loss) {
    case Loss::squared:
      return 1;
    case Loss::huber:
      return std::fabs(r) <= huber_limit ? 1 : 0;
    case Loss::cauchy:
      return (1 - x) / ((1 + x) * (1 + x));
  }
  return 1;
}

/// The search variable u reaches all of [a, b] as x = middle + half-width sin(u): bounds without a
/// special case (as in MINUIT; F. James, CERN D506, section 1.2.1). It is counted from `origin`:
/// the method's first step is a share of u, which must not be near 0.
struct Interval {
  static constexpr double origin = 10;
  double a, b;
  double x(double u) const { return 0.5 * (a + b) + 0.5 * (b - a) * std::sin(u - origin); }
  double u(double x) const {
    const double s = (x - 0.5 * (a + b)) / (0.5 * (b - a));
    return origin + std::asin(std::clamp(s, -0.999, 0.999));
  }
  double slope(double u) const { return 0.5 * (b - a) * std::cos(u - origin); }
};

class Fitter {
 public:
  explicit Fitter(const FitProblem& problem) : problem_(problem), scatter_(problem.scatter) {
    for (const FitParameter& p : problem.parameters)
      within_.push_back({std::log(p.min), std::log(p.max)});
  }

  using Scalar = double;
  enum { InputsAtCompileTime = Eigen::Dynamic, ValuesAtCompileTime = Eigen::Dynamic };
  using InputType = VectorXd;
  using ValueType = VectorXd;
  using JacobianType = MatrixXd;

  int inputs() const { return static_cast<int>(problem_.parameters.size()); }
  int values() const { return static_cast<int>(problem_.residuals + problem_.parameters.size()); }

  int operator()(const VectorXd& u, VectorXd& out) const {
    const VectorXd r = residuals(logs(u));
    for (Eigen::Index i = 0; i < r.size(); ++i) out[i] = bent(problem_.loss, r[i] / scatter_);
    for (int k = 0; k < inputs(); ++k) {
      const FitParameter& p = parameter(k);
      out[r.size() + k] =
          p.prior_sigma ? (within_[at(k)].x(u[k]) - std::log(p.start)) / *p.prior_sigma : 0;
    }
    return stopped() ? -1 : 0;
  }

  int df(const VectorXd& u, MatrixXd& jacobian) const {
    const VectorXd x = logs(u);
    const VectorXd r = residuals(x);
    const MatrixXd j = derivatives(x);
    jacobian.setZero();
    for (int k = 0; k < inputs(); ++k) {
      const double slope = within_[at(k)].slope(u[k]);
      for (Eigen::Index i = 0; i < r.size(); ++i) {
        const double z = r[i] / scatter_;
        const double b = bent(problem_.loss, z);
        const double bend = z == 0 ? 1 : influence(problem_.loss, z) / b;
        jacobian(i, k) = bend * j(i, k) / scatter_ * slope;
      }
      if (parameter(k).prior_sigma) jacobian(r.size() + k, k) = slope / *parameter(k).prior_sigma;
    }
    return stopped() ? -1 : 0;
  }

  /// log(predicted / measured) at these logarithms.
  VectorXd residuals(const VectorXd& x) const {
    std::vector<double> values;
    for (Eigen::Index k = 0; k < x.size(); ++k) values.push_back(std::exp(x[k]));
    VectorXd r(static_cast<Eigen::Index>(problem_.residuals));
    problem_.evaluate(values, {r.data(), problem_.residuals});
    if (problem_.stop && problem_.stop()) stopped_ = true;
    // Where a prediction fails altogether the search must not follow.
    for (double& one : r)
      if (!std::isfinite(one)) one = 10;
    return r;
  }

  /// Of the residuals by the logarithms: central differences, one-sided at a bound.
  MatrixXd derivatives(const VectorXd& x) const {
    MatrixXd j(static_cast<Eigen::Index>(problem_.residuals), x.size());
    for (Eigen::Index k = 0; k < x.size(); ++k) {
      VectorXd up = x, down = x;
      up[k] = std::min(x[k] + problem_.step, within_[at(k)].b);
      down[k] = std::max(x[k] - problem_.step, within_[at(k)].a);
      if (!stopped()) j.col(k) = (residuals(up) - residuals(down)) / (up[k] - down[k]);
    }
    return j;
  }

  VectorXd logs(const VectorXd& u) const {
    VectorXd x(u.size());
    for (Eigen::Index k = 0; k < u.size(); ++k) x[k] = within_[at(k)].x(u[k]);
    return x;
  }
  VectorXd start() const {
    VectorXd u(inputs());
    for (int k = 0; k < inputs(); ++k) u[k] = within_[at(k)].u(std::log(parameter(k).start));
    return u;
  }
  VectorXd start_logs() const {
    VectorXd x(inputs());
    for (int k = 0; k < inputs(); ++k) x[k] = std::log(parameter(k).start);
    return x;
  }

  static std::size_t at(Eigen::Index k) { return static_cast<std::size_t>(k); }
  const FitParameter& parameter(Eigen::Index k) const { return problem_.parameters[at(k)]; }
  const Interval& within(Eigen::Index k) const { return within_[at(k)]; }
  bool stopped() const { return stopped_; }
  double scatter() const { return scatter_; }
  void set_scatter(double s) { scatter_ = s; }

 private:
  const FitProblem& problem_;
  double scatter_;
  std::vector<Interval> within_;
  mutable bool stopped_ = false;
};

/// Columns that are nothing, or that are sums of others: told by the singular values of the
/// Jacobian with columns of equal length.
std::vector<Unidentified> unidentified(const Fitter& fitter, const MatrixXd& jacobian) {
  constexpr double nothing = 1e-7;  // of the length of the longest column
  constexpr double same = 2e-3;     // smallest singular value; 1 would be at right angles
  std::vector<Unidentified> out;
  const VectorXd length = jacobian.colwise().norm();
  const double longest = length.size() > 0 ? length.maxCoeff() : 0;
  std::vector<Eigen::Index> kept;
  for (Eigen::Index k = 0; k < jacobian.cols(); ++k) {
    if (fitter.parameter(k).prior_sigma) continue;  // its prior says what it is
    if (length[k] <= nothing * longest) {
      out.push_back({{fitter.parameter(k).name}});
    } else {
      kept.push_back(k);
    }
  }
  if (kept.size() < 2) return out;
  MatrixXd scaled(jacobian.rows(), static_cast<Eigen::Index>(kept.size()));
  for (std::size_t i = 0; i < kept.size(); ++i)
    scaled.col(static_cast<Eigen::Index>(i)) = jacobian.col(kept[i]) / length[kept[i]];
  const Eigen::JacobiSVD<MatrixXd> svd(scaled, Eigen::ComputeThinV);
  for (Eigen::Index d = 0; d < svd.singularValues().size(); ++d) {
    if (svd.singularValues()[d] > same) continue;
    Unidentified group;
    for (std::size_t i = 0; i < kept.size(); ++i)
      if (std::fabs(svd.matrixV()(static_cast<Eigen::Index>(i), d)) > 0.1)
        group.names.push_back(fitter.parameter(kept[i]).name);
    out.push_back(group);
  }
  return out;
}

/// 1.4826 median|r|: the standard deviation of normal errors, blind to outliers.
double robust_scatter(const VectorXd& r) {
  std::vector<double> a;
  for (const double one : r) a.push_back(std::fabs(one));
  std::nth_element(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(a.size() / 2), a.end());
  return 1.4826 * a[a.size() / 2];
}

/// Sigmas and correlations: the asymptotic covariance of an M-estimator with independent residuals
/// (Huber, Robust Statistics, 1981, section 7.6), with the information of priors added.
void add_uncertainty(const Fitter& fitter, const FitProblem& problem, const VectorXd& x, Fit& out) {
  const MatrixXd j = fitter.derivatives(x);
  const VectorXd r = fitter.residuals(x);
  const double s = fitter.scatter();
  const double n = static_cast<double>(problem.residuals);
  const double p = static_cast<double>(x.size());
  double psi2 = 0, bend = 0;
  for (const double one : r) {
    psi2 += influence(problem.loss, one / s) * influence(problem.loss, one / s) / n;
    bend += curvature(problem.loss, one / s) / n;
  }
  const double variance = s * s * psi2 / std::max(bend * bend, 0.01) * n / std::max(n - p, 1.0);
  std::vector<Eigen::Index> inner;  // not at a bound
  for (Eigen::Index k = 0; k < x.size(); ++k) {
    const Interval& in = fitter.within(k);
    const double margin = 0.005 * (in.b - in.a);
    const bool bound = x[k] < in.a + margin || x[k] > in.b - margin;
    out.estimates.push_back({std::exp(x[k]), 0, bound});
    if (!bound) inner.push_back(k);
  }
  const auto m = static_cast<Eigen::Index>(inner.size());
  MatrixXd information(m, m);
  for (Eigen::Index a = 0; a < m; ++a) {
    for (Eigen::Index b = 0; b < m; ++b)
      information(a, b) =
          j.col(inner[Fitter::at(a)]).dot(j.col(inner[Fitter::at(b)])) / std::max(variance, 1e-300);
    if (const auto& prior = fitter.parameter(inner[Fitter::at(a)]).prior_sigma)
      information(a, a) += 1 / (*prior * *prior);
  }
  // Inverted with a diagonal of ones: units and sizes of the constants differ.
  const VectorXd unit = information.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
  const MatrixXd covariance =
      unit.asDiagonal() * MatrixXd(unit.asDiagonal() * information * unit.asDiagonal()).inverse() *
      unit.asDiagonal();
  out.correlation.assign(Fitter::at(x.size()), std::vector<double>(Fitter::at(x.size()), 0));
  for (Eigen::Index a = 0; a < m; ++a) {
    const std::size_t ka = Fitter::at(inner[Fitter::at(a)]);
    out.estimates[ka].sigma = std::sqrt(std::max(covariance(a, a), 0.0));
    for (Eigen::Index b = 0; b < m; ++b) {
      const double product = covariance(a, a) * covariance(b, b);
      if (product > 0)
        out.correlation[ka][Fitter::at(inner[Fitter::at(b)])] =
            covariance(a, b) / std::sqrt(product);
    }
  }
}

std::vector<double> plain(const VectorXd& v) {
  return {v.begin(), v.end()};
}

}  // namespace

std::string Unidentified::text() const {
  if (names.size() == 1) return "no measured figure depends on `" + names[0] + "`";
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i)
    list += (i == 0 ? "`" : i + 1 == names.size() ? " and `" : ", `") + names[i] + "`";
  return "the measured figures cannot tell " + list + " apart";
}

Fit fit(const FitProblem& problem) {
  Fitter fitter(problem);
  Fit out;
  const VectorXd first = fitter.start_logs();
  const VectorXd before = fitter.residuals(first);
  out.before = plain(before);
  out.unidentified = unidentified(fitter, fitter.derivatives(first));
  if (!out.unidentified.empty() || fitter.stopped()) {
    out.stopped = fitter.stopped();
    return out;
  }

  VectorXd u = fitter.start();
  for (int pass = 0; pass < 2 && !fitter.stopped(); ++pass) {
    Eigen::LevenbergMarquardt<Fitter> search(fitter);
    search.parameters.ftol = search.parameters.xtol = 1e-8;
    search.parameters.factor = 0.03;
    search.parameters.maxfev = 100;
    search.minimize(u);
    // Not below what finite differences resolve: exact data would leave no scale at all.
    fitter.set_scatter(std::max(robust_scatter(fitter.residuals(fitter.logs(u))), 1e-6));
  }
  const VectorXd x = fitter.logs(u);
  out.after = plain(fitter.residuals(x));
  out.scatter = fitter.scatter();
  if (!fitter.stopped()) add_uncertainty(fitter, problem, x, out);
  out.stopped = fitter.stopped();
  return out;
}

}  // namespace mw::analysis
