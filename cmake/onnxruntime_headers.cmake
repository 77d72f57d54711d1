# Target ort_headers: the folder of onnxruntime_c_api.h, looked for in -DMLOPS_ORT_INCLUDE_DIR, then an installed
# libonnxruntime-dev, then the copy that cmake/fetch_ort_headers.sh unpacks into build/. Only headers: the library is
# dlopen()ed at run time.
if(MLOPS_ORT_INCLUDE_DIR)
  # What was asked for by name is taken or refused, never silently replaced by another version's headers.
  find_path(ort_header_dir onnxruntime_c_api.h
    PATHS ${MLOPS_ORT_INCLUDE_DIR} PATH_SUFFIXES onnxruntime core/session NO_DEFAULT_PATH NO_CACHE)
  if(NOT ort_header_dir)
    message(FATAL_ERROR "MLOPS_ORT_INCLUDE_DIR=${MLOPS_ORT_INCLUDE_DIR} holds no onnxruntime_c_api.h")
  endif()
else()
  find_path(ort_header_dir onnxruntime_c_api.h
    PATHS ${PROJECT_SOURCE_DIR}/build/ort-headers/usr/include
    PATH_SUFFIXES onnxruntime onnxruntime/core/session NO_CACHE)
endif()
if(NOT ort_header_dir)
  message(FATAL_ERROR "onnxruntime_c_api.h not found: pass -DMLOPS_ORT_INCLUDE_DIR=DIR, install "
                      "libonnxruntime-dev, or run cmake/fetch_ort_headers.sh")
endif()
message(STATUS "ONNX Runtime C headers: ${ort_header_dir}")
add_library(ort_headers INTERFACE)
target_include_directories(ort_headers SYSTEM INTERFACE ${ort_header_dir})
