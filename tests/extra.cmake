# Tests that are not one program per floor. Those labelled `long` run with `./millwright test --all`.
set(PYTHON /usr/bin/python3)  # apt-get's own: its packages are not seen by another on PATH

function(add_pytest name)
  add_test(NAME ${name} COMMAND ${PYTHON} -m pytest -q -p no:cacheprovider -rs
           ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT
    "PYTHONDONTWRITEBYTECODE=1;PYTHONPATH=${CMAKE_SOURCE_DIR}/python-out;MILLWRIGHT_BINARY_DIR=${CMAKE_BINARY_DIR}")
endfunction()

# A script that cannot do its work here (no clang, no nvcc) says so and exits 77 or 0.
function(add_long_script name)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS long SKIP_RETURN_CODE 77)
endfunction()

add_pytest(docs)
add_pytest(house)
add_pytest(python)
add_long_script(format ${CMAKE_CURRENT_SOURCE_DIR}/house/check_format.sh)
if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/cuda/check_headers.sh)
  add_long_script(cuda/headers bash ${CMAKE_CURRENT_SOURCE_DIR}/cuda/check_headers.sh)
endif()
if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/run.sh)
  # four targets: a minute and a half in all
  add_long_script(fuzz bash ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/run.sh 20)
endif()
