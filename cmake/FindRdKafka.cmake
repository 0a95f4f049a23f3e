# librdkafka as tools/bootstrap.sh fetches it. Only the header is needed to build: librdkafka.so.1 is opened at run
# time (dlopen), by who keeps his journal on Kafka.
# Sets RdKafka_LIBRARY_DIR and the target RdKafka::header.
set(K2_RDKAFKA_ROOT ${CMAKE_SOURCE_DIR}/.deps/kafka CACHE PATH
    "folder with include/librdkafka/rdkafka.h and lib/librdkafka.so.1")
find_path(RdKafka_INCLUDE_DIR librdkafka/rdkafka.h PATHS ${K2_RDKAFKA_ROOT}/include NO_DEFAULT_PATH)
set(RdKafka_LIBRARY_DIR ${K2_RDKAFKA_ROOT}/lib)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(RdKafka REQUIRED_VARS RdKafka_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run tools/bootstrap.sh, or set K2_RDKAFKA_ROOT")

if(RdKafka_FOUND AND NOT TARGET RdKafka::header)
  add_library(RdKafka::header INTERFACE IMPORTED)
  set_target_properties(RdKafka::header PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES ${RdKafka_INCLUDE_DIR})
endif()
mark_as_advanced(RdKafka_INCLUDE_DIR)
