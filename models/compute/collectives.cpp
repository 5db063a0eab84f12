#include "models/compute/collectives.hpp"

#include <algorithm>
#include <cmath>

#include "models/compute/kernel_cost.hpp"

namespace mw::models {
namespace {

// Calibrated: joint fit to NVIDIA aiconfigurator's measured tables (systems/data: nccl 2.29.2 on
// H100 and GB200, 2 to 8 ranks, 512 B to 512 MiB; TensorRT-LLM 1.3 custom all-reduce; TensorRT-LLM
// all-to-all on GB200, 2 to 64 ranks), soft-L1 on logarithms. H200 was kept back.
constexpr double reduce_share = 0.878;  // of the reachable link rate, large messages
constexpr double gather_share = 0.786;
constexpr double scatter_share = 0.761;
constexpr double exchange_share = 0.734;
constexpr double own_part = 0.367;       // cost of the rank's own part, as if sent at this rate
constexpr double ramp_time = 20.9e-6;    // s: filling the library's pipeline, reached gradually
constexpr double ramp_bytes = 3.83e6;    // half of it at this many bytes sent per rank
constexpr double direct_launch = 0.443;  // one-shot all-reduce: of the library's launch
constexpr double direct_hop = 0.133;     // of the library's hop, per peer
constexpr double direct_share = 0.615;   // of the reachable link rate
constexpr double one_sided_launch = 11.8e-6;  // s, each way
constexpr double one_sided_hop = 2.27e-6;     // s, per doubling of the ranks
constexpr double one_sided_share = 0.678;
constexpr double two_sided_launch = 10.8e-6;
constexpr double two_sided_hop = 0.589e-6;
constexpr double two_sided_share = 0.629;
constexpr double two_sided_copy = 1.77e-12;    // s per byte of a token's hidden vector in BF16
constexpr double prepare_launch = 11.0e-6;     // s: the exchange of counts, both ways
constexpr double prepare_hop = 0.729e-6;       // s, per doubling of the ranks
constexpr double prepare_per_token = 6.63e-9;  // s

// Assumed: beyond 8 ranks libraries leave the ring for trees or the switch's own reduction, whose
// steps grow with the logarithm; three steps a doubling meet the ring between 8 and 16 ranks.
double ring_steps(int ranks) {
  const double n = ranks;
  return std::min(n - 1, 3 * log2_of(n));
}

// Assumed: the share of the network's data-sheet rate that large messages reach, as in published
// training-step models (0.8 of specification).
constexpr double scale_out_share = 0.8;

struct Ring {
  double share;  // of the link
  double rounds;
};
constexpr Ring reduce_ring{reduce_share, 2}, gather_ring{gather_share, 1},
    scatter_ring{scatter_share, 1};

/// Inside one domain: `bytes` is the whole vector.
CollectiveCost inside(const Fabric& f, int ranks, double bytes, const Ring& ring) {
  if (ranks <= 1) return {};
  const double n = ranks;
  const double sent = ring.rounds * (n - 1) / n * bytes;  // by each rank
  const double share = ring.share / (1 + own_part / (n - 1));
  return {f.launch + ring.rounds * ring_steps(ranks) * f.hop,
          sent / (f.link * share) + ramp_time * sent / (sent + ramp_bytes), n * sent, 0};
}

/// Across domains, on rails: each of `rails` ranks of a domain works with its partners in the other
/// `domains` - 1 on its part of the vector.
CollectiveCost across(const Fabric& f, int domains, int rails, double bytes_per_rail,
                      double rounds) {
  if (domains <= 1) return {};
  const double m = domains;
  const double sent = rounds * (m - 1) / m * bytes_per_rail;
  return {f.launch + rounds * ring_steps(domains) * f.scale_out_hop,
          sent / (f.scale_out * scale_out_share), 0, m * rails * sent};
}

CollectiveCost operator+(CollectiveCost a, const CollectiveCost& b) {
  a.latency += b.latency;
  a.transfer += b.transfer;
  a.link_bytes += b.link_bytes;
  a.scale_out_bytes += b.scale_out_bytes;
  return a;
}

/// The same in each of `count` groups at once.
CollectiveCost in_parallel(CollectiveCost one, int count) {
  one.link_bytes *= count;
  one.scale_out_bytes *= count;
  return one;
}

struct Layout {
  int domains, in_domain;
};
Layout layout_of(const Fabric& f, int ranks) {
  const int domains = (ranks + f.domain - 1) / f.domain;
  return {domains, (ranks + domains - 1) / domains};
}

/// The mean number of the other `places` that hold one of `k` uniformly placed experts, of `all`.
double distinct(double places, double all, double k) {
  return places <= 0 ? 0 : places * (1 - sim::portable::pow(1 - 1 / all, k));
}

}  // namespace

Fabric fabric_of(const GpuParameters& gpu, int domain) {
  return {domain,
          gpu.link_bandwidth.value.value * gpu.link_factor.value,
          gpu.link_launch.value.value,
          gpu.link_hop.value.value,
          gpu.scale_out_bandwidth.value.value,
          gpu.scale_out_hop.value.value};
}

CollectiveCost all_reduce(const Fabric& f, int ranks, double bytes, Reduction kind) {
  if (ranks <= 1) return {};
  const auto [domains, g] = layout_of(f, ranks);
  if (domains > 1) {
    // Reduce-scatter inside, all-reduce of the parts on every rail, all-gather inside.
    return in_parallel(inside(f, g, bytes, scatter_ring), domains) +
           across(f, domains, g, bytes / g, 2) +
           in_parallel(inside(f, g, bytes, gather_ring), domains);
  }
  const CollectiveCost ring = inside(f, ranks, bytes, reduce_ring);
  if (kind == Reduction::ring) return ring;
  const double peers = ranks - 1;
  const CollectiveCost direct{direct_launch * f.launch + direct_hop * f.hop * peers,
                              peers * bytes / (f.link * direct_share), ranks * peers * bytes, 0};
  return direct.time() < ring.time() ? direct : ring;
}

CollectiveCost all_gather(const Fabric& f, int ranks, double bytes) {
  const auto [domains, g] = layout_of(f, ranks);
  return across(f, domains, g, bytes / g, 1) +
         in_parallel(inside(f, g, bytes, gather_ring), domains);
}

CollectiveCost reduce_scatter(const Fabric& f, int ranks, double bytes) {
  const auto [domains, g] = layout_of(f, ranks);
  return in_parallel(inside(f, g, bytes, scatter_ring), domains) +
         across(f, domains, g, bytes / g, 1);
}

CollectiveCost all_to_all(const Fabric& f, int ranks, double bytes) {
  if (ranks <= 1) return {};
  const auto [domains, g] = layout_of(f, ranks);
  const double n = ranks;
  const double near = bytes * (g - 1) / n;
  const double far = bytes * (domains - 1) * g / n;
  const double share = exchange_share / (1 + own_part / std::max(g - 1, 1));
  // Both paths work at once.
  const double on_links = near / (f.link * share) + ramp_time * near / (near + ramp_bytes);
  const double on_network = far > 0 ? far / (f.scale_out * scale_out_share) : 0;
  return {f.launch + f.hop + (domains > 1 ? f.scale_out_hop : 0), std::max(on_links, on_network),
          n * near, n * far};
}

CollectiveCost expert_exchange(const Fabric& f, const ExchangeLoad& load, ExpertExchange kind) {
  const int gpus = load.ranks * load.gpus_per_rank;
  if (gpus <= 1) return {};
  if (kind == ExpertExchange::all_gather) {
    return all_gather(f, gpus, gpus * load.tokens * load.bytes_out) +
           reduce_scatter(f, gpus, gpus * load.tokens * load.bytes_back);
  }
  if (load.ranks <= 1) return {};
  const bool one_sided = kind == ExpertExchange::one_sided;
  const double n = load.ranks;
  const auto [domains, gpus_in_domain] = layout_of(f, gpus);
  const double g = double(gpus_in_domain) / load.gpus_per_rank;
  const double k = load.experts_per_token;
  // Over the network a token goes once to each domain, and on from there over links.
  const double near = distinct(g - 1, n, k);
  const double forwarded = distinct((domains - 1) * g, n, k) * (g - 1) / g;
  const double far = distinct(domains - 1, domains, k);
  const double link_copies = (near + forwarded) * load.gpus_per_rank;

  CollectiveCost out;
  for (const double bytes : {load.bytes_out, load.bytes_back}) {
    const double on_links = link_copies * load.tokens * bytes;
    const double on_network = far * load.tokens * bytes;
    const double share = one_sided ? one_sided_share : two_sided_share;
    const double network_time = on_network > 0 ? on_network / (f.scale_out * scale_out_share) : 0.0;
    out.latency += (one_sided ? one_sided_launch + one_sided_hop * log2_of(n)
                              : two_sided_launch + two_sided_hop * log2_of(n)) +
                   (domains > 1 ? f.scale_out_hop : 0);
    out.transfer += std::max(on_links / (f.link * share), network_time);
    if (!one_sided) out.transfer += two_sided_copy * load.tokens * load.bytes_back;
    out.link_bytes += gpus * on_links;
    out.scale_out_bytes += gpus * on_network;
  }
  if (!one_sided) {
    out.latency += prepare_launch + prepare_hop * log2_of(n);
    out.transfer += prepare_per_token * load.tokens;
  }
  return out;
}

CollectiveCost hand_over(const Fabric& f, int senders, int distance, double bytes_per_sender) {
  const double bytes = senders * bytes_per_sender;
  if (distance < f.domain) {
    return {f.launch + f.hop, bytes_per_sender / (f.link * exchange_share), bytes, 0};
  }
  return {f.launch + f.scale_out_hop, bytes_per_sender / (f.scale_out * scale_out_share), 0, bytes};
}

}  // namespace mw::models
