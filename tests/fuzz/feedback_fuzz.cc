// Any bytes as a body of feedback. What is taken is within its bounds, and the answer has a result
// for each item.

#include <cmath>
#include <cstdlib>
#include <string>

#include "protocol/feedback_json.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace mlops;
  const std::string body(reinterpret_cast<const char*>(data), size);
  const Result<std::vector<Feedback>> items = parse_feedback(body);
  if (!items.ok()) {
    if (items.status().message().empty()) std::abort();
    return 0;
  }
  if (items->size() > kFeedbackItemsMax) std::abort();
  for (const Feedback& item : *items) {
    if (item.id.empty() || item.id.size() > kFeedbackIdBytesMax) std::abort();
    if (!std::isfinite(item.value)) std::abort();
  }
  const std::vector<Joined> results(items->size(), Joined::unknown);
  if (feedback_json(results).empty()) std::abort();
  return 0;
}
