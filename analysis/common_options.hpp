#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

// Options that several commands have, spelled and limited alike.
namespace mw::analysis {

inline void add_threads(CLI::App& command, int& threads,
                        const std::string& text = "Threads; 0 takes all cores") {
  command.add_option("-t,--threads", threads, text)->check(CLI::Range(0, 1024))->type_name("N");
}

inline void add_quiet(CLI::App& command, bool& quiet) {
  command.add_flag("-q,--quiet", quiet, "Show no progress");
}

/// PATH=VALUE, any number of times; one word each, so that a file may follow.
inline CLI::Option* add_settings(CLI::App& command, const std::string& name,
                                 std::vector<std::string>& settings, const std::string& text) {
  return command.add_option(name, settings, text)->allow_extra_args(false)->type_name("PATH=VALUE");
}

}  // namespace mw::analysis
