# Finds the tests and names them; cmake/K2Test.cmake knows how to make them.
#   tests/unit/<room>/*_test.c   label unit (and thread: *_thread_test.c)
#   tests/prop/*_test.c          label prop
#   tests/crash/*_test.c         label crash
#   tests/e2e/*.sh, *.py         label e2e
#   tests/judge/*.py             label judge, outside readers of what k2 wrote
#   tests/services/*.sh, *.py    label services: with real servers (make test-services)
#   tests/services/campaign/*.sh label campaign: the same, and minutes long
#   tests/fuzz/*_fuzz.c          label fuzz-replay
#   bench/*.c                    programs only, for make bench
#   tests/judge/*.c              programs that the judges drive (K2_HELPERS)
#   tests/support/*.c, tests/crash/disk.c   linked to every C test
# Included by the top CMakeLists.txt.
enable_testing()
set(here ${CMAKE_SOURCE_DIR}/tests)

# make demo does not install cmocka; make test demands it with K2_TESTS=ON.
set(K2_TESTS AUTO CACHE STRING "ON: build the tests; OFF: do not; AUTO: if cmocka is there")
set(k2_tests ${K2_TESTS})
if(K2_FUZZ)
  set(k2_tests OFF)
endif()
if(k2_tests)
  # cmocka runs the tests in C; libavro is the oracle of the Avro codec.
  pkg_check_modules(cmocka IMPORTED_TARGET cmocka avro-c)
  if(NOT cmocka_FOUND AND NOT K2_TESTS STREQUAL "AUTO")
    message(FATAL_ERROR "cmocka is missing: run tools/bootstrap.sh --with-tests")
  elseif(NOT cmocka_FOUND)
    message(STATUS "cmocka is missing: tests in C are not built")
    set(k2_tests OFF)
  endif()
endif()

# The groups exist even when they are empty, so that a script can ask for them.
k2_group("" unit prop crash thread fuzz bench judge)

if(k2_tests)
  file(GLOB support CONFIGURE_DEPENDS ${here}/support/*.c ${here}/crash/*.c)
  list(FILTER support EXCLUDE REGEX "_test\\.c$")
  if(support)
    add_library(k2_testing STATIC ${support})
    set(how PUBLIC)
  else()
    add_library(k2_testing INTERFACE)
    set(how INTERFACE)
  endif()
  target_include_directories(k2_testing ${how} ${here} ${here}/support)
  target_link_libraries(k2_testing ${how} PkgConfig::cmocka k2core)

  foreach(kind IN ITEMS unit prop crash)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${here}/${kind}/*_test.c)
    foreach(file IN LISTS files)
      file(RELATIVE_PATH name ${here}/${kind} ${file})
      string(REGEX REPLACE "_test\\.c$" "" name ${name})
      set(labels ${kind})
      if(kind STREQUAL "unit")
        if(name MATCHES "_thread$")
          list(APPEND labels thread)
        endif()
      else()
        set(name ${kind}/${name})
      endif()
      k2_test(FILE ${file} NAME ${name} LABELS ${labels})
    endforeach()
  endforeach()
endif()

file(GLOB files CONFIGURE_DEPENDS ${here}/fuzz/*_fuzz.c)
foreach(file IN LISTS files)
  k2_fuzz(FILE ${file})
endforeach()

# Programs in a folder of the build tree of their own: benches, and what judges drive.
function(k2_programs folder group)
  foreach(file IN LISTS ARGN)
    cmake_path(GET file STEM name)
    add_executable(${folder}-${name} EXCLUDE_FROM_ALL ${file})
    set_target_properties(${folder}-${name} PROPERTIES OUTPUT_NAME ${name}
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${folder})
    target_include_directories(${folder}-${name} PRIVATE ${here})
    target_link_libraries(${folder}-${name} PRIVATE k2core)
    k2_group(${folder}-${name} ${group})
  endforeach()
endfunction()

file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.c)
k2_programs(bench bench ${files})
file(GLOB files CONFIGURE_DEPENDS ${here}/judge/*.c)
k2_programs(helpers judge ${files})

if(NOT K2_FUZZ)
  file(GLOB files CONFIGURE_DEPENDS ${here}/e2e/*.sh)
  foreach(file IN LISTS files)
    cmake_path(GET file STEM name)
    k2_add_test(FILE ${file} NAME e2e/${name} LABELS e2e COMMAND bash ${file})
  endforeach()
  file(GLOB files CONFIGURE_DEPENDS ${here}/e2e/*.py)
  foreach(file IN LISTS files)
    cmake_path(GET file STEM name)
    k2_add_test(FILE ${file} NAME e2e/${name} LABELS e2e COMMAND python3 ${file})
  endforeach()

  file(GLOB files CONFIGURE_DEPENDS ${here}/services/*.sh)
  foreach(file IN LISTS files)
    cmake_path(GET file STEM name)
    k2_add_test(FILE ${file} NAME services/${name} LABELS services COMMAND bash ${file})
  endforeach()
  file(GLOB files CONFIGURE_DEPENDS ${here}/services/campaign/*.sh)
  foreach(file IN LISTS files)
    cmake_path(GET file STEM name)
    k2_add_test(FILE ${file} NAME campaign/${name} LABELS campaign COMMAND bash ${file})
  endforeach()
  file(GLOB files CONFIGURE_DEPENDS ${here}/services/*.py)
  foreach(file IN LISTS files)
    cmake_path(GET file STEM name)
    k2_add_test(FILE ${file} NAME services/${name} LABELS services
                COMMAND ${CMAKE_SOURCE_DIR}/.deps/venv/bin/python ${file})
  endforeach()

  # A file whose name starts with "_" is a module that the judges share.
  file(GLOB files CONFIGURE_DEPENDS ${here}/judge/[a-z0-9]*.py)
  foreach(file IN LISTS files)
    cmake_path(GET file STEM name)
    k2_add_test(FILE ${file} NAME judge/${name} LABELS judge
                COMMAND ${CMAKE_SOURCE_DIR}/.deps/venv/bin/python ${file})
  endforeach()
endif()
