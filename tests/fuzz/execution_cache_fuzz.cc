// What a file of the cache of execution choices may hold: anything. What is taken for a verdict is
// written back as the same bytes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/execution_cache.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto verdict = mlops::parse_verdict(text, "key");
  if (verdict && mlops::verdict_text("key", *verdict) != text) std::abort();
  // With the right sum in any case, or nothing behind it would ever be reached.
  mlops::ExecutionVerdict made;
  made.reason = std::string(text.substr(0, 1000));
  made.from_rows = 1 + static_cast<std::int64_t>(size);
  const auto again = mlops::parse_verdict(mlops::verdict_text("key", made), "key");
  if (!again || again->from_rows != made.from_rows) std::abort();
  return 0;
}
