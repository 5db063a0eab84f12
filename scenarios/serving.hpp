#pragma once
#include <memory>

#include "models/compute/gpu.hpp"
#include "models/compute/replica.hpp"
#include "models/compute/step_law.hpp"
#include "models/compute/step_table.hpp"
#include "models/inference/engine.hpp"
#include "scenarios/scenario.hpp"

// From what a user says of a service to what its replicas are. A site and a measured point that is
// compared with the twin go through the same two functions.
namespace mw::scenarios {

struct ServingPlan {
  models::ReplicaShape shape;
  models::EngineParameters engine;
  std::shared_ptr<const models::KernelTables> tables{};  // null: the formulas alone
};

/// `link_domain`: GPUs joined by NVLink or its like. What does not fit goes to `problems`, placed
/// below the service's block. Reads the kernel tables that the engine names; an InputError says
/// what is wrong with them.
ServingPlan plan_serving(const ServiceBlock& service, const models::GpuParameters& gpu,
                         int link_domain, sim::Problems& problems);

/// The step table of a plan without problems.
std::shared_ptr<const models::StepTable> serving_table(const ServiceBlock& service,
                                                       const models::GpuParameters& gpu,
                                                       const ServingPlan& plan);

/// Bytes between link domains for each token of a replica of that plan.
double serving_network_bytes(const ServiceBlock& service, const models::GpuParameters& gpu,
                             const ServingPlan& plan);

/// The formulas behind that table.
std::shared_ptr<const models::StepLaw> serving_law(const ServiceBlock& service,
                                                   const models::GpuParameters& gpu,
                                                   const ServingPlan& plan);

/// What its hosts hold of the KV cache of a replica with this table, and how fast it moves there:
/// each GPU its share over its own link.
void add_swap(models::EngineParameters& engine, const ServiceBlock& service,
              const models::GpuParameters& gpu, const models::StepTable& table);

}  // namespace mw::scenarios
