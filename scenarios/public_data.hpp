#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/catalog.hpp"
#include "sim/describe.hpp"

namespace mw::scenarios {

/// A public file that scenarios or tests can use; it is not shipped with Millwright.
struct PublicFile {
  std::string name;
  std::string text;
  std::string home;
  std::string path;
  std::string licence;
  std::string sha256;
  std::int64_t bytes = 0;
};
template <sim::Describes<PublicFile> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "Short name", .required = true});
  visit("text", self.text, About{.text = "What it holds", .required = true});
  visit("home", self.home, About{.text = "Where it is published", .required = true});
  visit("path", self.path,
        About{.text = "Where scenarios look for it below the data folder", .required = true});
  visit("licence", self.licence, About{.text = "Its terms", .required = true});
  visit("sha256", self.sha256, About{.text = "Checksum of the version tested", .required = true});
  visit("bytes", self.bytes, About{.text = "Its size", .min = 1, .required = true});
}

struct PublicData {
  std::vector<PublicFile> files;
};
template <sim::Describes<PublicData> Self>
void describe(Self& self, auto&& visit) {
  visit("files", self.files, sim::About{.text = "Files", .required = true});
}

/// The list that stands beside the catalog (scenarios/public_data.yaml).
PublicData public_data(const Catalog& catalog);

}  // namespace mw::scenarios
