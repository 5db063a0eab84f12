#include "scenarios/yaml/parse.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace mw::scenarios {
namespace {

constexpr std::size_t most_bytes = 4u << 20;
constexpr std::size_t most_nodes = 200'000;
constexpr std::size_t deepest = 32;

struct Stop {};  // a problem after which the rest of the text means nothing

class Builder final : public YAML::EventHandler {
 public:
  Builder(std::shared_ptr<const std::string> file, ProblemList& problems)
      : file_(std::move(file)), problems_(problems) {}

  Node root;
  bool ends_quoted = false;  // the last word of the text is between quotes
  Place last_word;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    problems_.add(place(mark), "a second document starts here", "keep one document in a file");
    throw Stop{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    Node node;
    node.at = place(mark);
    put(std::move(node), mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    problems_.add(place(mark), "aliases (*name) are not used here",
                  "write the value out, or share it with `extends:`");
    Node node;
    node.at = place(mark);
    put(std::move(node), mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    Node node;
    node.kind = Node::Kind::scalar;
    node.at = place(mark);
    node.text = value;
    node.plain = tag != "!";
    ends_quoted = !node.plain;
    last_word = node.at;
    put(std::move(node), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    bool have_key = false;
    bool drop_value = false;  // the value of a refused key
    std::string key;
    Place key_at;
    std::map<std::string, int, std::less<>> lines;  // of the keys so far
  };

  Place place(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor == YAML::NullAnchor) return;
    problems_.add(place(mark), "anchors (&name) are not used here",
                  "write the value out, or share it with `extends:`");
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    problems_.add(place(mark), "tags (" + in_quotes(tag) + ") are not used here", "remove the tag");
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (stack_.size() >= deepest) {
      problems_.add(place(mark), "values are nested more than " + std::to_string(deepest) + " deep",
                    "flatten them");
      throw Stop{};
    }
    Open next;
    next.node.kind = kind;
    next.node.at = place(mark);
    stack_.push_back(std::move(next));
  }
  void close() {
    Node done = std::move(stack_.back().node);
    stack_.pop_back();
    const YAML::Mark unused;
    put(std::move(done), unused);
  }

  void put(Node node, const YAML::Mark&) {
    if (++nodes_ > most_nodes) {
      problems_.add(node.at, "the file holds more than " + std::to_string(most_nodes) + " values",
                    "move data into a CSV or JSONL file and name it here");
      throw Stop{};
    }
    if (stack_.empty()) {
      root = std::move(node);
      return;
    }
    Open& parent = stack_.back();
    if (parent.node.kind == Node::Kind::list) {
      parent.node.items.push_back(std::move(node));
      return;
    }
    if (!parent.have_key) {
      parent.have_key = true;
      parent.key_at = node.at;
      parent.key = node.text;
      parent.drop_value = !accept_key(parent, node);
      return;
    }
    parent.have_key = false;
    if (parent.drop_value) return;
    // An absent value has no place of its own; that of its key is what the reader looks for.
    if (node.kind == Node::Kind::null) node.at = parent.key_at;
    parent.node.members.push_back({std::move(parent.key), parent.key_at, std::move(node)});
  }

  bool accept_key(Open& parent, const Node& key) {
    if (key.kind != Node::Kind::scalar || key.text.empty()) {
      problems_.add(key.at, "a key must be a word", "write `key: value`");
      return false;
    }
    if (key.text == "<<") {
      problems_.add(key.at, "merge keys (<<) are not used here", "use `extends:`");
      return false;
    }
    const auto [earlier, is_new] = parent.lines.emplace(key.text, key.at.line);
    if (is_new) return true;
    problems_.add(key.at,
                  "the key " + in_quotes(key.text) + " is repeated (first on line " +
                      std::to_string(earlier->second) + ")",
                  "remove one of the two");
    return false;
  }

  std::shared_ptr<const std::string> file_;
  ProblemList& problems_;
  std::vector<Open> stack_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

/// Line and column of the first byte that is not text; {0, 0} if all is UTF-8 without control
/// characters. Checked first, since yaml-cpp guesses at encodings.
std::pair<int, int> first_bad_byte(std::string_view text) {
  int line = 1, column = 1;
  std::size_t i = 0;
  while (i < text.size()) {
    const auto byte = [&](std::size_t k) {
      return k < text.size() ? static_cast<unsigned char>(text[k]) : 0u;
    };
    const unsigned lead = byte(i);
    if (lead == '\n') {
      ++line, column = 1, ++i;
      continue;
    }
    std::size_t length = 1;
    if (lead < 0x20 ? lead != '\t' && lead != '\r' : lead == 0x7F) return {line, column};
    if (lead >= 0x80) {
      length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
      if (lead < 0xC2 || lead > 0xF4) return {line, column};
      for (std::size_t k = 1; k < length; ++k)
        if ((byte(i + k) & 0xC0) != 0x80) return {line, column};
      const unsigned second = byte(i + 1);
      if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
          (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F))
        return {line, column};
    }
    i += length, ++column;
  }
  return {0, 0};
}

struct Advice {
  const char* theirs;
  const char* problem;
  const char* advice;
};
// yaml-cpp's words, said so that a user of this program can act on them.
constexpr Advice syntax[] = {
    {"end of map not found", "the indentation does not fit the lines above",
     "align this key with the other keys of its block"},
    {"end of sequence not found", "the indentation does not fit the list above",
     "align the dashes of the list"},
    {"end of map flow not found", "a block opened with { is not closed", "add the missing }"},
    {"end of sequence flow not found", "a list opened with [ is not closed", "add the missing ]"},
    {"illegal map value", "a value stands where none can be",
     "put text that contains `: ` between quotes, and check the indentation"},
    {"illegal tab when looking for indentation", "a tab is used for indentation", "use blanks"},
    {"illegal EOF in scalar", "a quoted text is not closed", "add the missing quote"},
    {"unknown token", "this is not YAML", "put texts with special characters between quotes"},
    {"illegal block entry", "a list item stands where none can be",
     "put the dash on its own line, under its key"},
    {"illegal map key", "a key stands where none can be", "check the indentation"},
    {"illegal flow end", "a bracket closes nothing", "remove it, or add the opening one"},
};

void parse_all(std::string_view text, YAML::EventHandler& handler) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  while (parser.HandleNextDocument(handler)) {
  }
}

/// yaml-cpp takes the end of a text for a closing quote if a line ends there; without that line end
/// it does not.
bool closes_quotes(std::string_view text) {
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  ProblemList unused;
  Builder again(nullptr, unused);
  try {
    parse_all(text, again);
    return true;
  } catch (const YAML::Exception&) {
    return false;
  }
}

bool tab_indents(std::string_view text, int line) {
  for (; line > 0 && !text.empty(); --line)
    text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
  const std::size_t first = text.find_first_not_of(' ');
  return first != std::string_view::npos && text[first] == '\t';
}

}  // namespace

Node parse_yaml(std::string_view text, std::shared_ptr<const std::string> file,
                ProblemList& problems) {
  const Place whole{file, 1, 1};
  if (text.size() > most_bytes) {
    problems.add(whole, "the file is larger than 4 MiB",
                 "move data into a CSV or JSONL file and name it here");
    return {};
  }
  if (const auto [line, column] = first_bad_byte(text); line > 0) {
    problems.add({file, line, column}, "a byte that is not UTF-8 text", "save the file as UTF-8");
    return {};
  }
  Builder builder(file, problems);
  try {
    parse_all(text, builder);
    if (builder.ends_quoted && !closes_quotes(text)) {
      problems.add(builder.last_word, "a quoted text is not closed", "add the missing quote");
      return {};
    }
  } catch (const Stop&) {
    return {};
  } catch (const YAML::Exception& error) {
    const Place at{file, error.mark.line + 1, error.mark.column + 1};
    if (tab_indents(text, error.mark.line)) {
      problems.add({file, error.mark.line + 1, 1}, "a tab is used for indentation", "use blanks");
      return {};
    }
    for (const Advice& known : syntax)
      if (error.msg == known.theirs) {
        problems.add(at, known.problem, known.advice);
        return {};
      }
    problems.add(at, "this is not YAML (" + error.msg + ")",
                 "check quotes, brackets and indentation here and just above");
    return {};
  }
  if (!builder.root.at.file) builder.root.at = whole;
  return std::move(builder.root);
}

Node parse_yaml_file(const std::string& path, ProblemList& problems) {
  auto file = std::make_shared<const std::string>(path);
  const auto give_up = [&](const std::string& why, const std::string& advice) {
    problems.add({file, 0, 0}, why, advice);
    return Node{};
  };
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    return give_up("there is no such file", "check the path; it is taken from the current folder");
  if (std::filesystem::is_directory(status))
    return give_up("this is a folder", "name a YAML file in it");
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return give_up(std::string("cannot be opened (") + std::strerror(errno) + ")",
                   "check its permissions");
  std::string text;
  char block[65536];
  while (text.size() <= most_bytes && (in.read(block, sizeof block), in.gcount() > 0))
    text.append(block, static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return give_up("cannot be read", "check the disk it is on");
  return parse_yaml(text, file, problems);
}

}  // namespace mw::scenarios
