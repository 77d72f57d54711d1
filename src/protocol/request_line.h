#pragma once
// One answered request as the log tells of it, when it is asked to.

#include <string>
#include <string_view>

#include "base/clock.h"

namespace mlops {

struct RequestLine {
  std::string_view protocol;  // "HTTP"; a literal
  std::string_view route;     // a literal
  std::string status;
  std::string model;       // empty where it is not known
  std::string request_id;  // the client's; likewise
  std::string trace_id;    // of the client's W3C context; likewise
  TimePoint began{};       // its first byte
  TimePoint ended{};       // its answer was written
};

}  // namespace mlops
