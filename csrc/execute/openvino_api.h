#pragma once
// The part of OpenVINO's C interface that we use, as a table of functions found at run time.
// Declared by us, so that every build can use OpenVINO where it is installed and none needs it to
// compile; openvino_api_test.cc compares this with the headers of the wheel.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

// OpenVINO's own names for what only it can look into.
struct ov_core;
struct ov_model;
struct ov_compiled_model;
struct ov_infer_request;
struct ov_output_const_port;
struct ov_tensor;

namespace mlops {

// Enumerations travel as their integers: their values are checked where they matter.
using OpenvinoCode = int;
inline constexpr OpenvinoCode kOpenvinoOk = 0;
inline constexpr OpenvinoCode kOpenvinoMismatch = -4;
inline constexpr OpenvinoCode kOpenvinoCancelled = -13;

struct OpenvinoVersion {
  const char* build = nullptr;
  const char* description = nullptr;
};

struct OpenvinoShape {
  std::int64_t rank = 0;
  std::int64_t* dims = nullptr;
};

// An open dimension has another least than most.
struct OpenvinoDimension {
  std::int64_t least = 0;
  std::int64_t most = 0;
};

struct OpenvinoPartialShape {
  OpenvinoDimension rank;
  OpenvinoDimension* dims = nullptr;
};

struct OpenvinoApi {
  OpenvinoCode (*get_openvino_version)(OpenvinoVersion*) = nullptr;
  void (*version_free)(OpenvinoVersion*) = nullptr;
  void (*free)(const char*) = nullptr;
  const char* (*get_last_err_msg)() = nullptr;  // of any thread; to be given to free

  OpenvinoCode (*core_create)(ov_core**) = nullptr;
  OpenvinoCode (*core_read_model)(const ov_core*, const char* path, const char* weights,
                                  ov_model**) = nullptr;
  // `properties` counts the strings that follow: names and values in turn.
  OpenvinoCode (*core_compile_model)(const ov_core*, const ov_model*, const char* device,
                                     std::size_t properties, ov_compiled_model**, ...) = nullptr;
  OpenvinoCode (*core_get_property)(const ov_core*, const char* device, const char* key,
                                    char** value) = nullptr;
  void (*model_free)(ov_model*) = nullptr;
  void (*compiled_model_free)(ov_compiled_model*) = nullptr;

  OpenvinoCode (*compiled_model_inputs_size)(const ov_compiled_model*, std::size_t*) = nullptr;
  OpenvinoCode (*compiled_model_outputs_size)(const ov_compiled_model*, std::size_t*) = nullptr;
  OpenvinoCode (*compiled_model_input_by_name)(const ov_compiled_model*, const char*,
                                               ov_output_const_port**) = nullptr;
  OpenvinoCode (*compiled_model_output_by_name)(const ov_compiled_model*, const char*,
                                                ov_output_const_port**) = nullptr;
  OpenvinoCode (*port_get_element_type)(const ov_output_const_port*, unsigned*) = nullptr;
  OpenvinoCode (*port_get_partial_shape)(const ov_output_const_port*,
                                         OpenvinoPartialShape*) = nullptr;
  void (*partial_shape_free)(OpenvinoPartialShape*) = nullptr;
  void (*output_const_port_free)(ov_output_const_port*) = nullptr;

  OpenvinoCode (*compiled_model_create_infer_request)(const ov_compiled_model*,
                                                      ov_infer_request**) = nullptr;
  OpenvinoCode (*infer_request_set_tensor_by_const_port)(ov_infer_request*,
                                                         const ov_output_const_port*,
                                                         const ov_tensor*) = nullptr;
  OpenvinoCode (*infer_request_get_tensor_by_const_port)(const ov_infer_request*,
                                                         const ov_output_const_port*,
                                                         ov_tensor**) = nullptr;
  OpenvinoCode (*infer_request_infer)(ov_infer_request*) = nullptr;
  OpenvinoCode (*infer_request_cancel)(ov_infer_request*) = nullptr;
  void (*infer_request_free)(ov_infer_request*) = nullptr;

  OpenvinoCode (*tensor_create_from_host_ptr)(unsigned type, OpenvinoShape, void*,
                                              ov_tensor**) = nullptr;
  OpenvinoCode (*tensor_get_shape)(const ov_tensor*, OpenvinoShape*) = nullptr;
  OpenvinoCode (*tensor_get_element_type)(const ov_tensor*, unsigned*) = nullptr;
  OpenvinoCode (*tensor_data)(const ov_tensor*, void**) = nullptr;
  void (*tensor_free)(ov_tensor*) = nullptr;
  OpenvinoCode (*shape_free)(OpenvinoShape*) = nullptr;
};

// Fills the table from a library that is loaded. not_found names the first function that is
// missing.
Status bind_openvino(void* library, OpenvinoApi& api);

// A failure in our words, with the library's own, on one line and short. Ok for kOpenvinoOk.
Status openvino_failure(const OpenvinoApi& api, OpenvinoCode code, Code as,
                        const std::string& what);

// The first line that says something to somebody who has a model.
std::string shorten_openvino_message(std::string text);

}  // namespace mlops
