// From a scenario to a site: what is built, and every way in which parts may not fit together.
#include "scenarios/build.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <numeric>

#include "scenarios/scenario_folder.hpp"

using namespace mw;
using namespace mw::scenarios;
using mw::scenarios::test::Folder;

namespace {

const std::string head = R"(millwright: 1
name: test
duration: 10 s
site:
  climate: {weather: phoenix, start: 2026-07-15T15:00-07:00}
  electrical: ac_2n
  cooling: {plant: dry_cooler}
)";
const std::string two_racks = R"(racks:
  - {name: a, type: gb200_nvl72, count: 2}
  - {name: air, type: hgx_h100_air, count: 3}
  - {name: net, type: network_leaf_spine}
)";

std::string service(const std::string& engine, const std::string& name = "chat") {
  return "  - service: " + name + "\n    model: llama_3_1_8b\n    engine: {stack: vllm_0_19, " +
         engine + "}\n    traffic: {like: azure_conversation}\n";
}
std::string with_engine(const std::string& engine) {
  return head + two_racks + "inference:\n" + service(engine);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "A scenario becomes racks in a row, replicas on them, pods of them, and one set-point a rack") {
  const Folder folder;
  const auto site = folder.build(with_engine("gpus: 8, replicas: fill, replicas_per_pod: 5"));
  CHECK(site.rack_count() == 6);
  CHECK(site.racks[1].first == 2);
  CHECK(site.group(4).name == "air");
  // Without `racks` a service takes the kind of the first group with GPUs: 2 x 9 replicas of 8.
  REQUIRE(site.services.size() == 1);
  CHECK(site.services[0].replicas == 18);
  CHECK(site.services[0].pods == 4);
  CHECK(site.pods.size() == 4);
  std::vector<int> gpus(6, 0);
  for (const auto& g : site.placement) gpus[static_cast<std::size_t>(g.rack)] += g.gpus;
  CHECK(gpus == std::vector<int>{72, 72, 8 * site.group(2).rack.trays, 8 * site.group(3).rack.trays,
                                 8 * site.group(4).rack.trays, 0});
  for (std::size_t p = 0; p < site.pods.size(); ++p) {
    CHECK(site.pods[p].partition == p);
    CHECK(site.pods[p].table == site.pods[0].table);  // one table for all of a kind
  }
  CHECK(site.limits.size() == 5);
  CHECK(site.limits[2].object == "rack/air-0");
  CHECK(site.limits[2].max == site.group(2).rack.gpu.value.tdp.value.value);
  CHECK(site.bytes_per_token == 4);
  CHECK(site.distribution.nodes.size() >= site.electrical.stages.size());
  // Rated for design power: all racks at design do not overload the chain.
  double design = 0;
  for (const auto& racks : site.racks) design += racks.rack.design_power.value.value * racks.count;
  for (const auto& node : site.distribution.nodes) CHECK(node.design <= node.usable * (1 + 1e-9));
  CHECK(site.distribution.design_meter > design);
}

TEST_CASE("Two services share the racks, each on its own kind") {
  const Folder folder;
  const auto site = folder.build(head + two_racks + "inference:\n" +
                                 service("gpus: 4, replicas: 3, racks: [air]", "small") +
                                 service("gpus: 8, replicas: 2", "large"));
  REQUIRE(site.services.size() == 2);
  CHECK(site.services[0].first_pod == 0);
  CHECK(site.services[1].first_pod == 1);
  CHECK(site.services[0].gpus_per_replica == 4);
  for (const auto& g : site.placement) {
    if (g.service == 0) CHECK(site.group(g.rack).name == "air");
    if (g.service == 1) CHECK(site.group(g.rack).name == "a");
  }
  CHECK(site.services[0].front.entity != site.services[1].front.entity);
}

TEST_CASE("A site without services is a site: it idles") {
  const auto site = Folder().build(head + two_racks);
  CHECK(site.services.empty());
  CHECK(site.pods.empty());
  CHECK_FALSE(site.placement.empty());
}

TEST_CASE("Problems of the parts together stand where they were written") {
  const Folder folder;
  const auto message = [&](const std::string& engine) {
    return folder.problems(with_engine(engine));
  };
  // The engine's block begins at line 15, column 13.
  const std::string engine = "s.yaml:15:";
  struct Case {
    const char* engine;
    const char* says;
  };
  const Case cases[] = {
      {"gpus: 8, replicas: 40", "40 replicas of 8 GPUs do not fit: the racks hold 18 of them"},
      {"gpus: 200, replicas: fill", "200"},
      {"gpus: 8, replicas: 1, racks: [b]", "there is no rack group `b`"},
      {"gpus: 8, replicas: 1, racks: [net]", "the racks of `net` have no GPUs"},
      {"gpus: 8, replicas: 1, racks: [a, air]", "the GPUs of `air` differ from those of `a`"},
      {"gpus: 8, replicas: 1, racks: []", "names no rack group"},
      {"gpus: 8, replicas: 1, max_num_seqs: 512, max_num_batched_tokens: 100",
       "is not above max_num_seqs"},
      {"gpus: 8, replicas: 1, tp: 3", "3"},
      {"gpus: 8, replicas: 1, tp: 4, pp: 4", "tp x attention_dp x pp is 4 x 1 x 4 = 16"},
      {"gpus: 8, replicas: 1, speculation: {tokens: 3}", "cannot yet draw"},
  };
  for (const Case& c : cases) {
    const std::string text = message(c.engine);
    CAPTURE(text);
    CHECK(text.substr(0, engine.size()) == engine);
    CHECK(text[engine.size()] >= '1');  // a column follows
    CHECK(text[engine.size()] <= '9');
    CHECK(has(text, c.says));
    CHECK(has(text, "; "));  // and what to do
  }
  // Far more than an integer holds is told by the reader, not wrapped around.
  CHECK(has(message("gpus: 8, replicas: 4294967297"), "above its limit"));
}

TEST_CASE("Events that cannot be are told where they stand") {
  const Folder folder;
  const std::string site = head + two_racks + "events:\n";
  CHECK(folder.build(site + "  - {at: 2 s, kind: heat_wave, warmer: 5 K, for: 4 s}\n")
            .events.size() == 1);
  const std::pair<const char*, const char*> cases[] = {
      {"{at: 1 h, kind: heat_wave, warmer: 5 K}",
       "s.yaml:13:10: `at`: is not before the run's end"},
      {"{at: 1 s, kind: heat_wave}", "how warm"},
      {"{at: 1 s, kind: heat_wave, warmer: 5 K, for: 0 s}", "is not above zero"},
      {"{at: 1 s, kind: hot}", "heat_wave"},
      {"{kind: heat_wave, warmer: 5 K}", "at"},
      {"{at: 1 s, kind: utility_dip, for: 1 s}", "what voltage is left"},
      {"{at: 1 s, kind: feed_loss}", "which feed"},
      {"{at: 1 s, kind: unit_loss, stage: pdu}",
       "there is no stage `pdu`; the chain has hv_transformer,"},
      {"{at: 1 s, kind: unit_loss, stage: ups, unit: 1}", "stage `ups` has 1 unit"},
  };
  for (const auto& [event, says] : cases) {
    const std::string text = folder.problems(site + "  - " + event + "\n");
    CAPTURE(text);
    CHECK(text.starts_with("s.yaml:13:"));
    CHECK(has(text, says));
  }
}

TEST_CASE("A tree whose stages do not feed every rack once is refused at its line") {
  const Folder folder;
  const auto with = [&](const std::string& stages) {
    std::string text = head + two_racks;
    const std::string chain = "electrical: ac_2n";
    return text.replace(text.find(chain), chain.size(), "electrical: {stages: [" + stages + "]}");
  };
  const auto site = folder.build(with("{name: a_row, racks: [a]}, {name: rest}"));
  CHECK(site.distribution.nodes.size() == 2);
  CHECK(site.distribution.node_of_rack[0] == 0);
  CHECK(site.distribution.node_of_rack[2] == 1);
  const std::string text = folder.problems(with("{name: row, racks: [b]}"));
  CAPTURE(text);
  CHECK(has(text, "there is no rack group `b`"));
  CHECK(has(text, "racks `air` are fed by no stages"));
}

TEST_CASE("Plants that cannot work are refused with the reason") {
  const Folder folder;
  const auto with = [&](const std::string& cooling, const std::string& more = "") {
    std::string text = head + two_racks + more;
    const std::string was = "cooling: {plant: dry_cooler}";
    text.replace(text.find(was), was.size(), "cooling: " + cooling);
    return folder.problems(text);
  };
  CHECK(with("{plant: dry_cooler}") == "");
  CHECK(has(with("{plant: dry_cooler, supply: 5 degC}"), "below the dew point"));
  CHECK(
      has(with("{plant: {extends: dry_cooler, oversizing: 0.1}}"), "no way for the racks' design"));
  CHECK(has(with("{plant: {extends: dry_cooler, tcs: {pump_head: 50 kPa}}}"),
            "do not reach the design flow"));
  CHECK(with("{plant: {extends: dry_cooler, tcs: {pump_head: 250 kPa}}}") == "");
  // Events of the plant: it must be followed, and there must be such a loop and such racks.
  const auto event = [&](const std::string& text, const std::string& cooling) {
    return with(cooling, "events:\n  - " + text + "\n");
  };
  const std::string loss = "{at: 1 s, kind: cdu_loss, loop: 0}";
  CHECK(event(loss, "{plant: dry_cooler}") == "");
  CHECK(has(event(loss, "{plant: dry_cooler, dynamics: off}"), "not followed in time"));
  CHECK(
      has(event("{at: 1 s, kind: cdu_loss, loop: 7}", "{plant: dry_cooler}"), "there are 1 loops"));
  CHECK(has(event("{at: 1 s, kind: cdu_loss}", "{plant: dry_cooler}"), "does not say where"));
  CHECK(event("{at: 1 s, kind: leak, racks: [a-1]}", "{plant: dry_cooler}") == "");
  CHECK(has(event("{at: 1 s, kind: leak, racks: [a-2]}", "{plant: dry_cooler}"), "no rack `a-2`"));
}

TEST_CASE("A replica may take several nodes of a rack, a pipeline stage in each") {
  const Folder folder;
  const auto site =
      folder.build(with_engine("gpus: 16, pp: 2, replicas: 2, racks: [air], max_num_seqs: 64"));
  CHECK(site.pods[0].table->linear.stages == 2);
  CHECK(site.services[0].gpus_per_replica == 16);
  // A token's hidden vector, 4096 numbers of two bytes, is handed over once between the nodes.
  CHECK(site.services[0].network_bytes_per_token == doctest::Approx(8192));
}

TEST_CASE("Kernel tables that cannot be read are told, never passed over") {
  const Folder folder;
  const std::string text = folder.problems(
      with_engine("gpus: 8, replicas: 1, kernel_tables: " + (folder / "none").string()));
  CHECK(has(text, "none: cannot be read"));
  CHECK(has(text, "; "));
}

TEST_CASE("Coolant too warm for a rack, and no rack with GPUs") {
  const Folder folder;
  std::string text = with_engine("gpus: 8, replicas: 1");
  text.replace(text.find("plant: dry_cooler"), 17, "plant: dry_cooler, supply: 69 degC");
  const std::string hot = folder.problems(text);
  CHECK(hot.starts_with("s.yaml:7:40: "));
  CHECK(has(hot, "too warm for the racks `a`"));

  const std::string no_gpus =
      folder.problems(head + "racks: [{name: net, type: network_leaf_spine}]\ninference:\n" +
                      service("gpus: 8, replicas: 1"));
  CHECK(has(no_gpus, "the site has no racks with GPUs"));
  CHECK(no_gpus.starts_with("s.yaml:12:13: "));  // the engine's block
}

TEST_CASE("Scores belong to the model and the precision that a service runs") {
  const auto with = [](const std::string& model, const std::string& more) {
    return head + two_racks + "inference:\n  - service: chat\n    model: " + model + "\n" + more +
           "    engine: {gpus: 8, stack: vllm_0_19, racks: [a]}\n"
           "    traffic: {like: azure_conversation}\n";
  };
  const Folder folder;
  const auto site = folder.build(
      with("deepseek_r1_0528", "    precision: nvfp4\n    quality: deepseek_r1_0528\n"));
  REQUIRE(site.services[0].score);
  CHECK(site.services[0].score->task == "gpqa_diamond");
  CHECK(site.services[0].score->score.value == 0.80);
  CHECK(folder.problems(with("qwen3_32b", "    quality: qwen3_32b\n    task: gpqa\n")) ==
        "s.yaml:15:14: `quality`: no score of gpqa in bf16 is known; there is gpqa_diamond in bf16 "
        "and aime_2025 in bf16; or leave it out");
  CHECK(folder.problems(with("qwen3_14b", "    quality: qwen3_32b\n")) ==
        "s.yaml:15:14: `quality`: these are scores of qwen3_32b, but the service runs qwen3_14b; "
        "name the scores of its model, or leave it out");
}

TEST_CASE("All problems are told in one go") {
  const std::string text = Folder().problems(head + two_racks + "inference:\n" +
                                             service("gpus: 8, replicas: 1, racks: [b]", "one") +
                                             service("gpus: 8, replicas: 1, racks: [net]", "two"));
  CHECK(has(text, "`b`"));
  CHECK(has(text, "`net`"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

TEST_CASE("A closed loop's users are shared out to the pods; one that asks in vain is refused") {
  const Folder folder;
  const auto text = [&](const char* traffic) {
    std::string s = with_engine("gpus: 8, replicas: 3, replicas_per_pod: 2, kv_blocks: 100");
    s.replace(s.find("{like: azure_conversation}"), 26, traffic);
    return s;
  };
  const std::string lengths = "lengths: {prompt: {fixed: 100}, output: {fixed: 20}}";
  const auto site = folder.build(
      text(("{closed_loop: {users: 6, requests: 10, think: 2 s}, " + lengths + "}").c_str()));
  REQUIRE(site.pods.size() == 2);
  CHECK(site.pods[0].users.users == 2);  // one replica, the other pod has two
  CHECK(site.pods[1].users.users == 4);
  CHECK(site.pods[0].users.requests == 4);  // 0, 1, 6, 7
  CHECK(site.pods[1].users.requests == 6);
  CHECK(site.pods[1].users.think == 2 * mw::sim::second);

  const std::string vain = folder.problems(
      text("{closed_loop: {users: 6}, lengths: {prompt: {fixed: 5000}, output: {fixed: 2}}}"));
  CHECK(has(vain, "users would ask in vain for ever"));
  CHECK(has(
      folder.problems(text(("{closed_loop: {users: 6, think: -1 s}, " + lengths + "}").c_str())),
      "is not a time from 0 to a year"));
}

// The hosts of 8 H100 with 1 GB each hold 8 GB; a block moves over 8 links at once.
TEST_CASE("Swap space and host links become blocks and picoseconds") {
  const Folder folder;
  std::string text =
      with_engine("gpus: 8, replicas: 1, preemption: swap, swap_space: 1 GB, scheduling: priority");
  text.replace(text.find("{like: azure_conversation}"), 26,
               "{like: azure_conversation, priorities: [{share: 0.25, priority: -2}, "
               "{share: 0.75, priority: 3}]}");
  const auto site = folder.build(text);
  const auto& pod = site.pods[0];
  const double block_bytes = pod.table->kv_bytes_per_token * pod.engine.block_size;
  CHECK(pod.engine.swap_blocks == static_cast<std::int64_t>(8e9 / block_bytes));
  const double link = site.racks[0].rack.gpu.value.host_bandwidth.value.value;
  CHECK(static_cast<double>(pod.engine.swap_block_ps) ==
        doctest::Approx(1e12 * block_bytes / (8 * link)).epsilon(1e-5));
  CHECK(pod.engine.scheduling == mw::models::Scheduling::priority);
  CHECK(pod.tiers.size() == 2);

  text.replace(text.find("0.75"), 4, "0.70");
  CHECK(has(folder.problems(text), "shares that do not add up to 1"));
}

TEST_CASE("A trace that is not there, or damaged, is told with its own place") {
  const Folder folder;
  const auto text = [&](const char* trace) {
    std::string s = with_engine("gpus: 8, replicas: 1");
    s.replace(s.find("{like: azure_conversation}"), 26, std::string("{trace: ") + trace + "}");
    return s;
  };
  CHECK(has(folder.problems(text("nowhere.csv")), "nowhere.csv"));
  std::ofstream(folder / "bad.csv") << "arrival_s,prompt_tokens,output_tokens\n0.5,10,x\n";
  CHECK(folder.problems(text("bad.csv")).starts_with("bad.csv:2:"));
  std::ofstream(folder / "good.csv")
      << "arrival_s,prompt_tokens,output_tokens\n0.5,10,3\n1.5,9,2\n";
  CHECK(folder.build(text("good.csv")).services[0].front.trace->rows.size() == 2);
}

TEST_CASE("What a scenario says of itself is checked") {
  const Folder folder;
  const auto with = [&](const std::string& lines) {
    return folder.problems(head + two_racks + lines);
  };
  CHECK(has(with("control: {power: {policy: uniform}}\n"), "has no envelope to keep"));
  CHECK(has(with("output: {site_period: 100 ms}\n"), "s.yaml:12:23: "));
  CHECK(has(with("output: {rack_period: 0 s}\n"), "is below 1 s"));
  std::string slash = head + two_racks;
  slash.replace(slash.find("name: test"), 10, "name: a/b");
  CHECK(has(folder.problems(slash), "s.yaml:2:7: "));
  std::string nothing = head + two_racks;
  nothing.replace(nothing.find("10 s"), 4, "0 s");
  CHECK(has(folder.problems(nothing), "is not above zero"));
  // In the run's file a service stands beside the site's figures.
  CHECK(has(
      folder.problems(head + two_racks + "inference:\n" + service("gpus: 8, replicas: 1", "pue")),
      "`pue` is the name of a figure of the site"));
  CHECK(has(
      folder.problems(head + two_racks + "inference:\n" + service("gpus: 8, replicas: 1", "a/b")),
      "cannot be a name"));
}
