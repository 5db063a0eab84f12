#include "analysis/study/expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

namespace mw::analysis {

struct Expression::Node {
  enum class Kind { number, word, name, call };
  Kind kind = Kind::number;
  double number = 0;
  std::string text;  // word, name; call: the operator or function
  std::vector<std::shared_ptr<const Node>> parts{};
};

namespace {

using Node = Expression::Node;
using NodePtr = std::shared_ptr<const Node>;
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr int deepest = 100;  // of brackets within brackets

bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

struct Token {
  enum class Kind { number, word, name, sign, end };
  Kind kind = Kind::end;
  std::string text;
  double number = 0;
  int column = 1;
  bool quoted = false;  // a name in back-quotes is never a keyword
};

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> out;
  std::size_t i = 0;
  while (true) {
    while (i < text.size() && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n')) ++i;
    Token t;
    t.column = static_cast<int>(i) + 1;
    if (i == text.size()) {
      out.push_back(t);
      return out;
    }
    const char c = text[i];
    if (is_digit(c) || (c == '.' && i + 1 < text.size() && is_digit(text[i + 1]))) {
      const auto r = std::from_chars(text.data() + i, text.data() + text.size(), t.number);
      if (r.ec != std::errc{})
        throw ExpressionError(t.column, "a number is out of range", "write a smaller one");
      t.kind = Token::Kind::number;
      i = static_cast<std::size_t>(r.ptr - text.data());
    } else if (starts_name(c)) {
      std::size_t end = i;
      while (end < text.size() &&
             (starts_name(text[end]) || is_digit(text[end]) || text[end] == '.'))
        ++end;
      t.kind = Token::Kind::name;
      t.text = text.substr(i, end - i);
      i = end;
    } else if (c == '\'' || c == '"' || c == '`') {
      const std::size_t end = text.find(c, i + 1);
      if (end == std::string_view::npos)
        throw ExpressionError(t.column, fmt::format("the {} is not closed", c),
                              fmt::format("end it with {}", c));
      t.kind = c == '`' ? Token::Kind::name : Token::Kind::word;
      t.quoted = true;
      t.text = text.substr(i + 1, end - i - 1);
      i = end + 1;
    } else {
      static constexpr std::string_view pairs[] = {"<=", ">=", "==", "!="};
      t.kind = Token::Kind::sign;
      t.text = text.substr(i, 1);
      for (const auto pair : pairs)
        if (text.substr(i, 2) == pair) t.text = pair;
      if (t.text.size() == 1 && std::string_view("+-*/^<>(),").find(c) == std::string_view::npos)
        throw ExpressionError(
            t.column, fmt::format("`{}` has no meaning here", c < ' ' || c > '~' ? '?' : c),
            "use names, numbers, 'words', + - * / ^, < <= == != >= >, and, or, not");
      i += t.text.size();
    }
    out.push_back(std::move(t));
  }
}

struct Function {
  const char* name;
  int least, most;  // arguments
};
constexpr Function functions[] = {{"min", 1, 99}, {"max", 1, 99}, {"abs", 1, 1},  {"sqrt", 1, 1},
                                  {"exp", 1, 1},  {"log", 1, 1},  {"log10", 1, 1}};

class Parser {
 public:
  Parser(std::string_view text, std::set<std::string>& names)
      : tokens_(tokens_of(text)), names_(names) {}

  NodePtr whole() {
    NodePtr node = either();
    if (now().kind != Token::Kind::end)
      fail("is not expected here", "end the expression before it, or put an operator between");
    return node;
  }

 private:
  const Token& now() const { return tokens_[at_]; }
  [[noreturn]] void fail(const std::string& problem, const std::string& advice) const {
    const std::string what = now().kind == Token::Kind::end      ? "the end"
                             : now().kind == Token::Kind::number ? "this number"
                                                                 : "`" + now().text + "`";
    throw ExpressionError(now().column, what + " " + problem, advice);
  }
  bool take(std::string_view sign) {
    const Token& t = now();
    const bool is_sign = t.kind == Token::Kind::sign && t.text == sign;
    const bool is_keyword = t.kind == Token::Kind::name && !t.quoted && t.text == sign;
    if (!is_sign && !is_keyword) return false;
    ++at_;
    return true;
  }
  static NodePtr call(std::string what, std::vector<NodePtr> parts) {
    return std::make_shared<Node>(Node{Node::Kind::call, 0, std::move(what), std::move(parts)});
  }

  NodePtr either() {
    if (++depth_ > deepest)
      throw ExpressionError(now().column, "brackets are nested too deep", "simplify it");
    NodePtr left = both();
    while (take("or")) left = call("or", {left, both()});
    --depth_;
    return left;
  }
  NodePtr both() {
    NodePtr left = denied();
    while (take("and")) left = call("and", {left, denied()});
    return left;
  }
  NodePtr denied() {
    bool odd = false, any = false;
    while (take("not")) odd = !odd, any = true;
    NodePtr node = compared();
    if (!any) return node;
    node = call("not", {node});
    return odd ? node : call("not", {node});
  }
  NodePtr compared() {
    NodePtr left = sum();
    for (const char* sign : {"<=", ">=", "==", "!=", "<", ">"})
      if (take(sign)) {
        left = call(sign, {left, sum()});
        for (const char* second : {"<=", ">=", "==", "!=", "<", ">"})
          if (now().kind == Token::Kind::sign && now().text == second)
            fail("follows another comparison", "join two comparisons with `and`");
        return left;
      }
    return left;
  }
  NodePtr sum() {
    NodePtr left = product();
    while (true) {
      if (take("+"))
        left = call("+", {left, product()});
      else if (take("-"))
        left = call("-", {left, product()});
      else
        return left;
    }
  }
  NodePtr product() {
    NodePtr left = signed_one();
    while (true) {
      if (take("*"))
        left = call("*", {left, signed_one()});
      else if (take("/"))
        left = call("/", {left, signed_one()});
      else
        return left;
    }
  }
  NodePtr signed_one() {
    bool minus = false;
    while (true) {
      if (take("-"))
        minus = !minus;
      else if (!take("+"))
        break;
    }
    NodePtr node = power();
    return minus ? call("negative", {node}) : node;
  }
  NodePtr power() {  // binds closer than a sign before it and looser than one after: -2^-2
    NodePtr base = atom();
    if (!take("^")) return base;
    if (++depth_ > deepest)
      throw ExpressionError(now().column, "powers are nested too deep", "simplify it");
    NodePtr exponent = signed_one();
    --depth_;
    return call("^", {base, exponent});
  }
  NodePtr atom() {
    const Token t = now();
    if (t.kind == Token::Kind::number) {
      ++at_;
      return std::make_shared<Node>(Node{Node::Kind::number, t.number, "", {}});
    }
    if (t.kind == Token::Kind::word) {
      ++at_;
      return std::make_shared<Node>(Node{Node::Kind::word, 0, t.text, {}});
    }
    if (take("(")) {
      NodePtr node = either();
      if (!take(")")) fail("stands where a bracket must close", "write `)`");
      return node;
    }
    if (t.kind != Token::Kind::name) fail("stands where a value belongs", "write a name or number");
    if (!t.quoted && (t.text == "and" || t.text == "or" || t.text == "not"))
      fail("stands where a value belongs", "write a name or number");
    ++at_;
    if (!t.quoted && take("(")) return arguments(t);
    names_.insert(t.text);
    return std::make_shared<Node>(Node{Node::Kind::name, 0, t.text, {}});
  }
  NodePtr arguments(const Token& name) {
    const auto* known = std::find_if(std::begin(functions), std::end(functions),
                                     [&](const Function& f) { return name.text == f.name; });
    if (known == std::end(functions))
      throw ExpressionError(name.column, "there is no function `" + name.text + "`",
                            "there are min, max, abs, sqrt, exp, log and log10");
    std::vector<NodePtr> parts;
    do parts.push_back(either());
    while (take(","));
    if (!take(")")) fail("stands where a bracket must close", "write `)`");
    if (static_cast<int>(parts.size()) > known->most)
      throw ExpressionError(name.column, "`" + name.text + "` takes one value", "give one");
    return call(name.text, std::move(parts));
  }

  std::vector<Token> tokens_;
  std::set<std::string>& names_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

double truth(bool b) {
  return b ? 1 : 0;
}

Value value_of(const Node& node, const Expression::Lookup& lookup);

double number_of(const Node& node, const Expression::Lookup& lookup) {
  const Value v = value_of(node, lookup);
  return std::holds_alternative<double>(v) ? std::get<double>(v) : unknown;
}

double compared(const std::string& sign, const Value& a, const Value& b) {
  if (a.index() != b.index()) return unknown;
  if (const auto* word = std::get_if<std::string>(&a)) {
    const bool same = *word == std::get<std::string>(b);
    return sign == "==" ? truth(same) : sign == "!=" ? truth(!same) : unknown;
  }
  const double x = std::get<double>(a), y = std::get<double>(b);
  if (std::isnan(x) || std::isnan(y)) return unknown;
  if (sign == "<") return truth(x < y);
  if (sign == "<=") return truth(x <= y);
  if (sign == ">") return truth(x > y);
  if (sign == ">=") return truth(x >= y);
  return truth(sign == "==" ? x == y : x != y);
}

double called(const Node& node, const Expression::Lookup& lookup) {
  const std::string& what = node.text;
  static constexpr std::string_view comparisons[] = {"<", "<=", ">", ">=", "==", "!="};
  if (std::find(std::begin(comparisons), std::end(comparisons), what) != std::end(comparisons))
    return compared(what, value_of(*node.parts[0], lookup), value_of(*node.parts[1], lookup));
  const double a = number_of(*node.parts[0], lookup);
  if (what == "and" || what == "or") {  // three-valued: what is known decides where it can
    const double b = number_of(*node.parts[1], lookup);
    const bool decides = what == "or";  // a true one decides `or`, a false one `and`
    if ((!std::isnan(a) && (a != 0) == decides) || (!std::isnan(b) && (b != 0) == decides))
      return truth(decides);
    return std::isnan(a) || std::isnan(b) ? unknown : truth(!decides);
  }
  if (what == "not") return std::isnan(a) ? unknown : truth(a == 0);
  if (what == "negative") return -a;
  if (what == "abs") return std::fabs(a);
  if (what == "sqrt") return std::sqrt(a);
  if (what == "exp") return std::exp(a);
  if (what == "log") return a > 0 ? std::log(a) : unknown;
  if (what == "log10") return a > 0 ? std::log10(a) : unknown;
  if (what == "min" || what == "max") {
    double out = a;
    for (std::size_t i = 1; i < node.parts.size(); ++i) {
      const double b = number_of(*node.parts[i], lookup);
      if (std::isnan(b) || std::isnan(out)) return unknown;
      out = what == "min" ? std::min(out, b) : std::max(out, b);
    }
    return out;
  }
  const double b = number_of(*node.parts[1], lookup);
  if (what == "+") return a + b;
  if (what == "-") return a - b;
  if (what == "*") return a * b;
  if (what == "/") return b == 0 ? unknown : a / b;
  return std::pow(a, b);
}

Value value_of(const Node& node, const Expression::Lookup& lookup) {
  switch (node.kind) {
    case Node::Kind::number:
      return node.number;
    case Node::Kind::word:
      return node.text;
    case Node::Kind::name:
      return lookup(node.text).value_or(Value(unknown));
    default:
      return called(node, lookup);
  }
}

}  // namespace

Expression Expression::parse(std::string_view text) {
  Expression out;
  out.text_ = text;
  out.root_ = Parser(text, out.names_).whole();
  return out;
}

double Expression::evaluate(const Lookup& lookup) const {
  const double value = number_of(*root_, lookup);
  return std::isinf(value) ? unknown : value;
}

}  // namespace mw::analysis
