#include "models/training/plan.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "models/training/setup.hpp"

using namespace mw;
using namespace mw::models;

namespace {

std::string first_problem(const TrainingSetup& s) {
  const auto problems = plan_problems(s);
  if (problems.empty()) return "";
  return problems.front().at + " " + problems.front().problem + "; " + problems.front().advice;
}

}  // namespace

TEST_CASE("what does not divide or fit is refused with the nearest that does") {
  const TrainingSetup good = test::setup_405b();
  CHECK(first_problem(good) == "");
  const auto with = [&](auto change) {
    TrainingSetup s = good;
    change(s);
    return first_problem(s);
  };
  CHECK(with([](auto& s) { s.job.gpus = 200; }) ==
        "gpus is 200, which tp x cp x pp = 64 does not divide; the nearest that it does is gpus: "
        "192");
  CHECK(with([](auto& s) { s.job.tp = 3, s.job.gpus = 240; }) ==
        "tp is 3, which does not divide 128 heads over 8 KV heads evenly; the nearest that does is "
        "tp: 2");
  CHECK(with([](auto& s) { s.job.global_batch = 1537; }) ==
        "global_batch is 1537, which 4 data-parallel ranks x micro-batches of 1 do not divide; the "
        "nearest that they do is global_batch: 1536");
  CHECK(with([](auto& s) { s.job.global_batch = 4 * 40; }) ==
        "vpp interleaves 40 micro-batches on 16 stages, which does not go up; the nearest that "
        "does is global_batch: 192");
  CHECK(with([](auto& s) { s.job.ep = 2; }) ==
        "ep is above 1, but the model has no experts; set ep: 1");
  CHECK(with([](auto& s) { s.job.vpp = 9; }) ==
        "vpp makes 144 chunks, more than 126 layers, embedding and loss fill; set pp x vpp to 128 "
        "at most");
  CHECK(with([](auto& s) { s.gpu.fp8.value = {0}; }) ==
        "precision is fp8, but the GPU has no such tensor rate; set precision: bf16");
  TrainingSetup experts = test::setup_deepseek();
  experts.job.ep = 24;
  CHECK(first_problem(experts) ==
        "ep is 24, which does not divide 256 experts; the nearest that does is ep: 16");
}

TEST_CASE("a job without room names what takes it and the nearest that fits") {
  TrainingSetup s = test::setup_405b();
  s.job.pp = 4;
  s.job.vpp.reset();
  const auto problems = plan_problems(s);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].at == "gpus");
  CHECK(problems[0].advice.find("the nearest that fits is ") == 0);
  const auto other = nearest_fit(s);
  REQUIRE(other.has_value());
  CHECK(problems[0].advice.find(changes(s.job, *other)) != std::string::npos);
  TrainingSetup better = s;
  better.job = *other;
  CHECK(plan_problems(better).empty());
}

// Whatever the numbers: either a reason, or a finite step whose parts add up.
TEST_CASE("any job is refused or has a finite step") {
  const TrainingSetup dense = test::setup_405b(), experts = test::setup_deepseek();
  CHECK(rc::check([&] {
    TrainingSetup s = *rc::gen::arbitrary<bool>() ? dense : experts;
    s.job.gpus = *rc::gen::inRange(1, 2048);
    s.job.tp = 1 << *rc::gen::inRange(0, 4);
    s.job.pp = *rc::gen::inRange(1, 20);
    s.job.cp = *rc::gen::inRange(1, 4);
    s.job.ep = 1 << *rc::gen::inRange(0, 7);
    s.job.gpus *= s.job.tp * s.job.pp * s.job.cp;
    s.job.vpp = *rc::gen::inRange(1, 8);
    s.job.micro_batch = *rc::gen::inRange(1, 3);
    s.job.global_batch = s.job.dp() * s.job.micro_batch * s.job.pp * *rc::gen::inRange(1, 9);
    s.job.recompute = static_cast<Recompute>(*rc::gen::inRange(0, 3));
    s.job.precision = static_cast<TrainingPrecision>(*rc::gen::inRange(0, 4));
    s.gpu.memory.value.value *= 8;
    if (!plan_problems(s).empty()) return;
    const TrainingStep step = training_step(s);
    RC_ASSERT(step.seconds > 0 && step.seconds < 1e9);
    RC_ASSERT(std::abs(step.time.sum() / step.seconds - 1) < 1e-9);
    for (const auto& part : step.time.cells)
      for (const double x : part) RC_ASSERT(x >= -1e-12 * step.seconds);
  }));
}
