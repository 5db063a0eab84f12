#include "analysis/study/expression.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace mw::analysis;

namespace {
double value(const std::string& text) {
  return Expression::parse(text).evaluate([](const std::string& name) -> std::optional<Value> {
    if (name == "pue") return 1.25;
    if (name == "chat.ttft_p99") return 2.0;
    if (name == "chat-2.x") return 7.0;
    if (name == "plant") return std::string("dry");
    return std::nullopt;
  });
}
}  // namespace

TEST_CASE("Expressions follow the usual order of operations") {
  CHECK(value("1 + 2 * 3 ^ 2") == 19);
  CHECK(value("-2 ^ 2") == -4);
  CHECK(value("2 ^ -1") == 0.5);
  CHECK(value("2 ^ 3 ^ 2") == 512);
  CHECK(value("10 - 4 - 3") == 3);
  CHECK(value("(1 + 2) * 3 / 2") == 4.5);
  CHECK(value("max(1, 5, 3) - min(4, 2)") == 3);
  CHECK(value("pue * chat.ttft_p99 + `chat-2.x`") == 9.5);
  CHECK(value("not pue > 2 and chat.ttft_p99 <= 2 or 0") == 1);
  CHECK(value("plant == 'dry'") == 1);
  CHECK(value("plant != 'dry'") == 0);
}

TEST_CASE("What is unknown never holds, and is no number") {
  for (const char* text :
       {"nothing", "nothing < 1", "1 / 0", "log(0)", "sqrt(0 - 1)", "plant < 'x'", "plant == 1",
        "nothing < 1 and pue < 2", "not nothing", "exp(1e9)"})
    CHECK_MESSAGE(std::isnan(value(text)), text);
  CHECK(value("nothing < 1 and pue > 2") == 0);  // what is known decides
  CHECK(value("nothing < 1 or pue < 2") == 1);
}

TEST_CASE("A wrong expression says where and what to do") {
  const std::pair<const char*, int> wrong[] = {
      {"1 +", 4},       {"", 1},      {"a b", 3},   {"(1", 3},         {"f(1)", 1},
      {"1 < 2 < 3", 7}, {"'open", 1}, {"a $ b", 3}, {"sqrt(1, 2)", 1}, {"and 1", 1}};
  for (const auto& [text, column] : wrong) {
    CAPTURE(text);
    try {
      Expression::parse(text);
      FAIL("was read");
    } catch (const ExpressionError& e) {
      CHECK(e.column == column);
      CHECK(!e.advice.empty());
    }
  }
  CHECK_THROWS_AS(Expression::parse(std::string(100000, '(')), ExpressionError);
}
