#pragma once
// The one table from our codes to what HTTP and gRPC say. docs/protocol.md explains each choice.

#include "base/status.h"

namespace mlops {

int http_status(Code code);  // 200 for ok
int grpc_status(Code code);  // the numbers of grpc/status.h

// True when a client may send the same request again: such answers carry Retry-After.
bool is_retryable(Code code);

}  // namespace mlops
