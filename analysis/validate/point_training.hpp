#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/validate/point.hpp"

namespace mw::analysis {

/// The fields of a row, as a kind of point reads them.
struct RowFields {
  std::function<std::string_view(const std::string&)> text;
  std::function<std::optional<std::int64_t>(const std::string&, double, double)> integer;
  std::function<void(const std::string&, const std::string&, std::string)> problem;
  std::function<void(std::string)> by_default;
};

/// A training row's software and job; model and GPU have been read.
void read_training(Point& point, const RowFields& row, const scenarios::Catalog& catalog);

}  // namespace mw::analysis
