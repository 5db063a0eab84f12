#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "analysis/validate/point.hpp"
#include "analysis/validate/point_training.hpp"
#include "analysis/validate/tasks.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/stack.hpp"
#include "scenarios/nearest.hpp"
#include "scenarios/problems.hpp"
#include "scenarios/reader.hpp"
#include "sim/io/csv.hpp"
#include "sim/io/number.hpp"

namespace mw::analysis {
namespace {

using models::Precision;
using scenarios::in_quotes;

std::string plain(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == ' ' && out.empty()) continue;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == ' ' || c == '-') c = '_';
    out += c;
  }
  while (!out.empty() && (out.back() == '_' || out.back() == '\r')) out.pop_back();
  return out;
}

/// The separator that a header's line uses most.
char separator_of(std::string_view header) {
  char best = ',';
  auto most = std::count(header.begin(), header.end(), ',');
  for (const char c : {';', '\t'}) {
    const auto n = std::count(header.begin(), header.end(), c);
    if (n > most) best = c, most = n;
  }
  return best;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

/// What tables write for nothing.
bool says_nothing(std::string_view text) {
  static constexpr std::string_view words[] = {"", "na", "n/a", "nan", "none", "null", "-"};
  const std::string word = plain(text);
  return std::find(std::begin(words), std::end(words), word) != std::end(words) || text == "-";
}

class Reader {
 public:
  Reader(sim::CsvReader& table, const scenarios::Catalog& catalog, const scenarios::Names& names)
      : table_(table), catalog_(catalog), names_(names) {}

  PointFile read() {
    find_columns();
    for (const char* required : {"kind", "model", "gpu"}) table_required(required);
    int failed_line = -1;
    while (true) {
      try {
        if (!table_.next()) break;
      } catch (const sim::InputError& error) {
        // A broken record is told and passed over; a file that cannot go on ends here.
        ++file_.rows;
        file_.problems.push_back(error);
        if (error.line == failed_line || error.line == 0) break;
        failed_line = error.line;
        continue;
      }
      ++file_.rows;
      read_row();
    }
    file_.defaults.assign(defaults_.begin(), defaults_.end());
    return std::move(file_);
  }

 private:
  void table_required(const char* name) {
    if (!at_.contains(name)) (void)table_.column(name);  // throws, and lists what there is
  }

  void find_columns() {
    std::map<std::string, std::string> known;  // plain name to column
    std::vector<std::string> listed;
    for (const auto& about : point_columns()) {
      known[std::string(about.name)] = about.name;
      listed.emplace_back(about.name);
      for (const auto& other : about.also) known.try_emplace(std::string(other), about.name);
    }
    for (const auto& figure : figure_abouts) {
      const std::string name = "measured_" + std::string(figure.name);
      known[name] = name;
      listed.push_back(name);
    }
    std::map<std::string, bool> exact;
    for (std::size_t i = 0; i < table_.header().size(); ++i) {
      const std::string name = plain(table_.header()[i]);
      const auto found = known.find(name);
      if (found == known.end()) {
        if (name.empty()) continue;
        const std::string near = scenarios::nearest(name, listed);
        file_.warnings.push_back(fmt::format("column {} is not known and left out{}",
                                             in_quotes(table_.header()[i]),
                                             near.empty() ? "" : "; did you mean `" + near + "`?"));
        continue;
      }
      const bool is_exact = name == found->second;
      if (at_.contains(found->second) && (exact[found->second] || !is_exact)) {
        file_.warnings.push_back(fmt::format("column {} is left out: `{}` is there too",
                                             in_quotes(table_.header()[i]), found->second));
        continue;
      }
      at_[found->second] = i;
      exact[found->second] = is_exact;
    }
  }

  // --- fields of the present row ---

  std::string_view text(const std::string& name) const {
    const auto found = at_.find(name);
    if (found == at_.end()) return {};
    const std::string_view value = trimmed(table_.text(found->second));
    return says_nothing(value) ? std::string_view{} : value;
  }
  void problem(const std::string& name, const std::string& what, std::string advice) {
    bad_ = true;
    const auto found = at_.find(name);
    if (found == at_.end()) {
      file_.problems.emplace_back(name_of_file(), table_.line(), 0, name + ": " + what,
                                  std::move(advice));
      return;
    }
    try {
      table_.fail(found->second, what, std::move(advice));
    } catch (const sim::InputError& error) {
      file_.problems.push_back(error);
    }
  }
  std::string name_of_file() const { return file_name_; }

  std::optional<double> number(const std::string& name, double least, double most) {
    const std::string_view value = text(name);
    if (value.empty()) return std::nullopt;
    const auto parsed = sim::parse_number(value);
    if (!parsed) {
      problem(name, fmt::format("{} {}", in_quotes(value), parsed.problem),
              "write it as 12.5 or 1.25e1, with a point and no unit");
    } else if (!(parsed.value >= least && parsed.value <= most)) {
      problem(name, fmt::format("{} is out of range", in_quotes(value)),
              fmt::format("write {:g} to {:g}", least, most));
    } else {
      return parsed.value;
    }
    return std::nullopt;
  }
  std::optional<std::int64_t> integer(const std::string& name, double least, double most) {
    const auto value = number(name, least, most);
    if (!value) return std::nullopt;
    if (*value != std::floor(*value)) {
      problem(name, fmt::format("{:g} is no whole number", *value), "write a whole number");
      return std::nullopt;
    }
    return static_cast<std::int64_t>(*value);
  }
  int count(const std::string& name, int fallback, int most) {
    return static_cast<int>(integer(name, 1, most).value_or(fallback));
  }
  void by_default(std::string what) {
    if (!bad_) pending_defaults_.push_back(std::move(what));
  }

  template <class T>
  const T& entry(const std::string& name) {
    auto& known = std::get<std::map<std::string, T>>(entries_);
    const auto [at, fresh] = known.try_emplace(name);
    if (fresh) at->second = scenarios::read_entry<T>(catalog_, name);
    return at->second;
  }

  // --- a row ---

  void read_row() {
    bad_ = false;
    pending_defaults_.clear();
    Point point;
    point.line = table_.line();
    point.id = text("id");
    point.group = text("group");
    point.task = text("task");
    point.weak = text("weak");
    if (point.id.empty()) point.id = fmt::format("line {}", point.line);
    if (!read_kind(point)) return;
    read_measured(point);
    if (point.kind == PointKind::image || point.kind == PointKind::video)
      read_item(point);
    else if (point.kind == PointKind::training)
      read_training_row(point);
    else if (point.kind == PointKind::cap)
      read_cap(point);
    else
      read_serving(point);
    if (bad_) return;
    file_.points.push_back(std::move(point));
    defaults_.insert(pending_defaults_.begin(), pending_defaults_.end());
  }

  bool read_kind(Point& point) {
    static const std::map<std::string, PointKind> kinds = {{"serving", PointKind::serving},
                                                           {"inference", PointKind::serving},
                                                           {"wall", PointKind::wall},
                                                           {"training", PointKind::training},
                                                           {"train", PointKind::training},
                                                           {"image", PointKind::image},
                                                           {"text_to_image", PointKind::image},
                                                           {"video", PointKind::video},
                                                           {"text_to_video", PointKind::video},
                                                           {"image_to_video", PointKind::video},
                                                           {"cap", PointKind::cap},
                                                           {"power_cap", PointKind::cap}};
    const auto found = kinds.find(plain(text("kind")));
    if (found == kinds.end()) {
      problem("kind", fmt::format("{} is no kind of point", in_quotes(text("kind"))),
              "write serving, wall, training, image, video or cap");
      return false;
    }
    point.kind = found->second;
    return true;
  }

  void read_measured(Point& point) {
    for (std::size_t f = 0; f < figure_count; ++f) {
      const std::string name = "measured_" + std::string(figure_abouts[f].name);
      point.measured.values[f] = number(name, 1e-12, 1e15);
    }
  }

  void read_gpu(Point& point) {
    point.written_gpu = text("gpu");
    const auto gpu = names_.gpu(point.written_gpu);
    if (const auto* unknown = std::get_if<scenarios::Unknown>(&gpu))
      problem("gpu", unknown->problem, unknown->advice);
    else
      point.gpu = std::get<std::string>(gpu);
  }

  void read_item(Point& point) {
    read_gpu(point);
    point.model = point.written_model = text("model");
    point.family = text("family");
    if (point.family.empty()) point.family = point.model;
    if (point.model.empty()) problem("model", "is blank", "name the model");
    point.n_gpus = count("n_gpus", 1, 1024);
    point.batch = count("batch", 1, 4096);
    const auto size = [&](const char* name, int most) {
      return static_cast<int>(integer(name, 1, most).value_or(0));
    };
    point.width = size("width", 65536);
    point.height = size("height", 65536);
    point.frames = size("frames", 100000);
    point.steps = size("steps", 10000);
    point.ulysses = size("ulysses", 1024);
    point.ring = size("ring", 1024);
  }

  void read_cap(Point& point) {
    read_gpu(point);
    point.model = point.written_model = text("model");
    point.family = text("family");
    if (point.family.empty()) point.family = point.model;
    if (point.model.empty()) problem("model", "is blank", "name the work; any name will do");
    point.cap_w = number("cap", 1, 1e5);
    if (!bad_ && !point.cap_w) problem("cap", "is blank", "give the power limit of one GPU in W");
    const auto free_w = number("free_w", 1, 1e5);
    if (!bad_ && !free_w)
      problem("free_w", "is blank",
              "give the mean power of one GPU in W at the same work without the limit");
    point.free_w = free_w.value_or(0);
    if (plain(text("waits")) != "fit") point.waits = number("waits", 0, 0.9).value_or(0);
    if (plain(text("compute_share")) == "fit") return;
    const auto share = number("compute_share", 0, 1);
    point.compute_share = share.value_or(common_compute_share);
    if (!share) by_default(fmt::format("compute_share: {:g}", common_compute_share));
  }

  void read_training_row(Point& point) {
    read_gpu(point);
    point.written_model = text("model");
    const auto model = names_.model(point.written_model, Precision::bf16);
    if (const auto* unknown = std::get_if<scenarios::Unknown>(&model)) {
      problem("model", unknown->problem, unknown->advice);
    } else {
      const auto& found = std::get<scenarios::Names::Model>(model);
      point.model = found.name;
      point.family = text("family").empty() ? found.family : std::string(text("family"));
    }
    point.cap_w = number("cap", 1, 1e5);
    read_training(point,
                  {[this](const std::string& name) { return text(name); },
                   [this](const std::string& name, double least, double most) {
                     return integer(name, least, most);
                   },
                   [this](const std::string& name, const std::string& what, std::string advice) {
                     problem(name, what, std::move(advice));
                   },
                   [this](std::string what) { by_default(std::move(what)); }},
                  catalog_);
  }

  void read_serving(Point& point) {
    read_gpu(point);
    read_pattern(point);
    read_stack(point);
    read_model(point);
    if (bad_) return;
    read_layout(point);
    read_limits(point);
    read_lengths(point);
    const std::string_view ttft = text("ttft");
    if (ttft.empty()) {
      // Closed-loop tables publish means: their first tokens wait longer the more users begin at
      // once, which a median does not show.
      if (point.pattern == Pattern::closed_loop) point.ttft = TtftKind::mean;
      by_default("ttft: mean in closed loops, else median");
    } else if (plain(ttft) == "mean") {
      point.ttft = TtftKind::mean;
    } else if (plain(ttft) != "median") {
      problem("ttft", fmt::format("{} is no statistic", in_quotes(ttft)), "write median or mean");
    }
    point.cap_w = number("cap", 1, 1e5);
    point.rack = text("rack");
    if (!point.rack.empty() && !catalog_.find("racks", point.rack))
      problem("rack", fmt::format("there is no rack {} in the catalog", in_quotes(point.rack)),
              scenarios::advise_name(point.rack, catalog_.list("racks")));
    const auto contended = number("contended", 0, 1);
    point.contended = contended ? *contended > 0.5
                                : point.stack == "vllm_0_11" && point.gpu == "b200" &&
                                      point.n_gpus == 1 && point.pattern == Pattern::at_once;
  }

  void read_pattern(Point& point) {
    point.concurrency = static_cast<int>(integer("concurrency", 1, 1e6).value_or(0));
    const std::string rate(text("rate"));
    if (!rate.empty() && plain(rate) != "inf" && plain(rate) != "infinity")
      point.rate = number("rate", 1e-6, 1e6).value_or(0);
    if (point.rate > 0 && point.concurrency > 0)
      problem("rate", "stands beside a concurrency", "give one of the two");
    point.pattern = point.concurrency > 0 ? Pattern::closed_loop
                    : point.rate > 0      ? Pattern::poisson
                                          : Pattern::at_once;
  }

  void read_stack(Point& point) {
    point.written_stack = text("stack");
    const bool at_once = point.pattern == Pattern::at_once;
    const auto stack = names_.stack(point.written_stack.empty() ? "vllm" : point.written_stack,
                                    at_once, point.gpu);
    if (const auto* unknown = std::get_if<scenarios::Unknown>(&stack)) {
      problem("stack", unknown->problem, unknown->advice);
      return;
    }
    const auto& found = std::get<scenarios::Names::Stack>(stack);
    point.stack = found.name;
    if (found.older && point.weak.empty()) point.weak = "older software than any entry";
    if (point.written_stack.empty())
      by_default(fmt::format("stack: {}{}", found.name,
                             at_once ? " where all requests come at once" : ""));
    else if (!found.note.empty())
      by_default(fmt::format("stack: {} as {} ({})", in_quotes(point.written_stack), found.name,
                             found.note));
  }

  void read_model(Point& point) {
    point.written_model = text("model");
    const std::string_view written = text("precision");
    std::optional<Precision> wanted;
    bool four_bits = false, near = false;
    if (!written.empty()) {
      const auto format = names_.precision(written);
      if (const auto* unknown = std::get_if<scenarios::Unknown>(&format)) {
        problem("precision", unknown->problem, unknown->advice);
      } else {
        const auto& found = std::get<scenarios::Names::Format>(format);
        wanted = found.precision;
        four_bits = !found.precision;
        near = found.near_format;
      }
    }
    const auto model = names_.model(point.written_model, wanted);
    if (const auto* unknown = std::get_if<scenarios::Unknown>(&model)) {
      problem("model", unknown->problem, unknown->advice);
      return;
    }
    const auto& found = std::get<scenarios::Names::Model>(model);
    point.model = found.name;
    point.family = text("family").empty() ? found.family : std::string(text("family"));
    const Precision native = entry<models::LlmParameters>(point.model).native;
    if (wanted) {
      point.precision = *wanted;
    } else if (four_bits) {
      point.precision = native == Precision::mxfp4 ? Precision::mxfp4 : Precision::nvfp4;
      by_default(fmt::format("precision: fp4 of {} is {}", point.model,
                             enum_names(Precision{})[static_cast<std::size_t>(point.precision)]));
    } else {
      point.precision = found.precision.value_or(native);
      near = found.near_format;
      by_default("precision: as the model's name says, else as published");
    }
    if (near) point.notes.emplace_back("4-bit integers are taken as nvfp4, which has their size");

    const std::string_view kv = text("kv");
    const std::string kv_plain = plain(kv);
    if (kv.empty()) {
      point.kv = default_kv(point);
    } else if (kv_plain == "auto") {
      point.kv = Precision::bf16;
    } else if (kv_plain.starts_with("fp8")) {
      point.kv = Precision::fp8;
    } else if (kv_plain != "bf16" && kv_plain != "bfloat16" && kv_plain != "fp16") {
      problem("kv", fmt::format("{} is no format of a KV cache", in_quotes(kv)),
              "write bf16 or fp8");
    }
  }

  /// InferenceX serves narrow weights with an FP8 cache; its tables are the public closed loops,
  /// and the stacks' constants were fitted with that in mind.
  Precision default_kv(const Point& point) {
    by_default("kv: fp8 beside fp8 or 4-bit weights in closed loops, else bf16");
    const bool narrow = point.precision != Precision::bf16 && point.stack != "vllm_0_11";
    return narrow && point.pattern == Pattern::closed_loop ? Precision::fp8 : Precision::bf16;
  }

  void read_layout(Point& point) {
    const auto tp = integer("tp", 1, 1024);
    const auto n_gpus = integer("n_gpus", 1, 100000);
    const auto ep = integer("ep", 1, 1024);
    point.pp = count("pp", 1, 1024);
    point.attention_dp = count("attention_dp", 1, 1024);
    if (bad_) return;
    const int groups = point.pp * point.attention_dp;
    if (tp) point.tp = static_cast<int>(*tp);
    point.n_gpus = static_cast<int>(n_gpus.value_or(tp ? point.tp * groups : groups));
    if (!n_gpus) by_default("n_gpus: tp x pp x attention_dp");
    if (!tp) {
      point.tp = std::max(1, point.n_gpus / groups);
    } else if (point.attention_dp > 1 && point.tp == point.n_gpus / point.pp) {
      // Some write the GPUs of an engine as tp beside data-parallel attention.
      point.tp = std::max(1, point.n_gpus / groups);
    } else if (point.tp == 1 && ep && *ep > point.attention_dp) {
      // ML.ENERGY writes tensor parallelism 1 where experts alone are spread; attention is cut over
      // the same GPUs.
      point.tp = std::max(1, point.n_gpus / groups);
      by_default("tp: all GPUs where ep is above tp x attention_dp");
    }
    const int engine = point.tp * groups;
    if (engine > point.n_gpus || point.n_gpus % engine != 0) {
      problem("n_gpus",
              fmt::format("{} GPUs cannot be split into engines of {} (tp {} x pp {} x "
                          "attention_dp {})",
                          point.n_gpus, engine, point.tp, point.pp, point.attention_dp),
              "give a multiple of it");
      return;
    }
    point.replicas = point.n_gpus / engine;
    const auto& llm = entry<models::LlmParameters>(point.model);
    if (llm.experts == 0) {
      point.ep = 1;
    } else if (ep) {
      point.ep = static_cast<int>(*ep);
    } else {
      point.ep = point.attention_dp > 1 ? engine / point.pp : 1;
      by_default("ep: 1, or all GPUs of an engine with data-parallel attention");
    }
  }

  void read_limits(Point& point) {
    const auto& stack = entry<models::StackParameters>(point.stack);
    const int users = (point.concurrency + point.replicas - 1) / point.replicas;
    const auto seqs = integer("max_num_seqs", 1, 16384);
    if (!seqs) by_default("max_num_seqs: 256, or the users of an engine where these are more");
    point.max_num_seqs = static_cast<int>(seqs.value_or(std::clamp(users, 256, 16384)));
    // Each data-parallel rank has a scheduler, and so a budget, of its own.
    const std::int64_t budget = std::max<std::int64_t>(
        std::int64_t{stack.max_batched_tokens} * point.attention_dp, 2 * point.max_num_seqs);
    point.max_num_batched_tokens =
        static_cast<int>(integer("max_num_batched_tokens", 2, 1048576)
                             .value_or(std::min<std::int64_t>(budget, 1048576)));
    point.admission_interval =
        static_cast<int>(integer("admission_interval", 1, 10000).value_or(1));
    point.batch_wait = static_cast<int>(integer("batch_wait", 0, 10000).value_or(0));
    point.batch_wait_fill = number("batch_wait_fill", 0, 1).value_or(0);
    if (const auto ms = number("request_latency_ms", 0, 1e5)) point.request_latency_s = *ms / 1e3;
    point.kv_blocks = integer("kv_blocks", 1, 1e12);
    point.distinct_prompts = integer("distinct_prompts", 1, 1e8).value_or(0);
    const std::string counted = plain(text("counted"));
    point.whole_run = counted == "whole";
    if (!counted.empty() && counted != "steady" && counted != "whole") {
      problem("counted", fmt::format("{} is no part of a run", in_quotes(text("counted"))),
              "write steady or whole");
    } else if (counted == "steady" && point.pattern != Pattern::at_once) {
      problem("counted", "`steady` goes with requests that come all at once",
              "leave it out: closed loops and streams are counted whole");
    }
    const auto requests = integer("n_requests", 1, 1e8);
    if (requests) {
      point.n_requests = *requests;
    } else if (point.pattern == Pattern::closed_loop) {
      point.n_requests = std::int64_t{10} * point.concurrency;
      by_default("n_requests: 10 for each user of a closed loop");
    } else if (point.pattern == Pattern::at_once) {
      point.n_requests = std::int64_t{4} * point.max_num_seqs * point.replicas;
      by_default("n_requests: 4 for each place in the batch where they come at once");
    } else {
      point.n_requests = 300;
      by_default("n_requests: 300 at a rate");
    }
  }

  void read_lengths(Point& point) {
    const BenchmarkTask* task = task_named(point.task);
    const auto isl = number("isl", 1, 1e7);
    const auto osl = number("osl", 1, 1e7);
    point.isl = isl.value_or(task ? task->isl : 1024);
    point.osl = osl.value_or(1024);
    if (!isl) by_default(task ? "isl: of the task" : "isl: 1024");
    if (!osl) by_default("osl: 1024");
    const bool answers = point.stack == "vllm_0_11" && point.pattern == Pattern::at_once;
    const auto isl_cv = number("isl_cv", 0, 20);
    const auto osl_cv = number("osl_cv", 0, 20);
    const auto shortest = number("shortest", 0.001, 1);
    point.isl_cv = isl_cv.value_or(task ? task->isl_cv : answers ? 0.5 : 0);
    point.osl_cv = osl_cv.value_or(task ? task->osl_cv : answers ? 0.8 : 0);
    if (shortest) {
      point.shortest = *shortest;
    } else if (point.pattern == Pattern::closed_loop && !isl_cv && !osl_cv && !task) {
      point.shortest = 0.8;
      by_default("shortest: 0.8 in closed loops (InferenceX)");
    }
    if (!osl_cv && point.osl_cv > 0) by_default("osl_cv: of the task, or 0.8 for vllm_0_11");
  }

 public:
  std::string file_name_;

 private:
  sim::CsvReader& table_;
  const scenarios::Catalog& catalog_;
  const scenarios::Names& names_;
  std::map<std::string, std::size_t> at_;
  std::tuple<std::map<std::string, models::LlmParameters>,
             std::map<std::string, models::StackParameters>>
      entries_;
  PointFile file_;
  bool bad_ = false;
  std::vector<std::string> pending_defaults_;
  std::set<std::string> defaults_;
};

PointFile read_table(sim::CsvReader& table, const std::string& name,
                     const scenarios::Catalog& catalog, const scenarios::Names& names) {
  Reader reader(table, catalog, names);
  reader.file_name_ = name;
  return reader.read();
}

}  // namespace

PointFile read_points(const std::string& path, const scenarios::Catalog& catalog,
                      const scenarios::Names& names) {
  sim::CsvOptions options;
  options.record_limit = std::size_t{1} << 20;
  {
    sim::LineReader first(std::filesystem::path(path), options.record_limit);
    if (first.next()) options.separator = separator_of(first.line());
  }
  sim::CsvReader table(std::filesystem::path(path), options);
  return read_table(table, path, catalog, names);
}

PointFile read_points_text(const std::string& name, std::string_view text,
                           const scenarios::Catalog& catalog, const scenarios::Names& names) {
  sim::CsvOptions options;
  options.record_limit = std::size_t{1} << 20;
  options.separator = separator_of(text.substr(0, text.find('\n')));
  sim::CsvReader table(name, text, options);
  return read_table(table, name, catalog, names);
}

}  // namespace mw::analysis
