#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <filesystem>

#include "sim/input_error.hpp"
#include "sim/io/hdf5.hpp"
#include "sim/io/hdf5_detail.hpp"

namespace mw::sim::h5 {
namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& problem,
                         const std::string& advice) {
  H5Eclear2(H5E_DEFAULT);
  throw InputError(file, 0, 0, problem, advice);
}

Handle held(hid_t id, const std::string& file, const std::string& what) {
  if (id < 0) refuse(file, fmt::format("{} is missing or damaged", what), "write the file again");
  return detail::own(id, file, "read");
}

struct Opened {
  Handle dataset, space, type;
  std::uint64_t elements;
};

Opened open_dataset(hid_t file, const std::string& where, const std::string& path) {
  Opened opened;
  opened.dataset = held(H5Dopen2(file, path.c_str(), H5P_DEFAULT), where, path);
  opened.space = held(H5Dget_space(*opened.dataset), where, path);
  opened.type = held(H5Dget_type(*opened.dataset), where, path);
  opened.elements = static_cast<std::uint64_t>(H5Sget_simple_extent_npoints(*opened.space));
  return opened;
}

template <class T>
std::vector<T> read_numbers(hid_t file, const std::string& where, const std::string& path) {
  const Opened from = open_dataset(file, where, path);
  std::vector<T> values(from.elements);
  if (values.empty()) return values;
  if (H5Dread(*from.dataset, detail::memory_type(type_of<T>), H5S_ALL, H5S_ALL, H5P_DEFAULT,
              values.data()) < 0)
    refuse(where, fmt::format("{} does not hold numbers, or is damaged", path),
           "write the file again");
  return values;
}

}  // namespace

Reader::Reader(const std::filesystem::path& path) : where_(path.string()) {
  detail::start_library();
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    refuse(where_, "there is no such file", "check the path");
  const hid_t id = H5Fopen(where_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id < 0)
    refuse(where_, "is not an HDF5 file that can be read", "name a file a run has written");
  id_ = detail::own(id, where_, "open");
}

bool Reader::has(const std::string& path) const {
  // Each part must be asked for by itself: the library answers only for the last of a path.
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (part != "/" && H5Lexists(*id_, part.c_str(), H5P_DEFAULT) <= 0) return false;
    if (end == std::string::npos) return true;
  }
}

std::vector<std::string> Reader::names(const std::string& group) const {
  const Handle opened = held(H5Gopen2(*id_, group.c_str(), H5P_DEFAULT), where_, group);
  std::vector<std::string> found;
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
    static_cast<std::vector<std::string>*>(to)->push_back(name);
    return 0;
  };
  if (H5Literate(*opened, H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, collect, &found) < 0)
    refuse(where_, fmt::format("{} cannot be listed", group), "write the file again");
  return found;
}

std::vector<std::uint64_t> Reader::shape(const std::string& dataset) const {
  const Opened from = open_dataset(*id_, where_, dataset);
  std::vector<hsize_t> sizes(static_cast<std::size_t>(H5Sget_simple_extent_ndims(*from.space)));
  H5Sget_simple_extent_dims(*from.space, sizes.data(), nullptr);
  return {sizes.begin(), sizes.end()};
}

std::vector<double> Reader::numbers(const std::string& dataset) const {
  return read_numbers<double>(*id_, where_, dataset);
}

std::vector<std::int64_t> Reader::integers(const std::string& dataset) const {
  return read_numbers<std::int64_t>(*id_, where_, dataset);
}

std::vector<std::string> Reader::texts(const std::string& dataset) const {
  const Opened from = open_dataset(*id_, where_, dataset);
  if (H5Tis_variable_str(*from.type) <= 0)
    refuse(where_, fmt::format("{} does not hold text", dataset), "write the file again");
  std::vector<char*> pointers(from.elements, nullptr);
  if (from.elements > 0 && H5Dread(*from.dataset, detail::memory_type(Type::text), H5S_ALL, H5S_ALL,
                                   H5P_DEFAULT, pointers.data()) < 0)
    refuse(where_, fmt::format("{} is damaged", dataset), "write the file again");
  std::vector<std::string> texts;
  for (const char* text : pointers) texts.emplace_back(text == nullptr ? "" : text);
  if (from.elements > 0)
    H5Dvlen_reclaim(detail::memory_type(Type::text), *from.space, H5P_DEFAULT, pointers.data());
  return texts;
}

bool Reader::has_attribute(const std::string& object, const std::string& name) const {
  return H5Aexists_by_name(*id_, object.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

namespace {

bool single(hid_t attribute) {
  const Handle space = detail::own(H5Aget_space(attribute), "attribute", "read");
  return H5Sget_simple_extent_npoints(*space) == 1;
}

}  // namespace

std::string Reader::text_attribute(const std::string& object, const std::string& name) const {
  const std::string what = object + "@" + name;
  const Handle attribute = held(
      H5Aopen_by_name(*id_, object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), where_, what);
  const Handle type = held(H5Aget_type(*attribute), where_, what);
  if (!single(*attribute) || H5Tget_class(*type) != H5T_STRING || H5Tis_variable_str(*type) > 0)
    refuse(where_, fmt::format("{} is not text", what), "write the file again");
  std::string text(H5Tget_size(*type), '\0');
  if (H5Aread(*attribute, *type, text.data()) < 0)
    refuse(where_, fmt::format("{} is damaged", what), "write the file again");
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

double Reader::number_attribute(const std::string& object, const std::string& name) const {
  const std::string what = object + "@" + name;
  const Handle attribute = held(
      H5Aopen_by_name(*id_, object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), where_, what);
  double value = 0;
  if (!single(*attribute) || H5Aread(*attribute, H5T_NATIVE_DOUBLE, &value) < 0)
    refuse(where_, fmt::format("{} is not a number", what), "write the file again");
  return value;
}

}  // namespace mw::sim::h5
