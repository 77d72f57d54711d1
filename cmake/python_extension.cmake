# mlops_engine._core from csrc/bindings/*.cc.
#
# In development, build/<preset>/python/mlops_engine holds the extension beside links to python/mlops_engine, so that
# editing a .py needs no build, every preset has a package of its own, and the source tree stays clean.
# deploy/dev_install.py puts build/dev/python on the path of .venv; PYTHONPATH chooses another preset's.
file(GLOB binding_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/csrc/bindings/*.cc)
if(NOT binding_sources)
  message(STATUS "No sources in csrc/bindings: mlops_engine._core is not built")
  return()
endif()

find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module NumPy)
execute_process(COMMAND ${Python_EXECUTABLE} -m pybind11 --cmakedir
  OUTPUT_VARIABLE pybind11_DIR OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
find_package(pybind11 3.1 CONFIG REQUIRED)

# NO_EXTRAS: link-time optimisation and stripping are the preset's choice, not pybind11's.
pybind11_add_module(_core MODULE NO_EXTRAS ${binding_sources})
target_link_libraries(_core PRIVATE mlops_core mlops_warnings)
# It alone defines NumPy's table, before the header that all others include.
set_source_files_properties(${PROJECT_SOURCE_DIR}/csrc/bindings/numpy_api.cc PROPERTIES
  SKIP_UNITY_BUILD_INCLUSION ON)
# Must be there before the first Python.h, which may be the precompiled one.
target_compile_definitions(_core PRIVATE PY_SSIZE_T_CLEAN)
target_precompile_headers(_core PRIVATE ${mlops_standard_headers} <pybind11/pybind11.h> <pybind11/stl.h>)
target_include_directories(_core SYSTEM PRIVATE ${Python_NumPy_INCLUDE_DIRS})
set(python_tree ${PROJECT_BINARY_DIR}/python/mlops_engine)
set_target_properties(_core PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${python_tree})
if(SKBUILD)
  install(TARGETS _core LIBRARY DESTINATION mlops_engine COMPONENT wheel)
else()
  add_custom_target(python_tree ALL
    COMMAND ${CMAKE_COMMAND} -D from=${PROJECT_SOURCE_DIR}/python/mlops_engine -D to=${python_tree}
            -P ${PROJECT_SOURCE_DIR}/cmake/link_python_tree.cmake
    COMMENT "")
endif()
