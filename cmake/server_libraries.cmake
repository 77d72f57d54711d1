# Third-party libraries of the server and its tests, linked statically so that one binary runs on any glibc as new as
# the build's: mlops::nghttp2, mlops::protobuf_lite, mlops::zlib, mlops::xxhash, mlops::ssl and ::crypto (ADR 18); RapidJSON is headers only and in the
# default path. The core (csrc/) links none of them.
function(mlops_static_library name header library)
  find_path(${name}_INCLUDE_DIR ${header})
  find_library(${name}_ARCHIVE lib${library}.a)
  mark_as_advanced(${name}_INCLUDE_DIR ${name}_ARCHIVE)
  if(NOT ${name}_INCLUDE_DIR OR NOT ${name}_ARCHIVE)
    message(FATAL_ERROR "lib${library}.a or its header ${header} not found; deploy/apt-packages.txt lists the packages")
  endif()
  add_library(mlops::${name} STATIC IMPORTED GLOBAL)
  set_target_properties(mlops::${name} PROPERTIES
    IMPORTED_LOCATION ${${name}_ARCHIVE} INTERFACE_INCLUDE_DIRECTORIES ${${name}_INCLUDE_DIR})
endfunction()

if(MLOPS_BUILD_SERVER OR MLOPS_BUILD_BENCH)
  mlops_static_library(nghttp2 nghttp2/nghttp2.h nghttp2)
  target_compile_definitions(mlops::nghttp2 INTERFACE NGHTTP2_STATICLIB)
  mlops_static_library(zlib zlib.h z)
  mlops_static_library(xxhash xxhash.h xxhash)
  mlops_static_library(protobuf_lite google/protobuf/message_lite.h protobuf-lite)
  target_link_libraries(mlops::protobuf_lite INTERFACE Threads::Threads)
  mlops_static_library(crypto openssl/evp.h crypto)
  target_link_libraries(mlops::crypto INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
  mlops_static_library(ssl openssl/ssl.h ssl)
  target_link_libraries(mlops::ssl INTERFACE mlops::crypto)
  find_program(PROTOC_PROGRAM protoc REQUIRED)
endif()
