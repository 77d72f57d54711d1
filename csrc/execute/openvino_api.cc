#include "execute/openvino_api.h"

#include <dlfcn.h>

#include <algorithm>
#include <string_view>

namespace mlops {
namespace {

constexpr std::size_t kLineBytesMax = 320;

template <class Function>
bool bind_symbol(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

// "Exception from src/x.cpp:12:", "Check 'a == b' failed at src/y.cpp:3:".
bool is_source_location(std::string_view line) {
  return line.empty() || line.starts_with("Exception from ") || line.starts_with("Check '");
}

}  // namespace

Status bind_openvino(void* library, OpenvinoApi& api) {
  const char* missing = nullptr;
  const auto need = [&](const char* name, auto& function) {
    if (!bind_symbol(library, name, function) && !missing) missing = name;
  };
#define MLOPS_OPENVINO_NEEDS(function) need("ov_" #function, api.function)
  MLOPS_OPENVINO_NEEDS(get_openvino_version);
  MLOPS_OPENVINO_NEEDS(version_free);
  MLOPS_OPENVINO_NEEDS(free);
  MLOPS_OPENVINO_NEEDS(get_last_err_msg);
  MLOPS_OPENVINO_NEEDS(core_create);
  MLOPS_OPENVINO_NEEDS(core_read_model);
  MLOPS_OPENVINO_NEEDS(core_compile_model);
  MLOPS_OPENVINO_NEEDS(core_get_property);
  MLOPS_OPENVINO_NEEDS(model_free);
  MLOPS_OPENVINO_NEEDS(compiled_model_free);
  MLOPS_OPENVINO_NEEDS(compiled_model_inputs_size);
  MLOPS_OPENVINO_NEEDS(compiled_model_outputs_size);
  MLOPS_OPENVINO_NEEDS(compiled_model_input_by_name);
  MLOPS_OPENVINO_NEEDS(compiled_model_output_by_name);
  MLOPS_OPENVINO_NEEDS(port_get_element_type);
  MLOPS_OPENVINO_NEEDS(port_get_partial_shape);
  MLOPS_OPENVINO_NEEDS(partial_shape_free);
  MLOPS_OPENVINO_NEEDS(output_const_port_free);
  MLOPS_OPENVINO_NEEDS(compiled_model_create_infer_request);
  MLOPS_OPENVINO_NEEDS(infer_request_set_tensor_by_const_port);
  MLOPS_OPENVINO_NEEDS(infer_request_get_tensor_by_const_port);
  MLOPS_OPENVINO_NEEDS(infer_request_infer);
  MLOPS_OPENVINO_NEEDS(infer_request_cancel);
  MLOPS_OPENVINO_NEEDS(infer_request_free);
  MLOPS_OPENVINO_NEEDS(tensor_create_from_host_ptr);
  MLOPS_OPENVINO_NEEDS(tensor_get_shape);
  MLOPS_OPENVINO_NEEDS(tensor_get_element_type);
  MLOPS_OPENVINO_NEEDS(tensor_data);
  MLOPS_OPENVINO_NEEDS(tensor_free);
  MLOPS_OPENVINO_NEEDS(shape_free);
#undef MLOPS_OPENVINO_NEEDS
  if (!missing) return {};
  return Status::not_found(std::string("not OpenVINO, or another version: it has no ") + missing);
}

std::string shorten_openvino_message(std::string text) {
  std::string_view rest = text;
  std::string_view line;
  while (is_source_location(line) && !rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::string out(line.substr(0, kLineBytesMax));
  // A file's names are in it; a message is one printable line.
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c >= 0x7f || c < 0; }, '?');
  return out;
}

Status openvino_failure(const OpenvinoApi& api, OpenvinoCode code, Code as,
                        const std::string& what) {
  if (code == kOpenvinoOk) return {};
  const char* text = api.get_last_err_msg();
  const std::string whole = text ? text : "no reason given";
  if (text) api.free(text);
  if (whole.find("bad_alloc") != std::string::npos) as = Code::resource_exhausted;
  return {as, what + ": " + shorten_openvino_message(whole)};
}

}  // namespace mlops
