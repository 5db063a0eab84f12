#pragma once
#include <stdexcept>
#include <string>

namespace mw::sim {

/// Something a user gave us cannot be read as it stands. Thrown at the configuration and input
/// edges only; the command line prints what() and leaves with exit code 2.
struct InputError : std::runtime_error {
  std::string file;
  int line = 0;    // from 1; 0 where the whole file is meant
  int column = 0;  // from 1, in bytes; 0 where the whole line is meant
  std::string problem, advice;

  InputError(std::string in_file, int in_line, int in_column, std::string what_is_wrong,
             std::string what_to_do)
      : std::runtime_error(text(in_file, in_line, in_column, what_is_wrong, what_to_do)),
        file(std::move(in_file)),
        line(in_line),
        column(in_column),
        problem(std::move(what_is_wrong)),
        advice(std::move(what_to_do)) {}

  /// `file:line:col: problem; what to do`
  static std::string text(const std::string& file, int line, int column, const std::string& problem,
                          const std::string& advice) {
    std::string at = file;
    if (line > 0) at += ':' + std::to_string(line);
    if (line > 0 && column > 0) at += ':' + std::to_string(column);
    return at + ": " + problem + (advice.empty() ? "" : "; " + advice);
  }
};

}  // namespace mw::sim
