// ModelInferRequest: the hand-written decoder must judge every message as the generated code does.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../cpp/protocol/grpc_reference.h"
#include "protocol/grpc_cold.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kQuiet = (mlops::silence_protobuf_log(), true);
  (void)kQuiet;
  static mlops::CopyMeter copies;
  mlops::Buffer owner = mlops::allocate_buffer(size);
  if (size != 0) std::memcpy(owner->data(), data, size);
  const std::span<const std::byte> message = mlops::writable(owner);
  mlops::GrpcInferCall call;
  const mlops::Status status =
      mlops::decode_grpc_infer(std::move(owner), message, {}, copies, call);
  const std::string difference =
      mlops::testing::disagreement({reinterpret_cast<const char*>(data), size}, status, call);
  if (!difference.empty()) {
    std::fprintf(stderr, "%s (%s)\n", difference.c_str(), status.message().c_str());
    std::abort();
  }
  return 0;
}
