// A library with OpenVINO's names and none of its parts, built in kinds: of a version that is too
// old, and one that cannot compile anything.

#include <cstddef>
#include <cstdint>
#include <cstring>

struct Version {
  const char* build;
  const char* description;
};

namespace {
int g_object;

template <class T>
int give(T** out) {
  *out = reinterpret_cast<T*>(&g_object);
  return 0;
}
}  // namespace

#define DOUBLE extern "C" __attribute__((visibility("default")))

DOUBLE int ov_get_openvino_version(Version* version) {
  *version = {MLOPS_DOUBLE_VERSION, "a double"};
  return 0;
}
DOUBLE void ov_version_free(Version*) {}
DOUBLE void ov_free(const char* text) { delete[] text; }
DOUBLE const char* ov_get_last_err_msg() {
  constexpr char kText[] =
      "Exception from src/a.cpp:1:\nCheck 'x' failed at src/b.cpp:2:\nno kernel for this\nmore";
  return static_cast<char*>(std::memcpy(new char[sizeof kText], kText, sizeof kText));
}
DOUBLE int ov_core_create(void** core) { return give(core); }
DOUBLE int ov_core_read_model(const void*, const char*, const char*, void** model) {
  return give(model);
}
DOUBLE int ov_core_compile_model(const void*, const void*, const char*, std::size_t, void**, ...) {
  return -1;
}
DOUBLE int ov_core_get_property(const void*, const char*, const char*, char**) { return -5; }
DOUBLE void ov_model_free(void*) {}
DOUBLE void ov_compiled_model_free(void*) {}
DOUBLE int ov_compiled_model_inputs_size(const void*, std::size_t*) { return -1; }
DOUBLE int ov_compiled_model_outputs_size(const void*, std::size_t*) { return -1; }
DOUBLE int ov_compiled_model_input_by_name(const void*, const char*, void**) { return -1; }
DOUBLE int ov_compiled_model_output_by_name(const void*, const char*, void**) { return -1; }
DOUBLE int ov_port_get_element_type(const void*, unsigned*) { return -1; }
DOUBLE int ov_port_get_partial_shape(const void*, void*) { return -1; }
DOUBLE void ov_partial_shape_free(void*) {}
DOUBLE void ov_output_const_port_free(void*) {}
DOUBLE int ov_compiled_model_create_infer_request(const void*, void**) { return -1; }
DOUBLE int ov_infer_request_set_tensor_by_const_port(void*, const void*, const void*) { return -1; }
DOUBLE int ov_infer_request_get_tensor_by_const_port(const void*, const void*, void**) {
  return -1;
}
DOUBLE int ov_infer_request_infer(void*) { return -1; }
DOUBLE int ov_infer_request_cancel(void*) { return -1; }
DOUBLE void ov_infer_request_free(void*) {}
DOUBLE int ov_tensor_create_from_host_ptr(unsigned, std::int64_t, void*, void*, void**) {
  return -1;
}
DOUBLE int ov_tensor_get_shape(const void*, void*) { return -1; }
DOUBLE int ov_tensor_get_element_type(const void*, unsigned*) { return -1; }
DOUBLE int ov_tensor_data(const void*, void**) { return -1; }
DOUBLE void ov_tensor_free(void*) {}
DOUBLE int ov_shape_free(void*) { return -1; }
