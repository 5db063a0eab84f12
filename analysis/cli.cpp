#include "analysis/cli.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include "analysis/bench.hpp"
#include "analysis/calibrate/calibrate.hpp"
#include "analysis/common_options.hpp"
#include "analysis/compare/branch.hpp"
#include "analysis/compare/compare.hpp"
#include "analysis/plan_command.hpp"
#include "analysis/run.hpp"
#include "analysis/show.hpp"
#include "analysis/study/optimize.hpp"
#include "analysis/study/sweep.hpp"
#include "analysis/validate/convert.hpp"
#include "analysis/validate/validate.hpp"
#include "scenarios/problems.hpp"
#include "sim/input_error.hpp"

namespace mw::analysis {
namespace {

constexpr int failed = 1, bad_input = 2;
constexpr const char* exit_codes =
    "Exit codes: 0 done, 1 failed, 2 bad input, 3 a limit was violated under --strict, or a --bar "
    "missed.";

void add_scenario(CLI::App& command, std::string& scenario, std::vector<std::string>& sets) {
  command.add_option("SCENARIO", scenario, "Scenario file (YAML)")->required();
  add_settings(command, "--set", sets,
               "Set a value: --set 'inference[chat].engine.replicas=12'; may be repeated");
}

void add_run(CLI::App& app, RunOptions& options) {
  auto& run = *app.add_subcommand("run", "Simulate a scenario and write its run file");
  run.footer(exit_codes);
  add_scenario(run, options.scenario, options.sets);
  run.add_option("-o,--output", options.output, "Run file (HDF5); otherwise NAME.h5 in this folder")
      ->type_name("FILE");
  run.add_flag("--no-output", options.no_output, "Write no run file");
  add_threads(run, options.threads, "Threads; 0 takes all cores. Results do not depend on it");
  const auto set_backend = [&options](const std::string& word) {
    options.backend = word == "cpu"    ? gpu::Wanted::cpu
                      : word == "cuda" ? gpu::Wanted::cuda
                                       : gpu::Wanted::automatic;
  };
  run.add_option_function<std::string>(
         "--backend", set_backend,
         "Where serving pods advance: auto takes a CUDA device where the build and the machine "
         "have one. Results do not depend on it")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->type_name("auto|cpu|cuda");
  run.add_flag("--json", options.json, "Print the summary as JSON");
  add_quiet(run, options.quiet);
  run.add_flag("--strict", options.strict, "Exit with 3 if the meter was above the envelope");
  run.add_option("--checkpoint", options.checkpoint,
                 "Keep the newest checkpoint in FILE, the last one at the end")
      ->type_name("FILE");
  run.add_option("--checkpoint-every", options.checkpoint_every_s,
                 "Simulated seconds between checkpoints")
      ->check(CLI::Range(1e-3, 1e9))
      ->capture_default_str()
      ->type_name("S");
  run.add_option("--resume", options.resume,
                 "Go on from the checkpoint in FILE, made from the same scenario")
      ->type_name("FILE");
}

void add_bench(CLI::App& app, BenchOptions& options) {
  auto& bench = *app.add_subcommand("bench", "Measure how fast this machine simulates a scenario");
  bench.footer(
      "events/s, requests/s, pod s/s (pods times simulated seconds): per second of wall time, pods "
      "that follow others in a cohort counted too. made/core s: requests really simulated per "
      "second "
      "of one core, epochs and plant included. A row 'cuda' is there where the build has CUDA and "
      "the "
      "machine a device; else a line says which is missing.");
  add_scenario(bench, options.scenario, options.sets);
  bench.add_option("--warm-up", options.warm_up_s, "Simulated seconds before the measured ones")
      ->check(CLI::Range(0.0, 1e7))
      ->capture_default_str()
      ->type_name("S");
  bench.add_option("--seconds", options.measured_s, "Simulated seconds that are measured")
      ->check(CLI::Range(1.0, 1e7))
      ->capture_default_str()
      ->type_name("S");
  bench.add_option("--repeat", options.repeats, "How often; the medians are shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->type_name("N");
  add_threads(bench, options.threads, "Threads beside one; 0 takes all cores");
  bench.add_flag("--json", options.json, "Print the figures as JSON");
}

void add_validate(CLI::App& app, ValidateOptions& options) {
  auto& validate =
      *app.add_subcommand("validate", "Compare measured points (CSV) with what the twin predicts");
  validate.footer("Columns: millwright validate --columns. " + std::string(exit_codes));
  validate.add_option("POINTS", options.files, "Points files; with --convert: published tables")
      ->type_name("FILE");
  validate
      .add_option("--convert", options.convert,
                  "Write published tables as a points file to the standard output")
      ->check(CLI::IsMember(converters()))
      ->type_name("TABLE");
  validate
      .add_option("--bar", options.bars,
                  "Exit with 3 where the median error of some group is above a bar: "
                  "FIGURE=PERCENT, as ttft_ms=25; may be repeated")
      ->allow_extra_args(false)
      ->type_name("BAR");
  validate.add_flag("--columns", options.columns, "List the columns of points files");
  validate.add_flag("--all", options.all, "Compare with the public tables under MILLWRIGHT_DATA");
  validate.add_flag("--markdown", options.markdown, "Print the tables of docs/accuracy.md");
  validate
      .add_option("--update", options.update,
                  "Put these tables in place in a page that marks where they stand")
      ->type_name("PAGE.md");
  validate.add_flag("--intervals", options.intervals, "Print residuals.yaml from the errors found");
  validate.add_option("--json", options.json, "Write each row and the summaries as JSON")
      ->type_name("FILE");
  validate.add_option("--csv", options.csv, "Write each row as CSV")->type_name("FILE");
  validate.add_option("--worst", options.worst, "How many of the rows furthest off to show")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str()
      ->type_name("N");
  add_threads(validate, options.threads);
  add_quiet(validate, options.quiet);
}

void add_calibrate(CLI::App& app, CalibrateOptions& options) {
  auto& calibrate = *app.add_subcommand(
      "calibrate", "Fit figures of the catalog to measured points; say how well they are known");
  calibrate.footer(exit_codes);
  calibrate.add_option("STUDY", options.study, "What to fit, to what (YAML; docs/calibrate.md)")
      ->required();
  calibrate
      .add_option("--points", options.points, "Further points files, as `validate` reads them")
      ->type_name("FILE");
  add_settings(calibrate, "--set", options.sets, "Set a value of the study; may be repeated");
  static const std::map<std::string, LeaveOut> groups = {{"none", LeaveOut::none},
                                                         {"family", LeaveOut::family},
                                                         {"gpu", LeaveOut::gpu},
                                                         {"stack", LeaveOut::stack}};
  calibrate
      .add_option("--leave-out", options.leave_out,
                  "Fit again without each family, gpu or stack, and predict what was left out")
      ->transform(CLI::CheckedTransformer(groups, CLI::ignore_case).description(""))
      ->type_name("family|gpu|stack");
  calibrate.add_flag("--check", options.check,
                     "Compare the simulated engine too, before and after");
  calibrate
      .add_option("-o,--output", options.output,
                  "Write the changed catalog entries below this folder, for MILLWRIGHT_CATALOG")
      ->type_name("FOLDER");
  calibrate
      .add_option("--json", options.json, "Write values, sigmas and each row's errors as JSON")
      ->type_name("FILE");
  add_threads(calibrate, options.threads);
  add_quiet(calibrate, options.quiet);
}

}  // namespace

int command_line(int argc, char** argv) {
  // A file-size limit is then an error of the write that meets it, which says what to do.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app{
      "Millwright: a digital twin of an AI factory. How many tokens does a megawatt make, what do\n"
      "they cost, and what would change that?"};
  app.name("millwright");
  app.set_version_flag("--version", std::string("millwright ") + version);
  app.require_subcommand(1);

  RunOptions options;
  add_run(app, options);

  BenchOptions benchmark;
  add_bench(app, benchmark);

  ValidateOptions validation;
  add_validate(app, validation);

  CalibrateOptions calibration;
  add_calibrate(app, calibration);

  PlanCommand planning;
  add_plan(app, planning);

  SweepOptions sweeping;
  add_sweep(app, sweeping);

  OptimizeOptions searching;
  add_optimize(app, searching);

  BranchOptions branching;
  add_branch(app, branching);

  CompareOptions comparing;
  add_compare(app, comparing);

  std::string scenario;
  std::vector<std::string> sets;
  auto& check = *app.add_subcommand("check", "Read a scenario; print every value and its origin");
  add_scenario(check, scenario, sets);

  std::string kind, name;
  auto& catalog = *app.add_subcommand("catalog", "List and show GPUs, racks, models, places, ...");
  catalog.add_option("KIND", kind, "gpus, racks, llms, ...; all kinds if left out");
  catalog.add_option("NAME", name, "Show this entry, with the source of each figure");

  bool markdown = false, of_plan = false;
  auto& schema = *app.add_subcommand("schema", "Print the JSON Schema of scenario files");
  schema.add_flag("--plan", of_plan, "Of training plans, which `millwright plan` reads");
  schema.add_flag("--markdown", markdown, "Print the reference page of every key instead");

  auto& data = *app.add_subcommand("data", "List public data that scenarios can use");

  // Only now: commands made after this would print it too.
  app.footer(
      std::string("Begin with: millwright run scenarios/quickstart.yaml\n"
                  "More on one command: millwright COMMAND --help\n"
                  "Plots: millwright plot NAME RUN.h5 -o PICTURE.png (through ./millwright)\n") +
      exit_codes);

  try {
    app.parse(argc, argv);
    if (app.got_subcommand("run")) return run(options);
    if (app.got_subcommand("bench")) return bench(benchmark);
    if (app.got_subcommand("calibrate")) return calibrate(calibration);
    if (app.got_subcommand("plan")) return plan(planning);
    if (app.got_subcommand("sweep")) {
      if (sweeping.study.empty()) throw CLI::RequiredError("STUDY");
      return sweep(sweeping);
    }
    if (app.got_subcommand("optimize")) return optimize(searching);
    if (app.got_subcommand("branch")) return branch(branching);
    if (app.got_subcommand("compare")) return compare(comparing);
    if (app.got_subcommand("validate")) {
      if (validation.files.empty() && !validation.all && !validation.columns)
        throw CLI::RequiredError("POINTS, --all or --columns");
      return validate(validation);
    }
    if (check.parsed()) print_check(scenario, sets);
    if (catalog.parsed()) print_catalog(kind, name);
    if (schema.parsed()) print_schema(markdown, of_plan);
    if (data.parsed()) print_data();
    return 0;
  } catch (const CLI::Success& wanted) {  // --help, --version
    return app.exit(wanted);
  } catch (const CLI::ParseError& e) {
    fmt::print(stderr, "millwright: {}; see millwright {}--help\n", e.what(),
               app.get_subcommands().empty() ? "" : app.get_subcommands()[0]->get_name() + " ");
    return bad_input;
  } catch (const scenarios::InputProblems& e) {
    fmt::print(stderr, "{}\n", e.what());
    return bad_input;
  } catch (const sim::InputError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return bad_input;
  } catch (const std::exception& e) {
    fmt::print(stderr, "millwright: {}\n", e.what());
    return failed;
  }
}

}  // namespace mw::analysis
