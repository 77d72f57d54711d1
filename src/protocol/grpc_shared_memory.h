#pragma once
// The six methods of the shared memory extensions. `memory` is null where clients may not share.

#include "protocol/grpc_cold.h"

namespace mlops {

Result<std::string> answer_grpc_shared_memory(GrpcMethod method, std::string_view message,
                                              SharedMemory* memory);

}  // namespace mlops
