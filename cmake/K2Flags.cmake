# Compiler flags, all of them in the interface target k2_flags.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
# Ours are -O3 -g, with NDEBUG left out: an assertion that holds costs little.
set(CMAKE_C_FLAGS_RELEASE "-O3 -g" CACHE STRING "" FORCE)
set(CMAKE_C_FLAGS_DEBUG "-O0 -g3" CACHE STRING "" FORCE)

option(K2_WERROR "treat warnings as errors" ON)
set(K2_SANITIZE "" CACHE STRING "list for -fsanitize, as address,undefined")
option(K2_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)
# v2 is every x86-64 machine since about 2009; "native" is for this one only.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(k2_default_arch x86-64-v2)
else()
  set(k2_default_arch "")
endif()
set(K2_ARCH "${k2_default_arch}" CACHE STRING "value of -march; empty: the compiler's own")

add_library(k2_flags INTERFACE)
target_compile_definitions(k2_flags INTERFACE _GNU_SOURCE)
target_compile_options(k2_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith
  # clang counts ASSERT(!"what happened") as a conversion.
  $<$<C_COMPILER_ID:Clang>:-Wno-string-conversion>
  $<$<BOOL:${K2_WERROR}>:-Werror>
  -ffunction-sections -fdata-sections -fno-omit-frame-pointer)
if(K2_ARCH)
  target_compile_options(k2_flags INTERFACE -march=${K2_ARCH})
endif()
target_link_options(k2_flags INTERFACE
  LINKER:--as-needed LINKER:-z,relro,-z,now)

# Needs optimisation, and would hide overflows from the address sanitizer.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT K2_SANITIZE)
  target_compile_options(k2_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

if(K2_SANITIZE)
  target_compile_options(k2_flags INTERFACE
    -fsanitize=${K2_SANITIZE} -fno-sanitize-recover=all -O1)
  target_link_options(k2_flags INTERFACE -fsanitize=${K2_SANITIZE})
endif()
if(K2_FUZZ)
  # Coverage marks everywhere; only the fuzz targets get libFuzzer's main.
  target_compile_options(k2_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
