// Any text: the reader of protobuf's text format and the mapping to a model configuration end,
// within their bounds, with a value or an error.

#include "model/model_config.h"
#include "model/pbtxt.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const mlops::Result<mlops::ConfigValue> tree = mlops::parse_pbtxt(text);
  if (!tree.ok()) {
    if (tree.status().message().empty()) __builtin_trap();
    return 0;
  }
  const mlops::Result<mlops::ReadModelConfig> config = mlops::read_model_config(*tree);
  if (!config.ok() && config.status().message().empty()) __builtin_trap();
  return 0;
}
