#pragma once
// The shared_memory_* parameters of a tensor, as both doors give them.

#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "protocol/grpc_parameters.h"
#include "protocol/json_cursor.h"
#include "protocol/shared_memory.h"
#include "request/request.h"

namespace mlops {

class PlaceReader {
 public:
  // True when `key` is one of ours; then its value was consumed, and `status` says how that went.
  bool read(JsonCursor& json, std::string_view key, Status& status);

  // nullopt when the tensor does not lie in a region.
  const std::optional<SharedPlace>& place() const { return place_; }

 private:
  SharedPlace& target() { return place_ ? *place_ : waiting_; }

  SharedPlace waiting_;  // offset and size that came before the region
  std::optional<SharedPlace> place_;
};

// The same out of a gRPC tensor's parameters.
Status read_place(std::string_view tensor, const std::vector<WireParameter>& parameters,
                  std::optional<SharedPlace>& place);

// Fills in the bytes of an input that lies in `memory`, null when there is none.
Status attach_shared_input(SharedMemory* memory, const SharedPlace& place, Request& request,
                           NamedTensor& input);

}  // namespace mlops
