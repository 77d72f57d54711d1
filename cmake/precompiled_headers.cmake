# The standard headers that most files include, parsed once per preset: reading them takes half of a small file's compile
# time. For clang alone, so for preset asan: gcc 12 gains little, and warns of what it no longer knows to be a system
# header's. Its builds show what a file forgot to include itself.
# Not <filesystem>: it brings std::quoted, which argument-dependent lookup would prefer to ours.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
endif()
set(mlops_standard_headers <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <cstring>
  <functional> <map> <memory> <mutex> <optional> <span> <string> <string_view> <thread> <unordered_map> <utility>
  <variant> <vector>)

# mlops_share_headers(mlops_headers HEADERS <vector> OPTIONS -O0) makes a target to reuse from; one file gives it something
# to compile. Targets that reuse it must compile with the same options.
function(mlops_share_headers target)
  cmake_parse_arguments(ARG "" "" "HEADERS;OPTIONS;LIBS" ${ARGN})
  set(empty ${PROJECT_BINARY_DIR}/generated/${target}.cc)
  file(CONFIGURE OUTPUT ${empty} CONTENT "")
  add_library(${target} OBJECT ${empty})
  target_compile_options(${target} PRIVATE ${ARG_OPTIONS})
  target_link_libraries(${target} PRIVATE mlops_warnings ${ARG_LIBS})
  target_precompile_headers(${target} PRIVATE ${ARG_HEADERS})
endfunction()

mlops_share_headers(mlops_headers HEADERS ${mlops_standard_headers} LIBS Threads::Threads)
