#include "analysis/checkpoint.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "sim/archive.hpp"
#include "sim/input_error.hpp"
#include "sim/output_error.hpp"

namespace mw::analysis {
namespace {

struct Checkpoint {
  std::string scenario;
  std::uint64_t traces = 0;
  models::SiteState state;
};
template <sim::Describes<Checkpoint> Self>
void describe(Self& self, auto&& visit) {
  visit("scenario", self.scenario, sim::About{.text = "The resolved scenario"});
  visit("traces", self.traces, sim::About{.text = "Fingerprint of the traces it replays"});
  visit("state", self.state, sim::About{.text = "The site"});
}

/// The state points into traces by row; the scenario only names them.
std::uint64_t traces_of(const models::SiteParameters& site) {
  sim::TraceHash hash;
  for (const auto& service : site.services) {
    if (!service.front.trace) continue;
    hash.word(service.front.trace->rows.size());
    for (const auto& row : service.front.trace->rows) {
      hash.word(static_cast<std::uint64_t>(row.t));
      hash.word(static_cast<std::uint64_t>(row.prompt_tokens));
      hash.word(static_cast<std::uint64_t>(row.output_tokens));
    }
  }
  return hash.value;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const std::string& scenario,
                      const models::SiteParameters& site, const models::SiteState& state) {
  const auto bytes = sim::save(Checkpoint{scenario, traces_of(site), state});
  const std::filesystem::path part = path.string() + ".part";
  errno = 0;
  std::ofstream out(part, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  out.close();
  std::error_code failure;
  if (!out) {
    const std::string why = errno ? std::strerror(errno) : "unknown reason";
    std::filesystem::remove(part, failure);
    throw sim::OutputError(path.string(), "the checkpoint cannot be written (" + why + ")",
                           "check the folder and the room on the disk");
  }
  std::filesystem::rename(part, path, failure);
  if (failure)
    throw sim::OutputError(path.string(),
                           "the checkpoint cannot be put in place (" + failure.message() + ")",
                           "check the folder");
}

models::SiteState read_checkpoint(const std::filesystem::path& path, const std::string& scenario,
                                  const models::SiteParameters& site) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw sim::InputError(path.string(), 0, 0, "the checkpoint cannot be opened",
                          "give the file that `--checkpoint` wrote");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  Checkpoint checkpoint;
  try {
    sim::load(checkpoint, std::as_bytes(std::span(text.data(), text.size())));
  } catch (const sim::ArchiveError& e) {
    throw sim::InputError(path.string(), 0, 0, e.what(),
                          "start the run anew, or give another checkpoint");
  }
  if (checkpoint.scenario != scenario)
    throw sim::InputError(path.string(), 0, 0, "the checkpoint is of another scenario",
                          "resume with the scenario, catalog and --set values it was written with");
  if (checkpoint.traces != traces_of(site))
    throw sim::InputError(path.string(), 0, 0, "a trace has changed since the checkpoint",
                          "put the trace back that it was written with, or start the run anew");
  return std::move(checkpoint.state);
}

}  // namespace mw::analysis
