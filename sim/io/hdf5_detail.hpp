#pragma once
#include <hdf5.h>

#include <string>
#include <string_view>

#include "sim/io/hdf5.hpp"

// Shared by the files that speak to the HDF5 library; not for others.
namespace mw::sim::h5::detail {

/// Quiet error reporting (failures become OutputErrors) and no clean-up at exit, which would try
/// again to write files whose disk is full. Called before anything else.
void start_library();

/// Throws OutputError with the library's own reason.
[[noreturn]] void fail(const std::string& where, const std::string& action);

/// Takes over an identifier the library returned; fails on a negative one.
Handle own(hid_t id, const std::string& where, const std::string& action);

inline void ensure(herr_t result, const std::string& where, const std::string& action) {
  if (result < 0) fail(where, action);
}

hid_t file_type(Type type);    // as stored
hid_t memory_type(Type type);  // as held here

/// What a dataset of this type reads as before it is written.
void set_fill(hid_t creation, Type type);

/// Creation properties that no clock of this machine enters, children in order of creation.
Handle creation_properties(hid_t kind, const std::string& where);

void write_label(hid_t object, const Label& label, const std::string& where);
void write_text_attribute(hid_t object, const std::string& name, std::string_view text,
                          const std::string& where);

/// The text with what is not UTF-8 (or is a zero byte) replaced by U+FFFD: one bad byte would make
/// the whole file unreadable to others.
std::string clean_utf8(std::string_view text);

}  // namespace mw::sim::h5::detail
