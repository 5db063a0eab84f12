find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(Eigen3 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost REQUIRED)

# Debian names the serial HDF5 library in pkg-config only, and there without its high-level part,
# which we need for dimension scales.
find_package(PkgConfig REQUIRED)
pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5)
find_library(HDF5_HL hdf5_hl HINTS ${HDF5_LIBRARY_DIRS} REQUIRED)
target_link_libraries(PkgConfig::HDF5 INTERFACE ${HDF5_HL})
add_library(hdf5::c ALIAS PkgConfig::HDF5)
