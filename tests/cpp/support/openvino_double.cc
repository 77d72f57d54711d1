// A library with OpenVINO's names and none of its parts, built in kinds: of a version that is too
// old, and one that cannot compile anything.

#include <cstring>

#include "execute/openvino_api.h"

using mlops::OpenvinoCode;
using mlops::OpenvinoPartialShape;
using mlops::OpenvinoShape;
using mlops::OpenvinoVersion;

namespace {
int g_object;

template <class T>
OpenvinoCode give(T** out) {
  *out = reinterpret_cast<T*>(&g_object);
  return mlops::kOpenvinoOk;
}

constexpr OpenvinoCode kFailed = -1;
}  // namespace

// The types are the table's own: a sanitizer checks them at every call.
#define DOUBLE(type, name) extern "C" __attribute__((visibility("default"))) type ov_##name

DOUBLE(OpenvinoCode, get_openvino_version)(OpenvinoVersion* version) {
  *version = {MLOPS_DOUBLE_VERSION, "a double"};
  return mlops::kOpenvinoOk;
}
DOUBLE(void, version_free)(OpenvinoVersion*) {}
DOUBLE(void, free)(const char* text) { delete[] text; }
DOUBLE(const char*, get_last_err_msg)() {
  constexpr char kText[] =
      "Exception from src/a.cpp:1:\nCheck 'x' failed at src/b.cpp:2:\nno kernel for this\nmore";
  return static_cast<char*>(std::memcpy(new char[sizeof kText], kText, sizeof kText));
}
DOUBLE(OpenvinoCode, core_create)(ov_core** core) { return give(core); }
DOUBLE(OpenvinoCode, core_read_model)
(const ov_core*, const char*, const char*, ov_model** model) { return give(model); }
DOUBLE(OpenvinoCode, core_compile_model)
(const ov_core*, const ov_model*, const char*, std::size_t, ov_compiled_model**, ...) {
  return kFailed;
}
DOUBLE(OpenvinoCode, core_get_property)(const ov_core*, const char*, const char*, char**) {
  return kFailed;
}
DOUBLE(void, model_free)(ov_model*) {}
DOUBLE(void, compiled_model_free)(ov_compiled_model*) {}
DOUBLE(OpenvinoCode, compiled_model_inputs_size)(const ov_compiled_model*, std::size_t*) {
  return kFailed;
}
DOUBLE(OpenvinoCode, compiled_model_outputs_size)(const ov_compiled_model*, std::size_t*) {
  return kFailed;
}
DOUBLE(OpenvinoCode, compiled_model_input_by_name)
(const ov_compiled_model*, const char*, ov_output_const_port**) { return kFailed; }
DOUBLE(OpenvinoCode, compiled_model_output_by_name)
(const ov_compiled_model*, const char*, ov_output_const_port**) { return kFailed; }
DOUBLE(OpenvinoCode, port_get_element_type)(const ov_output_const_port*, unsigned*) {
  return kFailed;
}
DOUBLE(OpenvinoCode, port_get_partial_shape)(const ov_output_const_port*, OpenvinoPartialShape*) {
  return kFailed;
}
DOUBLE(void, partial_shape_free)(OpenvinoPartialShape*) {}
DOUBLE(void, output_const_port_free)(ov_output_const_port*) {}
DOUBLE(OpenvinoCode, compiled_model_create_infer_request)
(const ov_compiled_model*, ov_infer_request**) { return kFailed; }
DOUBLE(OpenvinoCode, infer_request_set_tensor_by_const_port)
(ov_infer_request*, const ov_output_const_port*, const ov_tensor*) { return kFailed; }
DOUBLE(OpenvinoCode, infer_request_get_tensor_by_const_port)
(const ov_infer_request*, const ov_output_const_port*, ov_tensor**) { return kFailed; }
DOUBLE(OpenvinoCode, infer_request_infer)(ov_infer_request*) { return kFailed; }
DOUBLE(OpenvinoCode, infer_request_cancel)(ov_infer_request*) { return kFailed; }
DOUBLE(void, infer_request_free)(ov_infer_request*) {}
DOUBLE(OpenvinoCode, tensor_create_from_host_ptr)(unsigned, OpenvinoShape, void*, ov_tensor**) {
  return kFailed;
}
DOUBLE(OpenvinoCode, tensor_get_shape)(const ov_tensor*, OpenvinoShape*) { return kFailed; }
DOUBLE(OpenvinoCode, tensor_get_element_type)(const ov_tensor*, unsigned*) { return kFailed; }
DOUBLE(OpenvinoCode, tensor_data)(const ov_tensor*, void**) { return kFailed; }
DOUBLE(void, tensor_free)(ov_tensor*) {}
DOUBLE(OpenvinoCode, shape_free)(OpenvinoShape*) { return kFailed; }
