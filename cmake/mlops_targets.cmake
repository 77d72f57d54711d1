# One static library per folder, so that a folder can only link what its layer allows.
# mlops_add_folder(base DEPENDS ...) makes mlops_base from every .cc of that folder.
function(mlops_add_folder folder)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cc)
  if(sources)
    add_library(mlops_${folder} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(mlops_${folder} PRIVATE mlops_warnings)
    target_precompile_headers(mlops_${folder} REUSE_FROM mlops_headers)
  else()
    add_library(mlops_${folder} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(mlops_${folder} ${scope}
    ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
  target_link_libraries(mlops_${folder} ${scope} ${ARG_DEPENDS})
endfunction()

# mlops_add_tests(base LIBS mlops_base) makes test_base from tests/cpp/base/*_test.cc. CONCURRENT marks the tests that
# run under the thread sanitizer: the target concurrent_tests builds them, the label concurrent selects them.
function(mlops_add_tests folder)
  cmake_parse_arguments(ARG "CONCURRENT" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cpp/${folder}/*_test.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${folder} ${sources})
  target_include_directories(test_${folder} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/cpp)
  target_link_libraries(test_${folder} PRIVATE ${ARG_LIBS} mlops_warnings GTest::gtest_main)
  # GoogleTest's templates take the optimiser three times as long as what is tested; that is optimised in its libraries.
  target_compile_options(test_${folder} PRIVATE -O0 -g1 -fPIC)
  # Not the -fPIE that executables get otherwise: precompiled headers are shared between equal options only.
  set_target_properties(test_${folder} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_precompile_headers(test_${folder} REUSE_FROM test_headers)
  set(label ${folder})
  if(ARG_CONCURRENT)
    set(label concurrent)  # one label only: gtest_discover_tests cannot pass a list on
    add_dependencies(concurrent_tests test_${folder})
  endif()
  if(MLOPS_SANITIZE)
    # One process for all of them: most of the time of a small test would be the sanitizer's own start.
    # Each says its name as it begins, for the one that hangs.
    add_test(NAME test_${folder} COMMAND test_${folder})
    set_tests_properties(test_${folder} PROPERTIES TIMEOUT 300 LABELS ${label})
    return()
  endif()
  # PRE_TEST: what a binary lists may depend on the environment it runs in.
  gtest_discover_tests(test_${folder} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT 120 LABELS ${label})
endfunction()

# Installs an executable: as a script of the wheel, or into bin/ of a plain `cmake --install`.
function(mlops_install_program target)
  if(SKBUILD)
    install(TARGETS ${target} RUNTIME DESTINATION ${SKBUILD_SCRIPTS_DIR} COMPONENT wheel)
  else()
    install(TARGETS ${target} RUNTIME)
  endif()
endfunction()
