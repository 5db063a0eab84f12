#pragma once
#include "sim/host_device.hpp"

namespace mw::models {

/// A store of energy between a source and a load (batteries of a UPS, capacitors in a supply), as
/// plain numbers: charging c W stores c x charge_efficiency, delivering d W takes d /
/// discharge_efficiency out of it. The rest is heat.
struct StorageLaw {
  double capacity = 0;     // J
  double discharge_w = 0;  // most it delivers
  double charge_w = 0;     // most it draws
  double charge_efficiency = 1, discharge_efficiency = 1;
};

/// Means over a step, in W: drawn - delivered = loss + change, exactly up to rounding.
struct StorageFlow {
  double delivered = 0, drawn = 0;
  double loss = 0;
  double change = 0;  // of the energy it holds
};

/// Delivers up to `wanted` W for `dt` seconds. Whoever asks ends the step when `energy` (J) does: a
/// step that is too long leaves a debt, which charging pays back, so that sums still close.
MW_HD inline StorageFlow discharge(const StorageLaw& law, double& energy, double wanted,
                                   double dt) {
  StorageFlow f;
  f.delivered = wanted < law.discharge_w ? wanted : law.discharge_w;
  if (!(f.delivered > 0)) return {};
  f.change = -f.delivered / law.discharge_efficiency;
  f.loss = -f.change - f.delivered;
  energy += f.change * dt;
  return f;
}

/// Fills up with what it may draw.
MW_HD inline StorageFlow charge(const StorageLaw& law, double& energy, double dt) {
  const double room = (law.capacity - energy) / (law.charge_efficiency * dt);
  StorageFlow f;
  f.drawn = room < law.charge_w ? room : law.charge_w;
  if (!(f.drawn > 0)) return {};
  f.change = f.drawn * law.charge_efficiency;
  f.loss = f.drawn - f.change;
  energy += f.change * dt;
  if (energy > law.capacity) energy = law.capacity;
  return f;
}

/// How long it can deliver `load` W.
MW_HD inline double ride_time(const StorageLaw& law, double energy, double load) {
  return load > 0 ? energy * law.discharge_efficiency / load : 1e300;
}

}  // namespace mw::models
