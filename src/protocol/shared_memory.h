#pragma once
// The shared memory extensions as the protocol sees them: regions that clients registered, tensors
// that lie in them. src/shm has the memory. Thread-safe.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tensor/buffer.h"

namespace mlops {

struct SharedRegion {
  std::string name;
  std::string key;
  std::uint64_t offset = 0;
  std::uint64_t byte_size = 0;
};

// Where a tensor lies, as a request says it.
struct SharedPlace {
  std::string region;
  std::uint64_t offset = 0;  // within the region
  std::uint64_t byte_size = 0;
};

// A place that an output will be written to. Its region stays registered meanwhile.
class SharedOutput {
 public:
  virtual ~SharedOutput() = default;
  virtual Status write(std::span<const std::byte> bytes) = 0;
  virtual const SharedPlace& place() const = 0;
};

class SharedMemory {
 public:
  virtual ~SharedMemory() = default;

  // already_exists when the name is registered, whatever it stands for.
  virtual Status add(const SharedRegion& region) = 0;
  // Unknown names are fine. A region in use goes when its last request does.
  virtual Status remove(const std::string& name) = 0;
  virtual Status remove_all() = 0;
  // One region, or all of them for an empty name.
  virtual Result<std::vector<SharedRegion>> status(const std::string& name) const = 0;

  // The bytes at `place`, copied out: the client may change or truncate the region at any moment.
  // `in_use` holds the region.
  virtual Result<Buffer> read(const SharedPlace& place, Buffer& in_use) = 0;
  virtual Result<std::shared_ptr<SharedOutput>> output(const SharedPlace& place) = 0;
};

Status unknown_region(std::string_view name);
Status shared_memory_disabled();
// What GPU builds would serve.
Status no_cuda_region(std::string_view name);

// Bodies of the HTTP endpoints. The region's name comes from the path.
Result<SharedRegion> parse_shared_registration(std::string_view name, std::string_view body);
Status check_cuda_registration(std::string_view name, std::string_view body);
std::string shared_status_json(std::span<const SharedRegion> regions);

}  // namespace mlops
