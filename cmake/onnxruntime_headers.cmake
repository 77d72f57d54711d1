# Finds onnxruntime_c_api.h: -DMLOPS_ORT_INCLUDE_DIR, then an installed libonnxruntime-dev, then the
# copy that cmake/fetch_ort_headers.sh unpacks into build/. Only headers: the library is dlopen()ed at run time.
find_path(ORT_HEADER_DIR onnxruntime_c_api.h
  HINTS ${MLOPS_ORT_INCLUDE_DIR}
  PATHS /usr/include/onnxruntime /usr/local/include/onnxruntime
        ${CMAKE_SOURCE_DIR}/build/ort-headers/usr/include/onnxruntime
  PATH_SUFFIXES onnxruntime core/session)
if(NOT ORT_HEADER_DIR)
  message(FATAL_ERROR "onnxruntime_c_api.h not found: pass -DMLOPS_ORT_INCLUDE_DIR=DIR, install "
                      "libonnxruntime-dev, or run cmake/fetch_ort_headers.sh")
endif()
add_library(ort_headers INTERFACE)
target_include_directories(ort_headers SYSTEM INTERFACE ${ORT_HEADER_DIR})
