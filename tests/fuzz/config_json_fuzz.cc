// Any text as the body of a load request and as a configuration in JSON.

#include "protocol/config_json.h"
#include "protocol/repository_json.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tree = mlops::parse_config_json(text);
  if (tree.ok()) (void)mlops::read_model_config(*tree);
  const auto request = mlops::decode_load_request("m", text);
  if (!request.ok() && request.status().message().empty()) __builtin_trap();
  return 0;
}
