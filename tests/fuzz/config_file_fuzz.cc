// Any text as the server's TOML file: settings or an error, never a crash.

#include "config.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  mlops::ServerConfig config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const mlops::Status status = mlops::apply_config_text(text, config);
  if (!status.ok() && status.message().empty()) __builtin_trap();
  return 0;
}
