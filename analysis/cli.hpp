#pragma once
namespace mw::analysis {

/// The command line. Returns the exit code: 0 done, 1 the run failed, 2 bad input, 3 a limit was
/// violated under --strict.
int command_line(int argc, char** argv);

}  // namespace mw::analysis
