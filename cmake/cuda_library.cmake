# libmlops_cuda.so from csrc/cuda/*.cu: the only thing that needs nvcc. It links the CUDA runtime statically and is
# dlopen()ed, so that nothing else of the build, and no CPU machine, depends on CUDA.
if(NOT MLOPS_BUILD_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
endif()
if(NOT CMAKE_CUDA_COMPILER)
  if(NOT MLOPS_BUILD_CUDA MATCHES "^(AUTO|OFF)$")
    message(FATAL_ERROR "MLOPS_BUILD_CUDA=${MLOPS_BUILD_CUDA}, and nvcc is not found")
  endif()
  return()
endif()

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES "80;90;100")
endif()
enable_language(CUDA)
file(GLOB cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/csrc/cuda/*.cu)
add_library(mlops_cuda_device MODULE ${cuda_sources})
set_target_properties(mlops_cuda_device PROPERTIES
  OUTPUT_NAME mlops_cuda PREFIX lib CUDA_STANDARD 17 CUDA_RUNTIME_LIBRARY Static CUDA_VISIBILITY_PRESET hidden
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
target_include_directories(mlops_cuda_device PRIVATE ${PROJECT_SOURCE_DIR}/csrc)
target_compile_options(mlops_cuda_device PRIVATE -Xcompiler=-Wall,-Wextra,-Werror)
if(SKBUILD AND MLOPS_BUILD_CUDA STREQUAL "ON")
  install(TARGETS mlops_cuda_device LIBRARY DESTINATION mlops_engine COMPONENT wheel)
endif()
