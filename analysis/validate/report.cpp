#include "analysis/validate/report.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "analysis/validate/statistics.hpp"

namespace mw::analysis {
namespace {

using nlohmann::ordered_json;

const char* kind_name(PointKind kind) {
  return enum_names(kind)[static_cast<std::size_t>(kind)];
}
const char* precision_name(models::Precision p) {
  return enum_names(p)[static_cast<std::size_t>(p)];
}
const char* training_precision(const Point& p) {
  return enum_names(p.job.precision)[static_cast<std::size_t>(p.job.precision)];
}
const char* cause_name(std::size_t cause) {
  return enum_names(models::Bound{})[cause];
}

bool predicted(const Prediction& p) {
  return !p.problem;
}

std::string setup_of(const Point& p) {
  std::string out = fmt::format("{} x {}, {}", p.n_gpus, p.gpu, p.model);
  if (p.kind == PointKind::training)
    return out + fmt::format(" {}, tp {} pp {} x {} cp {} ep {}, batch {} of {} tokens, {}",
                             training_precision(p), p.job.tp, p.job.pp, p.job.chunks(), p.job.cp,
                             p.job.ep, p.job.global_batch, p.job.sequence, p.stack);
  if (p.kind == PointKind::cap) return out + fmt::format(", {:g} W of {:.4g}", *p.cap_w, p.free_w);
  if (p.stack.empty()) return out + fmt::format(", batch {}", p.batch);
  out += fmt::format(" {}, tp {}", precision_name(p.precision), p.tp);
  if (p.ep > 1) out += fmt::format(" ep {}", p.ep);
  if (p.attention_dp > 1) out += fmt::format(" adp {}", p.attention_dp);
  if (p.pp > 1) out += fmt::format(" pp {}", p.pp);
  if (p.replicas > 1) out += fmt::format(", {} engines", p.replicas);
  out += fmt::format(", {:g}/{:g}", p.isl, p.osl);
  if (p.pattern == Pattern::closed_loop) out += fmt::format(", {} users", p.concurrency);
  if (p.pattern == Pattern::poisson) out += fmt::format(", {:g}/s", p.rate);
  if (p.pattern == Pattern::at_once) out += fmt::format(", batch {}", p.max_num_seqs);
  return out;
}

/// Measured values within their intervals.
struct Coverage {
  std::size_t inside = 0, all = 0;
};
std::map<std::string, Coverage> coverage_of(const Comparison& all, const Intervals& intervals) {
  std::map<std::string, Coverage> out;
  for (std::size_t i = 0; i < all.points.size(); ++i)
    for (std::size_t f = 0; f < figure_count; ++f) {
      const auto figure = static_cast<Figure>(f);
      const auto& measured = all.points[i].measured[figure];
      const auto interval = intervals.of(all.points[i], all.predictions[i], figure);
      if (!measured || !interval) continue;
      Coverage& c = out[std::string(figure_abouts[f].name)];
      ++c.all;
      c.inside += *measured >= interval->low && *measured <= interval->high;
    }
  return out;
}

std::string percent(double x) {
  return fmt::format("{:.1f}", 100 * x);
}

void add_errors(std::string& out, const std::vector<GroupError>& errors, bool by_family) {
  std::string group;
  for (const auto& e : errors) {
    if (e.family.empty() == by_family) continue;
    if (e.clean && by_family) continue;
    if (e.group != group) {
      group = e.group;
      out += fmt::format("\n{}\n", group);
    }
    std::string label(name_of(e.figure));
    if (by_family) label = fmt::format("{} {}", e.family, label);
    if (e.clean) label += " (no weak rows)";
    out += fmt::format("  {:<36} {:>5} {:>8} {:>8} {:>8} {:>+8.1f} {:>9}\n", label, e.model.rows,
                       percent(e.model.mape), percent(e.model.median), percent(e.model.p90),
                       100 * e.model.bias, e.baseline.rows ? percent(e.baseline.mape) : "-");
  }
}

constexpr const char* error_header =
    "                                        rows    MAPE   median      P90     bias  naive MAPE   "
    "[%]\n";

void add_worst(std::string& out, const Comparison& all, int most) {
  struct Row {
    double error;
    std::size_t row, figure;
  };
  std::vector<Row> rows;
  for (std::size_t i = 0; i < all.points.size(); ++i) {
    Row worst{0, i, 0};
    for (std::size_t f = 0; f < figure_count; ++f)
      if (const auto e = error_of(all.points[i], all.predictions[i], static_cast<Figure>(f)))
        if (std::fabs(*e) > std::fabs(worst.error)) worst = {*e, i, f};
    if (worst.error != 0) rows.push_back(worst);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::fabs(a.error) > std::fabs(b.error);
  });
  if (rows.empty() || most <= 0) return;
  out += "\nRows furthest off\n";
  for (std::size_t k = 0; k < rows.size() && k < static_cast<std::size_t>(most); ++k) {
    const auto& [error, i, f] = rows[k];
    const Point& p = all.points[i];
    const auto& prediction = all.predictions[i];
    out += fmt::format("  {:>+7.1f} % {:<12} {}:{} {}\n", 100 * error, figure_abouts[f].name,
                       all.files[i], p.line, setup_of(p));
    const std::string regime = regime_of(prediction);
    if (!regime.empty()) out += fmt::format("             {}", regime);
    if (!prediction.weak.empty())
      out += fmt::format("; weak case: {}", fmt::join(prediction.weak, ", "));
    out += '\n';
  }
}

ordered_json figures_json(const Figures& figures) {
  ordered_json out = ordered_json::object();
  for (std::size_t f = 0; f < figure_count; ++f)
    if (figures.values[f]) out[std::string(figure_abouts[f].name)] = *figures.values[f];
  return out;
}

ordered_json point_json(const Point& p) {
  ordered_json out = {{"kind", kind_name(p.kind)},
                      {"model", p.model},
                      {"gpu", p.gpu},
                      {"n_gpus", p.n_gpus},
                      {"family", p.family}};
  if (!p.group.empty()) out["group"] = p.group;
  if (!p.task.empty()) out["task"] = p.task;
  if (p.kind == PointKind::training) {
    const models::TrainingJob& job = p.job;
    out.update({{"stack", p.stack},
                {"precision", training_precision(p)},
                {"tp", job.tp},
                {"pp", job.pp},
                {"vpp", job.chunks()},
                {"cp", job.cp},
                {"ep", job.ep},
                {"global_batch", job.global_batch},
                {"micro_batch", job.micro_batch},
                {"seq_len", job.sequence}});
    return out;
  }
  if (p.kind == PointKind::cap) {
    out.update({{"cap", *p.cap_w}, {"free_w", p.free_w}});
    if (p.waits) out["waits"] = *p.waits;
    if (p.compute_share) out["compute_share"] = *p.compute_share;
    return out;
  }
  if (p.stack.empty()) {
    out["batch"] = p.batch;
    return out;
  }
  out["tp"] = p.tp;
  out["pp"] = p.pp;
  out["ep"] = p.ep;
  out["attention_dp"] = p.attention_dp;
  out["replicas"] = p.replicas;
  out["precision"] = precision_name(p.precision);
  out["kv"] = precision_name(p.kv);
  out["stack"] = p.stack;
  out["max_num_seqs"] = p.max_num_seqs;
  out["max_num_batched_tokens"] = p.max_num_batched_tokens;
  if (p.admission_interval > 1) out["admission_interval"] = p.admission_interval;
  if (p.batch_wait > 0) {
    out["batch_wait"] = p.batch_wait;
    out["batch_wait_fill"] = p.batch_wait_fill;
  }
  out["n_requests"] = p.n_requests;
  out["isl"] = p.isl;
  out["osl"] = p.osl;
  out["isl_cv"] = p.isl_cv;
  out["osl_cv"] = p.osl_cv;
  out["shortest"] = p.shortest;
  out["pattern"] = enum_names(p.pattern)[static_cast<std::size_t>(p.pattern)];
  if (p.concurrency > 0) out["concurrency"] = p.concurrency;
  if (p.rate > 0) out["rate"] = p.rate;
  if (p.cap_w) out["cap"] = *p.cap_w;
  return out;
}

ordered_json row_json(const Comparison& all, const Intervals& intervals, std::size_t i) {
  const Point& p = all.points[i];
  const Prediction& prediction = all.predictions[i];
  ordered_json row = {{"file", all.files[i]}, {"line", p.line}, {"id", p.id}};
  row["point"] = point_json(p);
  if (!predicted(prediction)) {
    row["problem"] = *prediction.problem;
    if (prediction.advice) row["advice"] = *prediction.advice;
    return row;
  }
  row["prediction"] = figures_json(prediction.predicted);
  ordered_json interval = ordered_json::object();
  bool extrapolated = false;
  for (std::size_t f = 0; f < figure_count; ++f)
    if (const auto one = intervals.of(p, prediction, static_cast<Figure>(f))) {
      interval[std::string(figure_abouts[f].name)] = {one->low, one->high};
      extrapolated = extrapolated || one->extrapolated;
    }
  row["interval"] = std::move(interval);
  row["extrapolated"] = extrapolated;
  row["baseline"] = figures_json(prediction.baseline);
  if (p.measured.any()) {
    row["measured"] = figures_json(p.measured);
    ordered_json errors = ordered_json::object();
    for (std::size_t f = 0; f < figure_count; ++f)
      if (const auto e = error_of(p, prediction, static_cast<Figure>(f)))
        errors[std::string(figure_abouts[f].name)] = *e;
    row["error"] = std::move(errors);
  }
  if (!prediction.basis.empty()) {
    row["basis"] = prediction.basis;
  } else {
    row["regime"] = regime_of(prediction);
    ordered_json time = ordered_json::object(), energy = ordered_json::object();
    for (std::size_t c = 0; c < models::StepShares::causes; ++c) {
      time[cause_name(c)] = prediction.shares.time_shares[c];
      energy[cause_name(c)] = prediction.shares.energy_shares[c];
    }
    row["time_shares"] = std::move(time);
    row["energy_shares"] = std::move(energy);
    const BenchmarkResult& run = prediction.run;
    row["window"] = {{"kind", enum_names(run.window)[static_cast<std::size_t>(run.window)]},
                     {"from_s", run.from_s},
                     {"to_s", run.to_s},
                     {"run_s", run.end_s},
                     {"mean_batch", run.running},
                     {"prefill_tokens_per_iteration", run.prefill_tokens},
                     {"completed", run.completed},
                     {"refused", run.refused},
                     {"preemptions", run.preemptions}};
  }
  row["weak"] = prediction.weak;
  if (!p.notes.empty()) row["notes"] = p.notes;
  return row;
}

ordered_json summary_json(const ErrorSummary& e) {
  return {
      {"rows", e.rows}, {"mape", e.mape}, {"median", e.median}, {"p90", e.p90}, {"bias", e.bias}};
}

}  // namespace

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string regime_of(const Prediction& prediction) {
  if (!prediction.basis.empty()) return prediction.basis;
  if (!predicted(prediction)) return "";
  std::vector<std::pair<double, std::size_t>> shares;
  for (std::size_t c = 0; c < models::StepShares::causes; ++c)
    shares.emplace_back(prediction.shares.time_shares[c], c);
  std::stable_sort(shares.begin(), shares.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string out;
  for (const auto& [share, cause] : shares) {
    if (share < 0.05) break;
    out += fmt::format("{}{} {:.0f} %", out.empty() ? "" : ", ", cause_name(cause), 100 * share);
  }
  if (prediction.shares.at_ceiling()) out += ", at the power ceiling";
  if (prediction.run.capped_iterations > 0) out += ", under the power limit";
  return out;
}

std::string comparison_text(const Comparison& all, const Intervals& intervals, int worst) {
  std::string out;
  const auto good = static_cast<std::size_t>(
      std::count_if(all.predictions.begin(), all.predictions.end(), predicted));
  out += fmt::format("{} of {} rows predicted\n", good, all.rows);
  if (!all.defaults.empty()) {
    out += "\nWhere a column was blank\n";
    for (const auto& text : all.defaults) out += "  " + text + '\n';
  }
  std::map<std::string, std::size_t> weak;
  for (const auto& p : all.predictions)
    for (const auto& why : p.weak) ++weak[why];
  if (!weak.empty()) {
    out += "\nWeak cases, told apart below and given wider intervals\n";
    for (const auto& [why, rows] : weak) out += fmt::format("  {:<36} {:>5}\n", why, rows);
  }
  const auto errors = group_errors(all.points, all.predictions);
  if (errors.empty()) {
    out += "\nNo measured values to compare with\n";
  } else {
    out += "\nErrors by group\n";
    out += error_header;
    add_errors(out, errors, false);
    if (std::any_of(errors.begin(), errors.end(),
                    [](const GroupError& e) { return !e.family.empty(); })) {
      out += "\nErrors by family within the groups\n";
      out += error_header;
      add_errors(out, errors, true);
    }
    out += "\nMeasured values within their 90 % interval\n";
    for (const auto& [figure, c] : coverage_of(all, intervals))
      out += fmt::format("  {:<36} {:>5} of {} ({:.0f} %)\n", figure, c.inside, c.all,
                         100.0 * static_cast<double>(c.inside) / static_cast<double>(c.all));
    add_worst(out, all, worst);
  }
  return out;
}

std::string comparison_json(const Comparison& all, const Intervals& intervals) {
  ordered_json out;
  out["millwright_validate"] = 1;
  out["rows_read"] = all.rows;
  out["defaults"] = all.defaults;
  out["warnings"] = all.warnings;
  out["problems"] = all.problems;
  ordered_json summaries = ordered_json::array();
  for (const auto& e : group_errors(all.points, all.predictions)) {
    ordered_json one = {{"group", e.group}};
    if (!e.family.empty()) one["family"] = e.family;
    one["rows_taken"] = e.clean ? "without weak cases" : "all";
    one["figure"] = std::string(name_of(e.figure));
    one["error"] = summary_json(e.model);
    if (e.baseline.rows) one["baseline"] = summary_json(e.baseline);
    summaries.push_back(std::move(one));
  }
  out["summaries"] = std::move(summaries);
  ordered_json coverage = ordered_json::object();
  for (const auto& [figure, c] : coverage_of(all, intervals))
    coverage[figure] = {{"inside", c.inside}, {"rows", c.all}};
  out["coverage_of_90_percent_intervals"] = std::move(coverage);
  ordered_json rows = ordered_json::array();
  for (std::size_t i = 0; i < all.points.size(); ++i) rows.push_back(row_json(all, intervals, i));
  out["rows"] = std::move(rows);
  // Names come from users' files, which may hold bytes that are no UTF-8.
  return out.dump(1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

std::string comparison_csv(const Comparison& all, const Intervals& intervals) {
  std::string out = "file,line,id,kind,model,gpu,n_gpus,stack,family,regime,weak,problem";
  for (const auto& f : figure_abouts)
    out += fmt::format(",predicted_{0},low_{0},high_{0},baseline_{0},measured_{0}", f.name);
  out += '\n';
  for (std::size_t i = 0; i < all.points.size(); ++i) {
    const Point& p = all.points[i];
    const Prediction& prediction = all.predictions[i];
    const std::string fields[] = {all.files[i],
                                  std::to_string(p.line),
                                  p.id,
                                  kind_name(p.kind),
                                  p.model,
                                  p.gpu,
                                  std::to_string(p.n_gpus),
                                  p.stack,
                                  p.family,
                                  regime_of(prediction),
                                  fmt::format("{}", fmt::join(prediction.weak, "; ")),
                                  prediction.problem.value_or("")};
    for (const auto& field : fields) out += (&field == fields ? "" : ",") + csv_field(field);
    const auto number = [](const std::optional<double>& x) {
      return x ? fmt::format("{:.6g}", *x) : std::string();
    };
    for (std::size_t f = 0; f < figure_count; ++f) {
      const auto interval = intervals.of(p, prediction, static_cast<Figure>(f));
      out +=
          fmt::format(",{},{},{},{},{}", number(prediction.predicted.values[f]),
                      interval ? number(interval->low) : "", interval ? number(interval->high) : "",
                      number(prediction.baseline.values[f]), number(p.measured.values[f]));
    }
    out += '\n';
  }
  return out;
}

}  // namespace mw::analysis
