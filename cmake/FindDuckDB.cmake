# DuckDB as tools/bootstrap.sh fetches it. Only the header is needed to build:
# libduckdb.so is opened at run time (dlopen), by the verbs that need it.
# Sets DuckDB_LIBRARY_DIR and the target DuckDB::header.
set(K2_DUCKDB_ROOT ${CMAKE_SOURCE_DIR}/.deps/duckdb CACHE PATH
    "folder with include/duckdb.h and lib/libduckdb.so")
find_path(DuckDB_INCLUDE_DIR duckdb.h PATHS ${K2_DUCKDB_ROOT}/include NO_DEFAULT_PATH)
set(DuckDB_LIBRARY_DIR ${K2_DUCKDB_ROOT}/lib)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DuckDB REQUIRED_VARS DuckDB_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run tools/bootstrap.sh, or set K2_DUCKDB_ROOT")

if(DuckDB_FOUND AND NOT TARGET DuckDB::header)
  add_library(DuckDB::header INTERFACE IMPORTED)
  set_target_properties(DuckDB::header PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES ${DuckDB_INCLUDE_DIR})
endif()
mark_as_advanced(DuckDB_INCLUDE_DIR)
