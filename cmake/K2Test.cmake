# k2_test(FILE x_test.c NAME room/x LABELS ...)       a cmocka program
# k2_script_test(FILE x.sh NAME e2e/x LABELS ... COMMAND ...)  a script
# k2_fuzz(FILE x_fuzz.c)                              a fuzz target
#
# Exit code 77 means "skipped" in every test. A test file may say, anywhere in
# its first lines,
#     k2-test: timeout=300 serial
# to get another limit than 120 s, or to run with no other test beside it.
set(K2_TEST_TIMEOUT 120 CACHE STRING "seconds a test may take")
set(K2_SHARED_DATA ${CMAKE_SOURCE_DIR}/../shared/data CACHE PATH
    "folder of recorded market data; tests that need it skip without it")
cmake_path(NORMAL_PATH K2_SHARED_DATA)

set(k2_test_env
    K2_SHARED_DATA=${K2_SHARED_DATA}
    K2_SOURCE=${CMAKE_SOURCE_DIR}
    K2_BIN=${CMAKE_BINARY_DIR}/bin/k2
    K2_LIB=${CMAKE_BINARY_DIR}/lib/libk2.so
    K2_HELPERS=${CMAKE_BINARY_DIR}/helpers
    K2_DUCKDB_EXT=${K2_DUCKDB_ROOT}/ext
    PYTHONPATH=${CMAKE_SOURCE_DIR}/clients/python
    PYTHONDONTWRITEBYTECODE=1
    ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
    UBSAN_OPTIONS=print_stacktrace=1
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp)

# Registers a test that has been built, with what all kinds have in common.
function(k2_add_test)
  cmake_parse_arguments(t "" "FILE;NAME" "LABELS;COMMAND" ${ARGN})
  add_test(NAME ${t_NAME} COMMAND ${t_COMMAND})
  set(timeout ${K2_TEST_TIMEOUT})
  set(serial OFF)
  file(STRINGS ${t_FILE} wish LIMIT_INPUT 4096 REGEX "k2-test:")
  if(wish MATCHES "timeout=([0-9]+)")
    set(timeout ${CMAKE_MATCH_1})
  endif()
  if(wish MATCHES "serial")
    set(serial ON)
  endif()
  set_tests_properties(${t_NAME} PROPERTIES
    LABELS "${t_LABELS}" TIMEOUT ${timeout} RUN_SERIAL ${serial}
    SKIP_RETURN_CODE 77 ENVIRONMENT "${k2_test_env}")
  # The wish is read at configure time: a changed file asks for a new one.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${t_FILE})
endfunction()

# One target per label builds all tests of that label: tests-unit, ...
function(k2_group target)
  foreach(label IN LISTS ARGN)
    if(NOT TARGET tests-${label})
      add_custom_target(tests-${label})
    endif()
    if(target)
      add_dependencies(tests-${label} ${target})
    endif()
  endforeach()
endfunction()

function(k2_test)
  cmake_parse_arguments(t "" "FILE;NAME" "LABELS" ${ARGN})
  list(GET t_LABELS 0 kind)
  string(REPLACE "/" "_" target "${t_NAME}_test")
  # The kind goes in front, so that no two targets share a name.
  if(NOT target MATCHES "^${kind}_")
    set(target ${kind}_${target})
  endif()
  add_executable(${target} ${t_FILE})
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${target} PRIVATE k2_testing k2core)
  k2_group(${target} ${t_LABELS})
  k2_add_test(FILE ${t_FILE} NAME ${t_NAME} LABELS ${t_LABELS} COMMAND ${target})
endfunction()

function(k2_fuzz)
  cmake_parse_arguments(t "" "FILE" "" ${ARGN})
  cmake_path(GET t_FILE STEM target)
  string(REGEX REPLACE "_fuzz$" "" name ${target})
  add_executable(${target} ${t_FILE})
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE k2core)
  # libFuzzer declares the entry point nowhere. (A file's options come after
  # its target's, so this one wins.)
  set_source_files_properties(${t_FILE} PROPERTIES COMPILE_OPTIONS -Wno-missing-prototypes)
  k2_group(${target} fuzz)
  if(K2_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    return()
  endif()
  # Elsewhere the same function runs over the corpus: old finds stay fixed.
  target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.c)
  k2_add_test(FILE ${t_FILE} NAME fuzz/${name} LABELS fuzz-replay
              COMMAND ${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
endfunction()
