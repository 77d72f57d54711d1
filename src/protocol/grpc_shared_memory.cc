#include "protocol/grpc_shared_memory.h"

#include "protocol/extensions.pb.h"
#include "protocol/grpc_cold_parse.h"

namespace mlops {
namespace {

// Every successful reply but the system status has no fields.
Result<std::string> empty_reply(const Status& status) {
  if (!status.ok()) return status;
  return std::string();
}

Result<std::string> status_of(std::string_view message, const SharedMemory* memory) {
  const auto request = parse_grpc<inference::SystemSharedMemoryStatusRequest>(message);
  if (!request.ok()) return request.status();
  if (!memory) {
    return empty_reply(request->name().empty() ? Status() : unknown_region(request->name()));
  }
  const auto regions = memory->status(request->name());
  if (!regions.ok()) return regions.status();
  inference::SystemSharedMemoryStatusResponse reply;
  for (const SharedRegion& region : *regions) {
    auto& status = (*reply.mutable_regions())[region.name];
    status.set_name(region.name);
    status.set_key(region.key);
    status.set_offset(region.offset);
    status.set_byte_size(region.byte_size);
  }
  return reply.SerializeAsString();
}

Result<std::string> register_region(std::string_view message, SharedMemory* memory) {
  const auto request = parse_grpc<inference::SystemSharedMemoryRegisterRequest>(message);
  if (!request.ok()) return request.status();
  if (!memory) return shared_memory_disabled();
  return empty_reply(
      memory->add({request->name(), request->key(), request->offset(), request->byte_size()}));
}

Result<std::string> unregister(std::string_view message, SharedMemory* memory) {
  const auto request = parse_grpc<inference::SystemSharedMemoryUnregisterRequest>(message);
  if (!request.ok()) return request.status();
  const std::string& name = request->name();
  if (!memory) return empty_reply(name.empty() ? Status() : shared_memory_disabled());
  return empty_reply(name.empty() ? memory->remove_all() : memory->remove(name));
}

Result<std::string> cuda_status(std::string_view message) {
  const auto request = parse_grpc<inference::CudaSharedMemoryStatusRequest>(message);
  if (!request.ok()) return request.status();
  if (request->name().empty()) return std::string();
  return Status::not_found("Unable to find cuda shared memory region: '" +
                           request->name().substr(0, 256) + "'");
}

Result<std::string> cuda_register(std::string_view message) {
  const auto request = parse_grpc<inference::CudaSharedMemoryRegisterRequest>(message);
  return request.ok() ? no_cuda_region(request->name()) : request.status();
}

Result<std::string> cuda_unregister(std::string_view message) {
  return empty_reply(parse_grpc<inference::CudaSharedMemoryUnregisterRequest>(message).status());
}

}  // namespace

Result<std::string> answer_grpc_shared_memory(GrpcMethod method, std::string_view message,
                                              SharedMemory* memory) {
  switch (method) {
    case GrpcMethod::system_shared_memory_status:
      return status_of(message, memory);
    case GrpcMethod::system_shared_memory_register:
      return register_region(message, memory);
    case GrpcMethod::system_shared_memory_unregister:
      return unregister(message, memory);
    case GrpcMethod::cuda_shared_memory_status:
      return cuda_status(message);
    case GrpcMethod::cuda_shared_memory_register:
      return cuda_register(message);
    default:
      return cuda_unregister(message);
  }
}

}  // namespace mlops
