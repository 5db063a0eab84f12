#include "analysis/compare/shown.hpp"

#include <CLI/CLI.hpp>

namespace mw::analysis {

void add_shown(CLI::App& command, Shown& shown) {
  command.add_option("--show", shown.show, "Show this figure, as chat.ttft_p99; may be repeated")
      ->allow_extra_args(false)
      ->type_name("FIGURE");
  command.add_flag("--all", shown.all, "Show every figure that differs");
  command
      .add_option("--json", shown.json,
                  "Write all of it as JSON; - prints it instead of the tables")
      ->type_name("FILE");
}

}  // namespace mw::analysis
