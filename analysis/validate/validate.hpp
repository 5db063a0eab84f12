#pragma once
#include <string>
#include <vector>

namespace mw::analysis {

struct ValidateOptions {
  std::vector<std::string> files;
  std::string convert;     // a converter's name: write the points of the files instead
  std::string json, csv;   // where to write each row, if anywhere
  bool all = false;        // the public tables under MILLWRIGHT_DATA
  bool markdown = false;   // the section of docs/accuracy.md instead of the report
  std::string update;      // a page whose generated section is put in place anew
  bool intervals = false;  // residuals.yaml instead of the report
  bool columns = false;    // list the columns of points files
  bool quiet = false;
  std::vector<std::string> bars;  // FIGURE=PERCENT: the most that a group's median error may be
  int threads = 0;
  int worst = 10;
};

/// Compares measured points with the twin and prints how far they are apart. The exit code: 0; 2
/// where some rows could not be predicted, or 3 where some group misses a bar.
int validate(const ValidateOptions& options);

}  // namespace mw::analysis
