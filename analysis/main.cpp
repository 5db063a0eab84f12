#include "analysis/cli.hpp"

int main(int argc, char** argv) {
  return mw::analysis::command_line(argc, argv);
}
