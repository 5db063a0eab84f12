// What a second of the plant in time costs, beside the steady plant in the same process and beside
// one dense solve of the same stores: racks are eliminated one by one, so the cost is theirs.
#include <Eigen/Dense>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "models/cooling/transient.hpp"

using namespace mw;
using namespace mw::models;

namespace {

constexpr double flow_rule = 1.5 / 60000 / 1000;
constexpr int repeats = 9, seconds = 40;

double median_ms(const std::vector<double>& times) {
  std::vector<double> sorted = times;
  std::nth_element(sorted.begin(), sorted.begin() + repeats / 2, sorted.end());
  return sorted[repeats / 2];
}
template <class Work>
double time_ms(int times, const Work& work) {
  work();  // warm-up
  std::vector<double> taken;
  for (int i = 0; i < repeats; ++i) {
    // Processor time of this thread alone: other programs' turns are not its.
    const std::clock_t begin = std::clock();
    for (int k = 0; k < times; ++k) work();
    taken.push_back(1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / times);
  }
  return median_ms(taken);
}

}  // namespace

int main() {
  std::printf("%8s %6s %14s %14s %14s %10s\n", "racks", "loops", "in time, ms", "steady, ms",
              "dense LU, ms", "us a rack");
  for (const int racks : {50, 500, 5500}) {
    const CooledRack kind{.heat = 115e3,
                          .flow = 115e3 * flow_rule,
                          .volume = 0.05,
                          .gpus = 72,
                          .junction_resistance = 0.015,
                          .film_resistance = 0.01,
                          .film_exponent = 0.7,
                          .junction_capacity = 100,
                          .plate_capacity = 200};
    const CoolingParameters p;
    const double design = kind.heat * racks;
    const CoolingSizing s = size_cooling(p, {{design}, {0}, {design * flow_rule}, {100e3}});
    const auto count = static_cast<std::size_t>(racks);
    const PlantLaw law = make_plant_law(p, s, {kind}, std::vector<std::int32_t>(count));
    const Weather air =
        weather_of({sim::temperature_from_degc(25), sim::temperature_from_degc(17)});
    std::vector<double> heat(count, kind.heat), gpu(count, 1000);
    const PlantFaults faults;
    PlantState state;
    PlantWork work;
    sim::Time now = 0;
    unsigned draw = 1;
    const double in_time = time_ms(seconds, [&] {
      for (std::size_t r = 0; r < count; ++r) {  // every rack's load changes every second
        draw = draw * 1664525u + 1013904223u;
        gpu[r] = 700 + 300 * (draw >> 8) / 16777216.0;
        heat[r] = 72 * gpu[r] + 30e3;
      }
      const PlantInputs in{heat, gpu, 0, sim::temperature_from_degc(45), air, faults};
      plant_step(p, s, law, in, now, now + sim::second, state, work);
      now += sim::second;
    });
    double sink = 0;
    const double steady = time_ms(seconds, [&] {
      sink +=
          cooling_step(p, s, {{0.9 * design}, {0}, sim::temperature_from_degc(45)}, air).total();
    });
    double dense = 0;
    if (racks <= 500) {
      const auto n = static_cast<Eigen::Index>(3 * racks + 4);
      Eigen::MatrixXd a = Eigen::MatrixXd::Random(n, n);
      a.diagonal().array() += static_cast<double>(n);
      const Eigen::VectorXd b = Eigen::VectorXd::Ones(n);
      dense = time_ms(1, [&] { sink += a.partialPivLu().solve(b).sum(); });
    }
    std::printf("%8d %6zu %14.3f %14.4f %14.3f %10.3f%s\n", racks, law.loops.size(), in_time,
                steady, dense, 1e3 * in_time / racks, sink == 1 ? " " : "");
  }
}
