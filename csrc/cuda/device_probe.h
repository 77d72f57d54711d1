#pragma once
// What CUDA devices this machine has, asked of libmlops_cuda.so at run time: the CPU build needs
// neither CUDA's headers nor its libraries.

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace mlops {

struct CudaDevice {
  std::string name;
  std::uint64_t memory_bytes = 0;
  int compute_major = 0;
  int compute_minor = 0;
  int multiprocessors = 0;
};

// Loads the library at `library_path` and asks it. Any thread; blocks while the driver initialises.
// The library stays loaded for the life of the process, for a driver does not survive being
// unloaded.
//   not_found      the library cannot be loaded (a CPU build has none); the message is the loader's
//   own unimplemented  the file is a library, but not this version's libmlops_cuda.so unavailable
//   no driver, no device, or the driver is older than the library; the message is CUDA's own
Result<std::vector<CudaDevice>> probe_cuda_devices(const std::string& library_path);

}  // namespace mlops
