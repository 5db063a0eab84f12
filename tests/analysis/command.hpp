#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/cli.hpp"
#include "support/scratch.hpp"

namespace mw::test {

struct Said {
  int code = 0;
  std::string out, err;
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

/// The program's command line, called in this process; what it prints is caught.
inline Said millwright(std::vector<std::string> words) {
  const Scratch scratch;
  const std::string files[] = {(scratch / "out").string(), (scratch / "err").string()};
  int kept[2];
  std::fflush(nullptr);
  for (int i = 0; i < 2; ++i) {
    kept[i] = ::dup(i + 1);
    const int to = ::open(files[i].c_str(), O_WRONLY | O_CREAT, 0600);
    ::dup2(to, i + 1);
    ::close(to);
  }
  words.insert(words.begin(), "millwright");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  Said said;
  said.code = analysis::command_line(static_cast<int>(argv.size()), argv.data());
  std::fflush(nullptr);
  for (int i = 0; i < 2; ++i) {
    ::dup2(kept[i], i + 1);
    ::close(kept[i]);
  }
  const auto text = [](const std::string& file) {
    std::ifstream in(file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  said.out = text(files[0]);
  said.err = text(files[1]);
  return said;
}

inline const std::string quickstart = MILLWRIGHT_SOURCE_DIR "/scenarios/quickstart.yaml";

/// `run` of the quickstart made small: two racks, twenty seconds, no envelope that binds.
inline std::vector<std::string> small_run(std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"run",   quickstart,
                                    "-q",    "-t2",
                                    "--set", "duration=20 s",
                                    "--set", "racks[a].count=2",
                                    "--set", "inference[chat].traffic.scale=70",
                                    "--set", "inference[chat].engine.replicas_per_pod=7",
                                    "--set", "output.rack_period=5 s"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace mw::test
