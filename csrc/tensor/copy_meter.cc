#include "tensor/copy_meter.h"

namespace mlops {

std::string_view copy_site_name(CopySite site) {
  constexpr std::array<std::string_view, kCopySites> kNames = {
      "gather",        "small_output", "string_input",   "string_output",  "json_parse",
      "grpc_contents", "http_body",    "python_compact", "python_strings", "shared_memory",
      "cache_put",     "cache_hit",    "cache_rows",     "shadow"};
  return kNames[static_cast<std::size_t>(site)];
}

}  // namespace mlops
