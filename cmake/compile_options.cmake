# Flags for our own code only; dependencies are system headers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
# Development builds keep assertions: a broken invariant should stop a test, not skew it.
# Lines and functions only: full debug information takes a third of the compile time.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  # What ccache asks for to share objects that use a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
  add_compile_options("$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endif()
# Presets dev, asan and tsan, and the wheel, compile files of a folder together: it halves the time of a build from
# nothing, as headers and templates are then compiled once for several files. Preset release compiles each alone, and so
# shows what a file forgot to include.
set(CMAKE_UNITY_BUILD_BATCH_SIZE 6)
find_package(Threads REQUIRED)

add_library(mlops_warnings INTERFACE)
target_compile_options(mlops_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
# clang's -Wconversion has it, gcc's has it not for C++: both ask the same of the code.
target_compile_options(mlops_warnings INTERFACE -Wno-sign-conversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # At -O3 gcc 12 sees overlaps in literal + std::string that cannot be (GCC bug 105651, fixed in 13).
  target_compile_options(mlops_warnings INTERFACE -Wno-restrict)
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # gcc warns of classes with members from an anonymous namespace unless it is the main file's; here it never is.
  target_compile_options(mlops_warnings INTERFACE -Wno-subobject-linkage)
endif()

if(MLOPS_BUILD_FUZZ)
  # Coverage of the code under test, not only of the target's own file: without it libFuzzer is blind.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(MLOPS_SANITIZE)
  add_compile_options(-fsanitize=${MLOPS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MLOPS_SANITIZE})
  # For tests that a sanitizer's allocator cannot pass; each compiler has its own way to say that one is there.
  add_compile_definitions(MLOPS_SANITIZED)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND MLOPS_SANITIZE MATCHES "thread")
    # gcc warns that TSan does not model a bare atomic_thread_fence; the fences here accompany atomics it does model.
    add_compile_options(-Wno-tsan)
  endif()
endif()
