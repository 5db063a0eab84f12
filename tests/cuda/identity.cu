// The steps and the arithmetic under them give the same bits on the processor and on a GPU: each
// case below is computed on both sides for many indices and compared bit for bit.
// Exit 0: equal; 1: different; 77: no GPU here.
#include <cuda_runtime.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "models/compute/step_cost.hpp"
#include "models/power/breaker.hpp"
#include "models/power/rack.hpp"
#include "models/power/storage.hpp"
#include "sim/fixed.hpp"
#include "sim/portable_math.hpp"
#include "sim/random.hpp"
#include "sim/trace_hash.hpp"

namespace {

using namespace mw;
using namespace mw::models;

constexpr int cases = 10;
const char* const names[cases] = {
    "random bits", "exponential",     "normal",       "gamma", "pow",
    "fixed point", "mixed iteration", "decode cells", "rack",  "breaker and store"};

struct World {
  StepTableView table;
  RackLaw rack;
  ConverterLaw ups;
  BreakerLaw breaker;
  StorageLaw store;
};

MW_HD std::uint64_t bits_of(double x) {
  std::uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

MW_HD void compute(const World& w, std::uint64_t i, std::uint64_t* out) {
  const sim::Stream stream{12345, 7, 3};
  const double u = sim::uniform(stream, i);
  out[0] = sim::bits(stream, i).first ^ sim::bits(stream, i).second;
  out[1] = bits_of(sim::exponential(stream, i));
  out[2] = bits_of(sim::normal(stream, i));
  out[3] = bits_of(sim::gamma(stream, i, 0.2 + 3 * u));
  out[4] = bits_of(sim::portable::pow(0.01 + 100 * u, 6 * u - 3) + sim::portable::exp(20 * u - 10));
  const auto whole = static_cast<std::int64_t>(out[0] >> 20);
  out[5] = static_cast<std::uint64_t>(
      sim::mul_div_floor(whole, static_cast<std::int64_t>(i) + 1, 1 + whole % 1000003 + i));

  const auto pick = [&](std::uint64_t n) { return static_cast<std::int32_t>((out[0] >> 8) % n); };
  StepLoad load;
  load.decodes = pick(static_cast<std::uint64_t>(w.table.max_sequences));
  load.prefill_tokens = pick(100) * 3;
  load.sampled = load.decodes;
  load.kv_tokens = 1000 * std::int64_t{load.decodes} + pick(997);
  load.prefill_pairs = std::int64_t{load.prefill_tokens} * 700;
  const int level = pick(static_cast<std::uint64_t>(w.table.levels));
  const StepCost mixed = step_cost(w.table, level, load);
  load.prefill_tokens = 0;
  load.prefill_pairs = 0;
  const StepCost decode = step_cost(w.table, level, load);
  sim::TraceHash hash;
  hash.fold(mixed.time_ps, 1, 0, static_cast<std::uint64_t>(mixed.energy_nj));
  out[6] = hash.value;
  hash.fold(decode.time_ps, 2, 0, static_cast<std::uint64_t>(decode.energy_nj));
  out[7] = hash.value;

  const RackPower rack =
      rack_step(w.rack, {.gpu_w = 1e5 * u, .host_load = u, .byte_rate = 1e9 * u});
  out[8] = bits_of(rack.input) ^ bits_of(rack.liquid_heat);
  double held = 1e6 * u;
  const StorageFlow store = charge(w.store, held, 0.1);
  out[9] = bits_of(converter_loss(w.ups, 1e6, rack.input)) ^ bits_of(store.loss) ^
           bits_of(breaker_heat(w.breaker, u, 4 * u, 0.1)) ^ bits_of(held);
}

__global__ void on_device(World w, std::uint64_t n, std::uint64_t* out) {
  const std::uint64_t i = blockIdx.x * std::uint64_t{blockDim.x} + threadIdx.x;
  if (i < n) compute(w, i, out + i * cases);
}

bool ok(cudaError_t e, const char* what) {
  if (e == cudaSuccess) return true;
  std::fprintf(stderr, "identity: %s: %s\n", what, cudaGetErrorString(e));
  return false;
}

/// Arrays of a made-up replica: smooth, positive, of a real one's size.
struct Arrays {
  static constexpr int sequences = 256, tokens = 1024, levels = 3;
  static constexpr double knee = 0.4;  // f / f_max, V / V_max: the power ceiling is met
  std::vector<LevelLaw> laws;
  std::vector<double> token_time, token_core, token_other, sampled_time, sampled_core,
      sampled_other;
  std::vector<DecodeRow> rows;
  std::vector<DecodeCell> cells;

  Arrays() {
    for (int l = 0; l <= levels; ++l) {
      const double f = l < levels ? 1 - 0.25 * l : knee;
      for (int t = 0; t <= tokens; ++t) token_time.push_back((4e-3 + 7e-6 * t) / f);
      for (int s = 0; s <= sequences; ++s) sampled_time.push_back((1e-4 + 1.3e-5 * s) / f);
      if (l == levels) break;
      laws.push_back({f, 1 / f, f * f, 3000});
      for (int s = 0; s <= sequences; ++s) {
        DecodeRow row;
        row.first_cell = row.knot_cell = static_cast<std::uint32_t>(cells.size());
        row.shift_above = 12;
        row.end = 64 << 12;
        for (int k = 0; k < 64; ++k)
          cells.push_back({4'000'000'000 + 13'000'000LL * s + 5'000'000LL * k, 1201 + k,
                           9'000'000'000 + 31'000'000LL * s + 9'000'000LL * k, 2203 + k});
        rows.push_back(row);
      }
    }
    for (int t = 0; t <= tokens; ++t) {
      token_core.push_back(3.1 + 0.013 * t);
      token_other.push_back(1.7 + 0.004 * t);
    }
    for (int s = 0; s <= sequences; ++s) {
      sampled_core.push_back(0.02 * s);
      sampled_other.push_back(0.01 * s);
    }
  }
  StepTableView view() const {
    StepTableView v;
    v.max_sequences = sequences;
    v.max_tokens = tokens;
    v.levels = levels;
    v.linear.kv_full_time = 3.7e-9;
    v.linear.kv_full_core = 2e-6;
    v.linear.kv_full_other = 6e-6;
    v.linear.pair_full_time = 1e-10;
    v.linear.pair_full_core = 2e-7;
    v.linear.host_base = 3e-3;
    v.linear.host_per_sequence = 5e-5;
    v.linear.idle_power = 800;
    v.linear.power_ceiling = 5400;
    v.linear.knee_ratio = v.linear.knee_volts = knee;
    v.level_laws = laws.data();
    v.token_time = token_time.data();
    v.token_core_energy = token_core.data();
    v.token_other_energy = token_other.data();
    v.sampled_time = sampled_time.data();
    v.sampled_core_energy = sampled_core.data();
    v.sampled_other_energy = sampled_other.data();
    v.decode_rows = rows.data();
    v.decode_cells = cells.data();
    return v;
  }
};

template <class T>
const T* copied(const std::vector<T>& host) {
  T* device = nullptr;
  if (!ok(cudaMalloc(&device, host.size() * sizeof(T)), "cudaMalloc") ||
      !ok(cudaMemcpy(device, host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice), "copy"))
    std::exit(1);
  return device;
}

}  // namespace

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("identity: SKIPPED, there is no GPU here");
    return 77;
  }
  constexpr std::uint64_t n = 1 << 20;
  const Arrays arrays;
  World host{arrays.view(), {}, {}, {}, {}};
  host.rack.host_idle = 8000;
  host.rack.host_load = 17000;
  host.rack.fan = 2500;
  host.rack.fan_min_speed = 0.3;
  host.rack.fan_full_air_heat = 15000;
  host.rack.busbar_ohm_per_volt2 = 4e-8;
  host.rack.liquid_fraction = 0.87;
  host.ups.no_load = 0.01;
  host.ups.resistive = 0.02;
  host.store = {1.5e6, 4e5, 1e5, 0.95, 0.95};

  World device = host;
  device.table.level_laws = copied(arrays.laws);
  device.table.token_time = copied(arrays.token_time);
  device.table.token_core_energy = copied(arrays.token_core);
  device.table.token_other_energy = copied(arrays.token_other);
  device.table.sampled_time = copied(arrays.sampled_time);
  device.table.sampled_core_energy = copied(arrays.sampled_core);
  device.table.sampled_other_energy = copied(arrays.sampled_other);
  device.table.decode_rows = copied(arrays.rows);
  device.table.decode_cells = copied(arrays.cells);

  std::vector<std::uint64_t> there(n * cases);
  std::uint64_t* out = const_cast<std::uint64_t*>(copied(there));
  on_device<<<n / 256, 256>>>(device, n, out);
  if (!ok(cudaGetLastError(), "launch") ||
      !ok(cudaMemcpy(there.data(), out, n * cases * 8, cudaMemcpyDeviceToHost), "run"))
    return 1;

  std::uint64_t different[cases] = {};
  for (std::uint64_t i = 0; i < n; ++i) {
    std::uint64_t here[cases];
    compute(host, i, here);
    for (int c = 0; c < cases; ++c) different[c] += here[c] != there[i * cases + c];
  }
  bool same = true;
  for (int c = 0; c < cases; ++c) {
    std::printf("%-18s %llu of %llu differ\n", names[c],
                static_cast<unsigned long long>(different[c]), static_cast<unsigned long long>(n));
    same = same && different[c] == 0;
  }
  return same ? 0 : 1;
}
