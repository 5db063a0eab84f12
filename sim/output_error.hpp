#pragma once
#include <stdexcept>
#include <string>

namespace mw::sim {

/// Something could not be written (or an output file could not be opened). The run failed: the
/// command line prints what() and leaves with exit code 1.
struct OutputError : std::runtime_error {
  std::string path, problem, advice;
  OutputError(std::string where, std::string what_is_wrong, std::string what_to_do)
      : std::runtime_error(where + ": " + what_is_wrong +
                           (what_to_do.empty() ? "" : "; " + what_to_do)),
        path(std::move(where)),
        problem(std::move(what_is_wrong)),
        advice(std::move(what_to_do)) {}
};

}  // namespace mw::sim
