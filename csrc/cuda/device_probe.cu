#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>

#include "cuda/device_abi.h"

namespace {

std::int32_t report(cudaError_t error, char* message, std::size_t message_size) {
  std::snprintf(message, message_size, "%s: %s", cudaGetErrorName(error),
                cudaGetErrorString(error));
  return static_cast<std::int32_t>(error);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) std::int32_t mlops_cuda_probe_devices_v1(
    MlopsCudaDevice* devices, std::int32_t capacity, std::int32_t* count, char* message,
    std::size_t message_size) {
  *count = 0;
  int present = 0;
  // The runtime is linked statically and looks for the driver only here, so loading this library
  // needs none.
  if (const cudaError_t error = cudaGetDeviceCount(&present); error != cudaSuccess) {
    return report(error, message, message_size);
  }
  for (int i = 0; i < std::min(present, capacity); ++i) {
    cudaDeviceProp properties{};
    if (const cudaError_t error = cudaGetDeviceProperties(&properties, i); error != cudaSuccess) {
      return report(error, message, message_size);
    }
    MlopsCudaDevice& device = devices[i];
    std::snprintf(device.name, sizeof device.name, "%s", properties.name);
    device.memory_bytes = properties.totalGlobalMem;
    device.compute_major = properties.major;
    device.compute_minor = properties.minor;
    device.multiprocessors = properties.multiProcessorCount;
  }
  *count = present;
  return 0;
}
