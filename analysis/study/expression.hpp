#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

// What studies compute from the figures of a point: `usd_per_mtok / j_per_token`,
// `chat.ttft_p99 < 2 and pue < 1.2`, `plant == 'tower_chiller'`. Own, because the parsers that
// Debian has know neither names with dots nor words as values.
namespace mw::analysis {

/// A number, or a word (the level of a factor that is a name).
using Value = std::variant<double, std::string>;

struct ExpressionError : std::runtime_error {
  int column;  // from 1, within the expression
  std::string advice;
  ExpressionError(int at, const std::string& problem, std::string what_to_do)
      : std::runtime_error(problem), column(at), advice(std::move(what_to_do)) {}
};

/// Numbers, names, 'words', + - * / ^, comparisons, `and`, `or`, `not`, brackets, and min, max,
/// abs, sqrt, exp, log, log10. Truth is 1 and 0. Names hold letters, digits, `_`, `.`; any other
/// stands in back-quotes.
class Expression {
 public:
  using Lookup = std::function<std::optional<Value>(const std::string& name)>;

  /// Throws ExpressionError.
  static Expression parse(std::string_view text);

  /// NaN where a figure has none, or where a name stands for nothing here (the factor was left
  /// out, the service is not in this point); a comparison with NaN is NaN too, so that nothing
  /// holds by being unknown. Words compare with == and != only: with numbers they are NaN.
  double evaluate(const Lookup& lookup) const;

  const std::set<std::string>& names() const { return names_; }
  const std::string& text() const { return text_; }

  struct Node;

 private:
  std::string text_;
  std::shared_ptr<const Node> root_;
  std::set<std::string> names_;
};

}  // namespace mw::analysis
