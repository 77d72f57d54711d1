#pragma once
// One HTTP request as handlers see it: decoded, and owning what it names, so that a handler may run
// aside, on another thread, after the connection has gone on or is gone.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "access/audit.h"
#include "tensor/buffer.h"

namespace mlops {

struct HttpAsk {
  // The variable parts of the path, percent-decoded; empty where the route has none.
  std::string model;
  std::string version;  // decimal digits
  std::string region;   // a shared memory region, or a model repository
  std::span<const std::byte> body;
  Buffer owner;                      // holds body
  std::optional<AuditRecord> audit;  // of who asks, where that is to be written down

  std::string_view text() const {
    return {reinterpret_cast<const char*>(body.data()), body.size()};
  }
};

}  // namespace mlops
