#include "cuda/device_probe.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>

#include "cuda/device_abi.h"

namespace mlops {
namespace {

constexpr std::int32_t kDevicesMax = 64;  // one host holds at most 16 today

std::vector<CudaDevice> to_devices(const std::array<MlopsCudaDevice, kDevicesMax>& raw,
                                   std::int32_t count) {
  std::vector<CudaDevice> devices;
  for (std::int32_t i = 0; i < std::min(count, kDevicesMax); ++i) {
    const MlopsCudaDevice& from = raw[static_cast<std::size_t>(i)];
    devices.push_back({.name = from.name,
                       .memory_bytes = from.memory_bytes,
                       .compute_major = from.compute_major,
                       .compute_minor = from.compute_minor,
                       .multiprocessors = from.multiprocessors});
  }
  return devices;
}

}  // namespace

Result<std::vector<CudaDevice>> probe_cuda_devices(const std::string& library_path) {
  void* library = dlopen(library_path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* reason = dlerror();
    return Status::not_found(reason != nullptr ? reason : library_path);
  }
  void* symbol = dlsym(library, "mlops_cuda_probe_devices_v1");
  if (symbol == nullptr) {
    dlclose(library);
    return Status::unimplemented("not a libmlops_cuda.so of this version: " + library_path);
  }
  const auto probe = reinterpret_cast<MlopsCudaProbeDevicesV1>(symbol);

  std::array<MlopsCudaDevice, kDevicesMax> raw{};
  std::array<char, 256> message{};
  std::int32_t count = 0;
  const std::int32_t error = probe(raw.data(), kDevicesMax, &count, message.data(), message.size());
  if (error != 0) return Status::unavailable(message.data());
  return to_devices(raw, count);
}

}  // namespace mlops
