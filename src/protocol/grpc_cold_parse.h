#pragma once
// What the files of gRPC's cold methods share.

#include <string>
#include <string_view>

#include "base/status.h"

namespace mlops {

template <class Message>
Result<Message> parse_grpc(std::string_view bytes) {
  Message message;
  if (message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return message;
  return Status::invalid_argument("malformed " + message.GetTypeName());
}

}  // namespace mlops
