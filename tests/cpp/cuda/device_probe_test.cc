#include "cuda/device_probe.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

TEST(DeviceProbe, a_missing_library_is_not_found_and_named) {
  const auto devices = probe_cuda_devices("/nonexistent/libmlops_cuda.so");
  ASSERT_FALSE(devices.ok());
  EXPECT_EQ(devices.status().code(), Code::not_found);
  EXPECT_NE(devices.status().message().find("/nonexistent/libmlops_cuda.so"), std::string::npos);
}

TEST(DeviceProbe, another_library_is_refused) {
  const auto devices = probe_cuda_devices("libm.so.6");
  ASSERT_FALSE(devices.ok());
  EXPECT_EQ(devices.status().code(), Code::unimplemented);
}

#ifdef MLOPS_CUDA_LIBRARY
// Runs wherever nvcc built the library: it must answer on machines with and without a driver, and
// never crash.
TEST(DeviceProbe, the_real_library_lists_devices_or_says_why_not) {
  const auto devices = probe_cuda_devices(MLOPS_CUDA_LIBRARY);
  if (!devices.ok()) {
    EXPECT_EQ(devices.status().code(), Code::unavailable) << devices.status().to_string();
    EXPECT_NE(devices.status().message().find("cudaError"), std::string::npos)
        << devices.status().message();
    return;
  }
  EXPECT_FALSE(devices.value().empty());
  for (const CudaDevice& device : devices.value()) {
    EXPECT_FALSE(device.name.empty());
    EXPECT_GT(device.memory_bytes, 0U);
    EXPECT_GE(device.compute_major, 7);
    EXPECT_GT(device.multiprocessors, 0);
  }
}
#endif

}  // namespace
}  // namespace mlops
