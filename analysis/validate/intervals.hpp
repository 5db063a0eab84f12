#pragma once
#include <optional>
#include <string>
#include <vector>

#include "analysis/validate/point.hpp"
#include "analysis/validate/predict.hpp"
#include "scenarios/catalog.hpp"
#include "sim/describe.hpp"

namespace mw::analysis {

/// How measured values lay about predicted ones: the share of 0.05 and 0.95 of measured over
/// predicted. Written by `millwright validate --all --intervals`.
struct Residual {
  std::string kind, gpu, stack;  // `any` pools over it
  bool weak = false;             // rows that are marked weak, or the others
  std::string figure;
  std::int64_t rows = 0;
  double low = 1, high = 1;
};
template <sim::Describes<Residual> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("kind", self.kind, About{.text = "Kind of point", .required = true});
  visit("gpu", self.gpu, About{.text = "GPU; any: all together", .required = true});
  visit("stack", self.stack,
        About{.text = "Serving software; any: all together", .required = true});
  visit("weak", self.weak, About{.text = "Of rows marked as weak cases"});
  visit("figure", self.figure, About{.text = "What was compared", .required = true});
  visit("rows", self.rows, About{.text = "Rows compared", .min = 1, .required = true});
  visit("low", self.low,
        About{.text = "Measured over predicted: one row in twenty lies below", .min = 0});
  visit("high", self.high, About{.text = "One row in twenty lies above", .min = 0});
}
struct Residuals {
  std::string source;
  std::vector<Residual> residuals;
};
template <sim::Describes<Residuals> Self>
void describe(Self& self, auto&& visit) {
  visit("source", self.source, sim::About{.text = "What was compared with what"});
  visit("residuals", self.residuals, sim::About{.text = "Spread by group"});
}

struct Interval {
  double low = 0, high = 0;
  bool extrapolated = false;  // nothing alike was measured: wider
};

/// Nine in ten measured values are expected between the two.
class Intervals {
 public:
  /// Reads scenarios/residuals.yaml, which stands beside the catalog.
  explicit Intervals(const scenarios::Catalog& catalog);
  explicit Intervals(Residuals residuals) : residuals_(std::move(residuals)) {}

  std::optional<Interval> of(const Point& point, const Prediction& prediction, Figure figure) const;

 private:
  const Residual* find(const std::string& kind, const std::string& gpu, const std::string& stack,
                       bool weak, std::string_view figure) const;
  Residuals residuals_;
};

/// The residuals of points with measured values, as residuals.yaml has them.
std::vector<Residual> residuals_of(const std::vector<Point>& points,
                                   const std::vector<Prediction>& predictions);
std::string residuals_yaml(const std::vector<Residual>& residuals);

}  // namespace mw::analysis
