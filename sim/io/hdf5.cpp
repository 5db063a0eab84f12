#include "sim/io/hdf5.hpp"

#include <fmt/format.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <limits>
#include <mutex>

#include "sim/io/hdf5_detail.hpp"
#include "sim/io/number.hpp"

namespace mw::sim::h5 {

namespace detail {

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    H5dont_atexit();
    H5open();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  });
}

namespace {

herr_t keep_last(unsigned, const H5E_error2_t* entry, void* to) {
  if (entry->desc != nullptr) *static_cast<std::string*>(to) = entry->desc;
  return 0;
}

/// The library words a failed system call as `..., errno = 28, error message = 'No space left on
/// device', buf = ...`; what people need is the message.
std::string brief(const std::string& description) {
  const std::string mark = "error message = '";
  const auto begin = description.find(mark);
  if (begin == std::string::npos) return description;
  const auto from = begin + mark.size();
  return description.substr(from, description.find('\'', from) - from);
}

}  // namespace

void fail(const std::string& where, const std::string& action) {
  std::string innermost;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_last, &innermost);
  H5Eclear2(H5E_DEFAULT);
  const std::string why = brief(innermost);
  throw OutputError(where,
                    fmt::format("cannot {} ({})", action, why.empty() ? "no reason given" : why),
                    "check free space, quota and permissions of the folder");
}

Handle own(hid_t id, const std::string& where, const std::string& action) {
  if (id < 0) fail(where, action);
  return Handle(new std::int64_t(id), [](const std::int64_t* held) {
    H5Idec_ref(*held);
    H5Eclear2(H5E_DEFAULT);
    delete held;
  });
}

hid_t memory_type(Type type) {
  // Variable-length text has a type of its own; made once and kept for the life of the program.
  static const hid_t text = [] {
    const hid_t made = H5Tcopy(H5T_C_S1);
    H5Tset_size(made, H5T_VARIABLE);
    H5Tset_cset(made, H5T_CSET_UTF8);
    return made;
  }();
  switch (type) {
    case Type::f64:
      return H5T_NATIVE_DOUBLE;
    case Type::f32:
      return H5T_NATIVE_FLOAT;
    case Type::i64:
      return H5T_NATIVE_INT64;
    case Type::i32:
      return H5T_NATIVE_INT32;
    case Type::text:
      break;
  }
  return text;
}

hid_t file_type(Type type) {
  switch (type) {
    case Type::f64:
      return H5T_IEEE_F64LE;
    case Type::f32:
      return H5T_IEEE_F32LE;
    case Type::i64:
      return H5T_STD_I64LE;
    case Type::i32:
      return H5T_STD_I32LE;
    case Type::text:
      break;
  }
  return memory_type(type);
}

void set_fill(hid_t creation, Type type) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::int64_t unknown = -1;
  if (type == Type::f64 || type == Type::f32) H5Pset_fill_value(creation, H5T_NATIVE_DOUBLE, &nan);
  if (type == Type::i64 || type == Type::i32)
    H5Pset_fill_value(creation, H5T_NATIVE_INT64, &unknown);
}

Handle creation_properties(hid_t kind, const std::string& where) {
  Handle made = own(H5Pcreate(kind), where, "prepare an object");
  H5Pset_attr_creation_order(*made, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  if (kind == H5P_DATASET_CREATE) {
    H5Pset_obj_track_times(*made, false);
  } else {
    H5Pset_link_creation_order(*made, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    // H5P_FILE_CREATE makes the root group, which would otherwise hold the second it was made in.
    if (kind == H5P_GROUP_CREATE || kind == H5P_FILE_CREATE) H5Pset_obj_track_times(*made, false);
  }
  return made;
}

namespace {

void write_attribute(hid_t object, const std::string& name, hid_t stored, hid_t held,
                     const void* value, const std::string& where) {
  const std::string action = fmt::format("write the attribute {}", name);
  if (H5Aexists(object, name.c_str()) > 0) ensure(H5Adelete(object, name.c_str()), where, action);
  const Handle space = own(H5Screate(H5S_SCALAR), where, action);
  const Handle attribute = own(
      H5Acreate2(object, name.c_str(), stored, *space, H5P_DEFAULT, H5P_DEFAULT), where, action);
  ensure(H5Awrite(*attribute, held, value), where, action);
}

}  // namespace

void write_text_attribute(hid_t object, const std::string& name, std::string_view text,
                          const std::string& where) {
  const std::string clean = clean_utf8(text);
  const Handle type = own(H5Tcopy(H5T_C_S1), where, "prepare an attribute");
  // Of fixed length, without a closing zero: read as plain text everywhere (a netCDF "char").
  H5Tset_size(*type, clean.empty() ? 1 : clean.size());
  H5Tset_strpad(*type, H5T_STR_NULLPAD);
  H5Tset_cset(*type, H5T_CSET_UTF8);
  write_attribute(object, name, *type, *type, clean.c_str(), where);
}

void write_label(hid_t object, const Label& label, const std::string& where) {
  write_text_attribute(object, "units", label.units.empty() ? "1" : label.units, where);
  write_text_attribute(object, "long_name", label.long_name, where);
  for (const auto& [name, text] : label.attributes) write_text_attribute(object, name, text, where);
}

std::string clean_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const unsigned first = byte(at);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    bool valid = length > 0 && first != 0 && at + length <= text.size();
    for (std::size_t i = 1; valid && i < length; ++i) valid = (byte(at + i) & 0xC0U) == 0x80;
    if (valid && length > 2) {  // overlong forms, surrogates, beyond U+10FFFF
      const unsigned second = byte(at + 1);
      valid = !(first == 0xE0 && second < 0xA0) && !(first == 0xED && second >= 0xA0) &&
              !(first == 0xF0 && second < 0x90) && !(first == 0xF4 && second >= 0x90);
    }
    if (valid) {
      clean += text.substr(at, length);
      at += length;
    } else {
      clean += "\xEF\xBF\xBD";
      ++at;
    }
  }
  return clean;
}

}  // namespace detail

using detail::ensure;
using detail::own;

Label utc_seconds_since(std::int64_t unix_ns, std::string long_name) {
  return {"seconds since " + format_time_stamp(unix_ns),
          std::move(long_name),
          {{"standard_name", "time"}, {"calendar", "standard"}, {"axis", "T"}}};
}

Dataset::Dataset(Handle id, std::string where, Type type, std::uint64_t elements)
    : id_(std::move(id)), where_(std::move(where)), type_(type), elements_(elements) {}

void Dataset::write_raw(Type type, std::uint64_t count, const void* values) {
  if (type != type_ || count != elements_)
    throw std::logic_error(fmt::format("{}: {} elements given where {} stand, or of another type",
                                       where_, count, elements_));
  if (count == 0) return;
  if (type != Type::text) {
    ensure(H5Dwrite(*id_, detail::memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, values), where_,
           "write");
    return;
  }
  const auto* texts = static_cast<const std::string*>(values);
  std::vector<std::string> clean;
  for (std::uint64_t i = 0; i < count; ++i) clean.push_back(detail::clean_utf8(texts[i]));
  std::vector<const char*> pointers;
  for (const std::string& text : clean) pointers.push_back(text.c_str());
  ensure(H5Dwrite(*id_, detail::memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()),
         where_, "write");
}

void Dataset::attribute(const std::string& name, std::string_view text) {
  detail::write_text_attribute(*id_, name, text, where_);
}
void Dataset::attribute(const std::string& name, double value) {
  detail::write_attribute(*id_, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value, where_);
}

Group::Group(Handle id, std::string where) : id_(std::move(id)), where_(std::move(where)) {}

Group Group::group(const std::string& name) const {
  const std::string inner = where_ + "/" + name;
  const Handle creation = detail::creation_properties(H5P_GROUP_CREATE, inner);
  return Group(own(H5Gcreate2(*id_, name.c_str(), H5P_DEFAULT, *creation, H5P_DEFAULT), inner,
                   "create the group"),
               inner);
}

void Group::attribute(const std::string& name, std::string_view text) const {
  detail::write_text_attribute(*id_, name, text, where_);
}
void Group::attribute(const std::string& name, std::int64_t value) const {
  detail::write_attribute(*id_, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value, where_);
}
void Group::attribute(const std::string& name, double value) const {
  detail::write_attribute(*id_, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value, where_);
}

namespace {

Handle create_fixed(const Group& group, const std::string& name, Type type,
                    const std::vector<hsize_t>& sizes, const Label& label) {
  const std::string where = group.where() + "/" + name;
  const Handle creation = detail::creation_properties(H5P_DATASET_CREATE, where);
  detail::set_fill(*creation, type);
  const Handle space =
      own(sizes.empty() ? H5Screate(H5S_SCALAR)
                        : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
          where, "create the dataset");
  Handle id = own(H5Dcreate2(group.id(), name.c_str(), detail::file_type(type), *space, H5P_DEFAULT,
                             *creation, H5P_DEFAULT),
                  where, "create the dataset");
  detail::write_label(*id, label, where);
  return id;
}

template <class T>
Dimension make_dimension(const Group& group, const std::string& name, const std::vector<T>& values,
                         const Label& label) {
  const std::string where = group.where() + "/" + name;
  Handle id = create_fixed(group, name, type_of<T>, {values.size()}, label);
  Dataset(id, where, type_of<T>, values.size()).write(values);
  ensure(H5DSset_scale(*id, name.c_str()), where, "make the dimension");
  return {name, values.size(), std::move(id)};
}

}  // namespace

Dimension Group::dimension(const std::string& name, const std::vector<std::string>& names,
                           const Label& label) const {
  return make_dimension(*this, name, names, label);
}

Dimension Group::dimension(const std::string& name, const std::vector<double>& values,
                           const Label& label) const {
  return make_dimension(*this, name, values, label);
}

Dataset Group::create(const std::string& name, Type type, const Label& label,
                      const std::vector<Dimension>& dimensions) const {
  std::vector<hsize_t> sizes;
  std::uint64_t elements = 1;
  for (const Dimension& dimension : dimensions) {
    sizes.push_back(dimension.size);
    elements *= dimension.size;
  }
  Handle id = create_fixed(*this, name, type, sizes, label);
  const std::string where = where_ + "/" + name;
  for (unsigned i = 0; i < dimensions.size(); ++i)
    ensure(H5DSattach_scale(*id, *dimensions[i].scale, i), where, "attach its dimensions");
  return Dataset(std::move(id), where, type, elements);
}

}  // namespace mw::sim::h5
