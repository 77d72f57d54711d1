#pragma once
// What the header block of a request means to whoever answers it. Made once for every block that
// differs, and shared by the requests that send it again: it must say nothing that depends on when
// it is read.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/ref.h"

namespace mlops {

class RequestHead : public RefCounted {
 public:
  std::optional<std::uint64_t> content_length;
  bool too_large = false;  // more than Http2Limits::header_bytes_max: what came late is not in it

  // How much memory it holds, about.
  virtual std::size_t bytes() const = 0;
};

using RequestHeadRef = Ref<const RequestHead>;

}  // namespace mlops
