#pragma once

namespace mw::models {

/// Sums over racks of one sub-step, W, or (weighted with time) of the epoch.
struct RackSums {
  double input = 0, dc = 0, gpu = 0, loss = 0, liquid_heat = 0, air_heat = 0;
  double compute = 0;  // GPUs and hosts of compute racks
  // What compute racks hold beside GPUs (hosts, link switches, fans, auxiliaries), by whether it
  // served GPUs that worked or stood by for idle ones.
  double beside_working = 0, beside_idle = 0;
  double network = 0, storage = 0, cpu = 0;  // such racks without their converters' losses
  double stored = 0;                         // growth of what racks store
  double measured = 0;                       // the same of racks whose power was measured

  void add(const RackSums& o, double weight) {
    input += o.input * weight;
    dc += o.dc * weight;
    gpu += o.gpu * weight;
    loss += o.loss * weight;
    liquid_heat += o.liquid_heat * weight;
    air_heat += o.air_heat * weight;
    compute += o.compute * weight;
    beside_working += o.beside_working * weight;
    beside_idle += o.beside_idle * weight;
    network += o.network * weight;
    storage += o.storage * weight;
    cpu += o.cpu * weight;
    stored += o.stored * weight;
    measured += o.measured * weight;
  }
};

}  // namespace mw::models
