#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/compute/llm.hpp"
#include "models/compute/precision.hpp"
#include "models/compute/quality.hpp"
#include "models/compute/stack.hpp"
#include "models/control/power_control.hpp"
#include "models/cooling/climate.hpp"
#include "models/cooling/plant.hpp"
#include "models/economics/costs.hpp"
#include "models/inference/counts.hpp"
#include "models/inference/engine.hpp"
#include "models/inference/router.hpp"
#include "models/inference/traffic.hpp"
#include "models/power/electrical.hpp"
#include "models/power/rack.hpp"
#include "models/site/events.hpp"
#include "models/site/site.hpp"
#include "models/training/run.hpp"
#include "models/training/stack.hpp"
#include "sim/describe.hpp"
#include "sim/moment.hpp"

// What a scenario file says. Each block is a struct described once; the models' own parameters
// stand in it as they are.
namespace mw::scenarios {

struct ClimateBlock {
  sim::Entry<models::ClimateParameters> weather;
  sim::Instant start;
};
template <sim::Describes<ClimateBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("weather", self.weather,
        About{.text = "The place: a name of catalog/climates, or a weather file (.epw, .csv)",
              .required = true});
  visit("start", self.start,
        About{.text = "Moment of the calendar at which the run begins", .required = true});
}

enum class Dynamics { off, on, automatic };
inline std::span<const char* const> enum_names(Dynamics) {
  static constexpr const char* names[] = {"off", "on", "auto"};
  return names;
}

struct CoolingBlock {
  sim::Entry<models::CoolingParameters> plant;
  Dynamics dynamics = Dynamics::automatic;
  std::optional<sim::Temperature> supply;
};
template <sim::Describes<CoolingBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("plant", self.plant,
        About{.text = "The plant: a name of catalog/cooling", .required = true});
  visit(
      "dynamics", self.dynamics,
      About{.text = "Whether plant and chips are followed in time (on) or taken as steady in each "
                    "step (off); auto: in time for physics steps up to 1 min"});
  visit("supply", self.supply,
        About{.text = "Coolant to the racks; otherwise the plant's own set point",
              .min = 275,
              .max = 345});
}

struct SiteBlock {
  std::optional<sim::Power> envelope;
  ClimateBlock climate;
  sim::Entry<models::ElectricalParameters> electrical;
  CoolingBlock cooling;
  std::optional<sim::Entry<models::EconomicsParameters>> economics;
  double lighting = 0.002;
  std::optional<sim::Duration> physics_step, sub_step;
  double bytes_per_token = 4;
};
template <sim::Describes<SiteBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("envelope", self.envelope,
        About{.text = "Limit at the utility meter; none if not given", .min = 1e3, .max = 1e10});
  visit("climate", self.climate, About{.text = "Where and when", .required = true});
  visit("electrical", self.electrical,
        About{.text = "The chain from the meter to the racks: a name of catalog/electrical",
              .required = true});
  visit("cooling", self.cooling, About{.text = "Coolant and plant", .required = true});
  visit("economics", self.economics,
        About{.text = "Prices and lives: a name of catalog/economics; without it no costs"});
  visit("lighting", self.lighting,
        About{.text = "Lights and offices, as a share of the racks' design power",
              .min = 0,
              .max = 0.1});
  visit("sub_step", self.sub_step,
        About{.text = "Grid inside a physics step on which power is summed and limits are checked, "
                      "100 ms if not given; a coarser one costs less and smooths peaks"});
  visit("physics_step", self.physics_step,
        About{.text =
                  "Longest step of power, heat and weather, 1 s if not given; up to 1 min with "
                  "services, up to 1 h for studies of the plant without. With neither of the two a "
                  "cohort of 6 h or more without envelope, controller and events takes 10 s and "
                  "1 s"});
  visit("bytes_per_token", self.bytes_per_token,
        About{.text = "Bytes that a prompt or output token moves through the network and storage "
                      "racks; plain text is about four",
              .min = 0,
              .max = 1e9});
}

enum class FilePower { watts, kilowatts, megawatts };
inline std::span<const char* const> enum_names(FilePower) {
  static constexpr const char* names[] = {"W", "kW", "MW"};
  return names;
}

/// Measured power in place of computed.
struct ReplayBlock {
  std::string file;
  std::string column;
  FilePower unit = FilePower::watts;
  std::string time = "time";
  sim::FileClock clock = sim::FileClock::seconds;
  sim::Duration longest_gap{sim::minute};
};
template <sim::Describes<ReplayBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("file", self.file,
        About{.text = "CSV table with a header, beside the scenario or below MILLWRIGHT_DATA",
              .required = true});
  visit("column", self.column,
        About{.text = "Column of the power at the inputs of all racks of the group together, which "
                      "share it equally; straight lines between rows",
              .required = true});
  visit("unit", self.unit, About{.text = "What that column counts", .required = true});
  visit("time", self.time, About{.text = "Column of the rows' moments"});
  visit("clock", self.clock,
        About{.text = "What it counts: moments of the calendar (RFC 3339; without an offset local "
                      "standard time), or seconds since the run's start"});
  visit("longest_gap", self.longest_gap,
        About{.text = "Rows further apart are a gap, and refused"});
}

struct RackBlock {
  std::string name;
  sim::Entry<models::RackParameters> type;
  int count = 1;
  double load = 0;
  std::optional<sim::Entry<models::PowerProfile>> power_profile;
  std::optional<ReplayBlock> replay;
};
template <sim::Describes<RackBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "Name of the group", .required = true});
  visit("type", self.type,
        About{.text = "What they are: a name of catalog/racks", .required = true});
  visit("count", self.count, About{.text = "How many", .min = 1, .max = 100000});
  visit("load", self.load,
        About{.text = "What GPUs that no service uses draw, as a share of the way from idle to "
                      "rated power, and their hosts as a share of full host load: a constant load "
                      "for studies of the plant",
              .min = 0,
              .max = 1});
  visit("power_profile", self.power_profile,
        About{.text = "How their GPUs are set: a name of catalog/power_profiles; otherwise rated "
                      "power and every clock"});
  visit("replay", self.replay,
        About{.text = "Measured power instead of work: no service uses these racks, and no power "
                      "limit moves them"});
}

enum class ReplicaWord { fill };
inline std::span<const char* const> enum_names(ReplicaWord) {
  static constexpr const char* names[] = {"fill"};
  return names;
}

struct SpeculationBlock {
  int tokens = 0;
  double acceptance = 0.7;
  int draft_layers = 1;
  std::optional<sim::Entry<models::LlmParameters>> draft_model;
};
template <sim::Describes<SpeculationBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("tokens", self.tokens,
        About{.text = "Tokens drafted for a sequence in one iteration",
              .min = 0,
              .max = 16,
              .required = true});
  visit("acceptance", self.acceptance,
        About{.text = "Chance that a drafted token is accepted when those before it were",
              .min = 0,
              .max = 1});
  visit(
      "draft_layers", self.draft_layers,
      About{
          .text = "Layers of the drafting module, each like the model's own", .min = 1, .max = 64});
  visit("draft_model", self.draft_model,
        About{.text = "A language model that drafts in place of such a module"});
}

struct EngineBlock {
  int gpus = 8;
  std::optional<int> tp;
  std::optional<int> ep;
  std::optional<int> attention_dp;
  int pp = 1;
  std::optional<SpeculationBlock> speculation;
  sim::NumberOr<std::int64_t, ReplicaWord> replicas;
  std::optional<std::vector<std::string>> racks;
  models::Precision kv = models::Precision::bf16;
  sim::Entry<models::StackParameters> stack;
  std::optional<std::string> kernel_tables;
  int max_num_seqs = 256;
  std::optional<int> max_num_batched_tokens;
  std::optional<int> block_size;
  std::optional<std::int64_t> kv_blocks;
  models::Scheduling scheduling = models::Scheduling::fcfs;
  models::Preemption preemption = models::Preemption::recompute;
  std::optional<models::Batching> batching;
  int admission_interval = 1;
  int batch_wait = 0;
  double batch_wait_fill = 0;
  bool prefix_cache = false;
  sim::Bytes swap_space{4.0 * (1 << 30)};
  int clock_levels = 16;
  models::Stepping stepping = models::Stepping::jump;
  models::RouterPolicy router = models::RouterPolicy::least_tokens;
  int replicas_per_pod = 64;
};
template <sim::Describes<EngineBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("gpus", self.gpus, About{.text = "GPUs of one replica", .min = 1, .max = 1024});
  visit("tp", self.tp,
        About{.text = "Tensor-parallel ranks; otherwise gpus / (attention_dp x pp)",
              .min = 1,
              .max = 1024});
  visit(
      "ep", self.ep,
      About{.text = "Expert-parallel ranks; otherwise all GPUs of a stage for a model with experts",
            .min = 1,
            .max = 1024});
  visit("attention_dp", self.attention_dp,
        About{.text = "Data-parallel attention groups; otherwise 1", .min = 1, .max = 1024});
  visit("pp", self.pp, About{.text = "Pipeline stages", .min = 1, .max = 128});
  visit("speculation", self.speculation, About{.text = "Speculative decoding"});
  visit(
      "replicas", self.replicas,
      About{.text = "How many replicas; `fill` takes the racks' free GPUs", .min = 1, .max = 1e6});
  visit("racks", self.racks,
        About{.text = "Rack groups it may use; otherwise all with GPUs of the kind of the first"});
  visit("kv", self.kv, About{.text = "Storage of the KV cache: bf16 or fp8"});
  visit("stack", self.stack,
        About{.text = "Serving software: a name of catalog/stacks", .required = true});
  visit("kernel_tables", self.kernel_tables,
        About{.text =
                  "Folder of measured kernel times (aiconfigurator's gemm, moe, attention and mla "
                  "module tables of this GPU), absolute or below MILLWRIGHT_DATA; otherwise the "
                  "formulas alone"});
  visit("max_num_seqs", self.max_num_seqs,
        About{.text = "Most requests that run at a time in a replica", .min = 1, .max = 16384});
  visit(
      "max_num_batched_tokens", self.max_num_batched_tokens,
      About{
          .text = "Most tokens in one iteration; otherwise the stack's", .min = 2, .max = 1048576});
  visit("block_size", self.block_size,
        About{.text = "Tokens in a KV block; otherwise the stack's", .min = 1, .max = 1024});
  visit("kv_blocks", self.kv_blocks,
        About{.text = "KV blocks of a replica; otherwise what memory holds beside the weights",
              .min = 1});
  visit("scheduling", self.scheduling,
        About{.text = "Who runs first: in order of arrival (fcfs), or by traffic.priorities"});
  visit(
      "preemption", self.preemption,
      About{.text = "What becomes of the KV cache of a request that must make room: computed anew "
                    "(recompute), or kept in the host's memory (swap)"});
  visit("batching", self.batching,
        About{.text = "Prompts and decodes in one iteration (mixed), or prompts alone, before the "
                      "decodes go on (prefill_first); otherwise the stack's"});
  visit("admission_interval", self.admission_interval,
        About{.text = "New requests are looked for after so many iterations of decodes alone "
                      "(SGLang's --scheduler-recv-interval)",
              .min = 1,
              .max = 10000});
  visit("batch_wait", self.batch_wait,
        About{.text = "Iterations that prompts wait for more of them while others decode "
                      "(TensorRT-LLM's batch_wait_timeout_iters)",
              .min = 0,
              .max = 10000});
  visit("batch_wait_fill", self.batch_wait_fill,
        About{.text = "Share of max_num_batched_tokens at which they no longer wait "
                      "(batch_wait_max_tokens_ratio)",
              .min = 0,
              .max = 1});
  visit("prefix_cache", self.prefix_cache,
        About{.text = "Blocks of the KV cache that were filled for one prompt serve others that "
                      "begin alike, until their room is needed (the least recently used first)"});
  visit("swap_space", self.swap_space,
        About{.text = "Host memory for swapped-out KV cache, per GPU", .min = 0});
  visit("clock_levels", self.clock_levels,
        About{.text = "Steps between the highest and the lowest clock that a power limit may use",
              .min = 1,
              .max = 64});
  visit(
      "stepping", self.stepping,
      About{.text = "From one change of the running requests to the next (jump), or one iteration "
                    "at a time (plain): the same results, slower"});
  visit("router", self.router, About{.text = "How a pod's router picks a replica"});
  visit("replicas_per_pod", self.replicas_per_pod,
        About{.text = "Replicas behind one router; a larger service is split into pods",
              .min = 1,
              .max = 4096});
}

struct ServiceBlock {
  std::string name;
  sim::Entry<models::LlmParameters> model;
  models::Precision precision = models::Precision::bf16;
  EngineBlock engine;
  models::TrafficParameters traffic;
  models::Slo slo;
  models::TokenPrices price;
  int power_rank = 0;
  std::optional<sim::Entry<models::QualityParameters>> quality;
  std::string task = "gpqa_diamond";
};
template <sim::Describes<ServiceBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("service", self.name, About{.text = "Name of the service", .required = true});
  visit("model", self.model,
        About{.text = "The language model: a name of catalog/llms", .required = true});
  visit("precision", self.precision, About{.text = "Storage of the weights"});
  visit("engine", self.engine, About{.text = "How a replica runs", .required = true});
  visit("traffic", self.traffic, About{.text = "What is asked of it", .required = true});
  visit("slo", self.slo, About{.text = "What it promises"});
  visit("price", self.price, About{.text = "What its tokens sell for"});
  visit("power_rank", self.power_rank,
        About{.text = "Whose power comes first, for policies that know ranks: 0 before 1",
              .min = 0,
              .max = 7});
  visit("quality", self.quality,
        About{.text = "What its answers are worth: a name of catalog/quality"});
  visit("task", self.task, About{.text = "Which of its benchmarks counts"});
}

/// A training job on racks of the site, from the run's begin to its end.
struct TrainingBlock {
  std::string name;
  sim::Entry<models::LlmParameters> model;
  sim::Entry<models::TrainingStackParameters> stack;
  models::TrainingJob layout;
  std::optional<std::vector<std::string>> racks;
  models::TrainingRunParameters run;
};
template <sim::Describes<TrainingBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("job", self.name, About{.text = "Name of the job", .required = true});
  visit("model", self.model, About{.text = "The model that is trained", .required = true});
  visit("stack", self.stack, About{.text = "Training software of a time", .required = true});
  visit("layout", self.layout,
        About{.text = "How it is split over GPUs, and its batch", .required = true});
  visit("racks", self.racks,
        About{.text = "Rack groups it may use; otherwise all with GPUs of the kind of the first. "
                      "It takes whole racks, the first that are free"});
  visit("run", self.run, About{.text = "Its checkpoints, evaluations and failures"});
}

struct ProfileBlock {
  models::ProfilePolicy policy = models::ProfilePolicy::none;
  std::optional<sim::Entry<models::PowerProfile>> fast, efficient;
  sim::Seconds hold{60};
  double margin = 0.05;
};
template <sim::Describes<ProfileBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("policy", self.policy,
        About{.text = "Which power profile a service's GPUs have: that of their racks (none), or "
                      "the fast one while power is there and otherwise the efficient one, services "
                      "that earn least for a joule first (by_value)"});
  visit("fast", self.fast,
        About{.text = "by_value: a name of catalog/power_profiles; otherwise that of the racks"});
  visit("efficient", self.efficient,
        About{.text = "by_value: a name of catalog/power_profiles, such as max_q"});
  visit("hold", self.hold,
        About{.text = "How long a service keeps a profile at least", .min = 0, .max = 86400});
  visit("margin", self.margin,
        About{.text = "A service gets the fast profile back when this share more than it takes is "
                      "there",
              .min = 0,
              .max = 10});
}

struct ControlBlock {
  models::PowerControlParameters power;
  models::PlacementParameters placement;
  models::BatchParameters batch;
  ProfileBlock profile;
};
template <sim::Describes<ControlBlock> Self>
void describe(Self& self, auto&& visit) {
  visit("power", self.power, sim::About{.text = "How watts are shared out under the envelope"});
  visit("placement", self.placement, sim::About{.text = "Which racks work, and which are off"});
  visit("batch", self.batch, sim::About{.text = "How large batches are"});
  visit("profile", self.profile, sim::About{.text = "Which power profile services have"});
}

struct OutputBlock {
  sim::Duration site_period{sim::second};
  sim::Duration rack_period{sim::minute};
  std::optional<sim::Duration> group_period;
  bool requests = false;
};
template <sim::Describes<OutputBlock> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("site_period", self.site_period,
        About{.text = "Time between rows of the site's and the services' series"});
  visit("rack_period", self.rack_period, About{.text = "Time between rows of the racks' series"});
  visit("group_period", self.group_period,
        About{.text = "Time between rows of what each resource group of the power controller is "
                      "allowed, wants and draws; otherwise none are written"});
  visit("requests", self.requests, About{.text = "Write a row for every request"});
}

enum class Fidelity { request, cohort, fluid, automatic };
inline std::span<const char* const> enum_names(Fidelity) {
  static constexpr const char* names[] = {"request", "cohort", "fluid", "auto"};
  return names;
}

struct FidelityBlock {
  Fidelity mode = Fidelity::request;
  models::CohortParameters cohort;
};
template <sim::Describes<FidelityBlock> Self>
void describe(Self& self, auto&& visit) {
  visit(
      "mode", self.mode,
      sim::About{.text = "Every request of every pod (request); some pods, which the others "
                         "follow (cohort); rates of pods in steady flow, without requests (fluid); "
                         "or request where one core is estimated to do it within a minute, and "
                         "cohort otherwise (auto)"});
  describe(self.cohort, visit);
}

struct Scenario {
  int millwright = 0;
  std::string name;
  std::string text;
  sim::Duration duration;
  std::uint64_t seed = 1;
  SiteBlock site;
  std::vector<RackBlock> racks;
  std::vector<ServiceBlock> inference;
  std::vector<TrainingBlock> training;
  ControlBlock control;
  std::vector<models::EventParameters> events;
  FidelityBlock fidelity;
  OutputBlock output;
};
template <sim::Describes<Scenario> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("millwright", self.millwright,
        About{.text = "Version of the scenario language", .min = 1, .max = 1, .required = true});
  visit("name", self.name, About{.text = "Name of the scenario", .required = true});
  visit("text", self.text, About{.text = "What it asks, in a sentence"});
  visit("duration", self.duration, About{.text = "How long to simulate", .required = true});
  visit("seed", self.seed, About{.text = "Seed of every random draw"});
  visit("site", self.site, About{.text = "The site", .required = true});
  visit("racks", self.racks, About{.text = "Its racks, in groups of one kind", .required = true});
  visit("inference", self.inference, About{.text = "Services that answer requests"});
  visit("training", self.training, About{.text = "Jobs that train models"});
  visit("control", self.control, About{.text = "Who moves the limits"});
  visit("events", self.events, About{.text = "What befalls the site, and when"});
  visit("fidelity", self.fidelity, About{.text = "How finely services are simulated"});
  visit("output", self.output, About{.text = "What is written, and how often"});
}
void check(const Scenario& scenario, sim::Problems& problems);

}  // namespace mw::scenarios
