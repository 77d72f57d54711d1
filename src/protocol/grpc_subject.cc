#include "protocol/grpc_subject.h"

#include "protocol/kserve.pb.h"

namespace mlops {
namespace {

template <class Message>
std::string name_in(std::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return {};
  if constexpr (requires { message.model_name(); }) {
    return message.model_name();
  } else {
    return message.name();
  }
}

}  // namespace

std::string grpc_subject(GrpcMethod method, std::string_view message) {
  switch (method) {
    case GrpcMethod::repository_model_load:
      return name_in<inference::RepositoryModelLoadRequest>(message);
    case GrpcMethod::repository_model_unload:
      return name_in<inference::RepositoryModelUnloadRequest>(message);
    case GrpcMethod::system_shared_memory_register:
      return name_in<inference::SystemSharedMemoryRegisterRequest>(message);
    case GrpcMethod::system_shared_memory_unregister:
      return name_in<inference::SystemSharedMemoryUnregisterRequest>(message);
    case GrpcMethod::cuda_shared_memory_register:
      return name_in<inference::CudaSharedMemoryRegisterRequest>(message);
    case GrpcMethod::cuda_shared_memory_unregister:
      return name_in<inference::CudaSharedMemoryUnregisterRequest>(message);
    case GrpcMethod::trace_setting:
      return name_in<inference::TraceSettingRequest>(message);
    default:
      return {};
  }
}

}  // namespace mlops
