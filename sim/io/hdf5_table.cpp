#include "sim/io/hdf5_table.hpp"

#include <fmt/format.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

#include "sim/io/hdf5_detail.hpp"

namespace mw::sim::h5 {

using detail::ensure;
using detail::own;

namespace {

std::uint64_t element_bytes(Type type) {
  switch (type) {
    case Type::f64:
    case Type::i64:
      return 8;
    case Type::f32:
    case Type::i32:
      return 4;
    case Type::text:
      return 16;  // in the file: length and place of the text in a heap
  }
  return 8;
}

/// Rows in a chunk, or in a block of rows: a power of two, so that blocks end where chunks do.
/// Chunks of a quarter megabyte compress well and are still cheap to read one by one.
std::uint64_t rows_within(std::uint64_t bytes, std::uint64_t row_bytes) {
  constexpr std::uint64_t most = 4096;
  return std::bit_floor(
      std::clamp<std::uint64_t>(bytes / std::max<std::uint64_t>(row_bytes, 1), 1, most));
}
constexpr std::uint64_t chunk_bytes = std::uint64_t{1} << 18;
constexpr std::uint64_t block_bytes = std::uint64_t{1} << 22;

}  // namespace

Table::Table(Group group, std::string dimension, std::optional<Label> coordinate, int deflate_level)
    : group_(std::move(group)),
      dimension_(std::move(dimension)),
      deflate_level_(deflate_level),
      has_coordinate_(coordinate.has_value()) {
  const std::string where = group_.where() + "/" + dimension_;
  if (coordinate) {
    add(dimension_, Type::f64, *coordinate, {});
    scale_ = columns_[0].id;
    ensure(H5DSset_scale(*scale_, dimension_.c_str()), where, "make the dimension");
    return;
  }
  // The netCDF-4 form of a dimension without values: a dataset of this name that is never written.
  Store empty{.id = {},
              .where = where,
              .type = Type::f32,
              .inner = {},
              .width = 1,
              .numbers = {},
              .texts = {}};
  scale_ = create(dimension_, empty);
  const std::string name =
      fmt::format("This is a netCDF dimension but not a netCDF variable. {:10}", 0);
  ensure(H5DSset_scale(*scale_, name.c_str()), where, "make the dimension");
}

Handle Table::create(const std::string& name, const Store& store) {
  std::vector<hsize_t> sizes{0}, most{H5S_UNLIMITED};
  for (const std::uint64_t size : store.inner) {
    sizes.push_back(size);
    most.push_back(size);
  }
  std::vector<hsize_t> chunk = sizes;
  const std::uint64_t bytes = store.width * element_bytes(store.type);
  chunk[0] = rows_within(chunk_bytes, bytes);
  for (hsize_t& size : chunk) size = std::max<hsize_t>(size, 1);

  const Handle creation = detail::creation_properties(H5P_DATASET_CREATE, store.where);
  detail::set_fill(*creation, store.type);
  ensure(H5Pset_chunk(*creation, static_cast<int>(chunk.size()), chunk.data()), store.where,
         "choose its chunks");
  H5Pset_shuffle(*creation);
  H5Pset_deflate(*creation, static_cast<unsigned>(deflate_level_));
  // The cache holds the chunk being filled and no other: memory stays flat with many datasets.
  const Handle access = own(H5Pcreate(H5P_DATASET_ACCESS), store.where, "create the dataset");
  H5Pset_chunk_cache(*access, 3, 2 * std::max<std::uint64_t>(chunk[0] * bytes, chunk_bytes), 1.0);
  const Handle space =
      own(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), most.data()), store.where,
          "create the dataset");
  return own(H5Dcreate2(group_.id(), name.c_str(), detail::file_type(store.type), *space,
                        H5P_DEFAULT, *creation, *access),
             store.where, "create the dataset");
}

std::size_t Table::add(const std::string& name, Type type, const Label& label,
                       const std::vector<Dimension>& inner) {
  if (block_rows_ != 0)
    throw std::logic_error(group_.where() + "/" + name + ": a column is added after the first row");
  Store store{.id = {},
              .where = group_.where() + "/" + name,
              .type = type,
              .inner = {},
              .width = 1,
              .numbers = {},
              .texts = {}};
  for (const Dimension& dimension : inner) {
    store.inner.push_back(dimension.size);
    store.width *= dimension.size;
  }
  store.id = create(name, store);
  detail::write_label(*store.id, label, store.where);
  if (scale_) {
    ensure(H5DSattach_scale(*store.id, *scale_, 0), store.where, "attach its dimensions");
    for (unsigned i = 0; i < inner.size(); ++i)
      ensure(H5DSattach_scale(*store.id, *inner[i].scale, i + 1), store.where,
             "attach its dimensions");
  }
  columns_.push_back(std::move(store));
  return columns_.size() - 1;
}

std::uint64_t Table::row_bytes() const {
  std::uint64_t bytes = 0;
  for (const Store& store : columns_) bytes += store.width * element_bytes(store.type);
  return bytes;
}

void Table::put_raw(std::size_t index, Type type, std::uint64_t count, const void* values) {
  Store& store = columns_.at(index);
  if (store.type != type || store.width != count || store.given != gathered_)
    throw std::logic_error(
        fmt::format("{}: {} elements given where a row has {}, twice, or of "
                    "another type",
                    store.where, count, store.width));
  ++store.given;
  if (type == Type::text) {
    const auto* texts = static_cast<const std::string*>(values);
    for (std::uint64_t i = 0; i < count; ++i) store.texts.push_back(detail::clean_utf8(texts[i]));
    return;
  }
  const auto* bytes = static_cast<const std::byte*>(values);
  store.numbers.insert(store.numbers.end(), bytes, bytes + count * element_bytes(type));
}

void Table::end_row() {
  for (const Store& store : columns_)
    if (store.given != gathered_ + 1)
      throw std::logic_error(store.where + ": a row ends without its value");
  if (block_rows_ == 0) block_rows_ = rows_within(block_bytes, row_bytes());
  ++gathered_;
  if (rows() % block_rows_ == 0) flush();
}

void Table::flush() {
  if (broken_)
    throw OutputError(group_.where(), "cannot write (an earlier write failed)",
                      "see the first message");
  if (gathered_ == 0) return;
  for (const Store& store : columns_)
    if (store.given != gathered_)
      throw std::logic_error(store.where + ": written out in the middle of a row");
  broken_ = true;
  for (Store& store : columns_) write(store);
  if (!has_coordinate_) {
    const hsize_t length = rows();
    ensure(H5Dset_extent(*scale_, &length), group_.where() + "/" + dimension_, "extend");
  }
  broken_ = false;
  written_ += gathered_;
  gathered_ = 0;
  for (Store& store : columns_) store.given = 0;
}

void Table::write(Store& store) {
  std::vector<hsize_t> start{written_}, count{gathered_}, extent{rows()};
  for (const std::uint64_t size : store.inner) {
    start.push_back(0);
    count.push_back(size);
    extent.push_back(size);
  }
  ensure(H5Dset_extent(*store.id, extent.data()), store.where, "extend");
  if (store.width > 0) {
    const int rank = static_cast<int>(count.size());
    const Handle file_space = own(H5Dget_space(*store.id), store.where, "write");
    ensure(H5Sselect_hyperslab(*file_space, H5S_SELECT_SET, start.data(), nullptr, count.data(),
                               nullptr),
           store.where, "write");
    const Handle memory_space =
        own(H5Screate_simple(rank, count.data(), nullptr), store.where, "write");
    const void* values = store.numbers.data();
    std::vector<const char*> pointers;
    if (store.type == Type::text) {
      for (const std::string& text : store.texts) pointers.push_back(text.c_str());
      values = pointers.data();
    }
    ensure(H5Dwrite(*store.id, detail::memory_type(store.type), *memory_space, *file_space,
                    H5P_DEFAULT, values),
           store.where, "write");
  }
  store.numbers.clear();
  store.texts.clear();
}

}  // namespace mw::sim::h5
