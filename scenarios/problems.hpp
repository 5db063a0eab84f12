#pragma once
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/input_error.hpp"

namespace mw::scenarios {

/// Where something was written. Lines and columns count from 1.
struct Place {
  std::shared_ptr<const std::string> file;
  int line = 0, column = 0;
};
std::string text_of(const Place& place);  // file:line

/// All that is wrong with an input, in the order of its text: the user mends it in one go.
struct InputProblems : std::exception {
  std::vector<sim::InputError> items;
  explicit InputProblems(std::vector<sim::InputError> all);
  const char* what() const noexcept override { return text_.c_str(); }  // one line a problem

 private:
  std::string text_;
};

/// Gathers problems while reading goes on.
class ProblemList {
 public:
  void add(const Place& at, std::string problem, std::string advice);
  void add(const sim::InputError& error) { items_.push_back(error); }
  std::size_t count() const { return items_.size(); }
  bool full() const { return items_.size() >= most; }
  /// Throws InputProblems, sorted by file (in the order of first mention) and position.
  void raise_if_any() const;

 private:
  static constexpr std::size_t most = 200;  // nobody reads more; bounds the work on garbage
  std::vector<sim::InputError> items_;
};

/// A user's text inside a message: between back-quotes, shortened, control characters as `?`.
std::string in_quotes(std::string_view text);

}  // namespace mw::scenarios
