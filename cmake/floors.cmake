# One library per floor. A floor sees its own headers and those of the floors below it, and no
# others: each floor's include directory is a folder that holds one link, named as the floor, to
# its sources. So `#include "models/..."` in sim/ does not compile.
#
#   add_floor(NAME [ON lower-floor] [LINKS library...])
function(add_floor name)
  cmake_parse_arguments(ARG "" "ON" "LINKS" ${ARGN})
  set(view ${CMAKE_BINARY_DIR}/floors/${name})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${name} ${view}/${name} SYMBOLIC)

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(MILLWRIGHT_CUDA)
    # A .cu file instantiates a step for the device; *_absent.cpp stands in where there is no CUDA.
    file(GLOB_RECURSE device_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cu)
    list(APPEND sources ${device_sources})
    list(FILTER sources EXCLUDE REGEX "_absent\\.cpp$")
  endif()
  if(sources)
    add_library(floor_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(floor_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(floor_${name} ${scope} ${view})
  if(ARG_ON)
    target_link_libraries(floor_${name} ${scope} floor_${ARG_ON})
  endif()
  if(ARG_LINKS)
    target_link_libraries(floor_${name} ${scope} ${ARG_LINKS})
  endif()
endfunction()
