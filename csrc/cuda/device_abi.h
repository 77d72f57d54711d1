#pragma once
// The C interface of libmlops_cuda.so, which is compiled by nvcc and loaded with dlopen. Plain C
// types only, so that the two sides may be built by different compilers; a change of meaning gets a
// new function name, never a new layout.

#include <cstddef>
#include <cstdint>

extern "C" {

struct MlopsCudaDevice {
  char name[256];  // zero-terminated
  std::uint64_t memory_bytes;
  std::int32_t compute_major;
  std::int32_t compute_minor;
  std::int32_t multiprocessors;
};

// Writes up to `capacity` devices and the number present to `*count`. Returns 0, or the CUDA error
// with its text in `message` (no driver and no device are such errors). Blocks while the driver
// initialises, which can take a second.
std::int32_t mlops_cuda_probe_devices_v1(MlopsCudaDevice* devices, std::int32_t capacity,
                                         std::int32_t* count, char* message,
                                         std::size_t message_size);

using MlopsCudaProbeDevicesV1 = decltype(&mlops_cuda_probe_devices_v1);
}
