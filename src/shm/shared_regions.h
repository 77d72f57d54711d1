#pragma once
// System shared memory: POSIX objects of /dev/shm that clients share with this server.
//
// Nothing is mapped. Inputs are copied out with pread and outputs in with pwrite, so that a client
// which truncates its object gets an error (a mapping would raise SIGBUS here), and one which
// changes it cannot change what was already validated (ADR 12). Thread-safe; blocks for as long as
// a copy within memory takes.

#include <map>
#include <mutex>

#include "net/fd.h"
#include "protocol/shared_memory.h"
#include "tensor/copy_meter.h"
#include "tensor/slab_pool.h"

namespace mlops {

class SharedRegions final : public SharedMemory {
 public:
  // Both must outlive every request; inputs are copied into `inputs`.
  SharedRegions(SlabPool& inputs, CopyMeter& copies) : inputs_(inputs), copies_(copies) {}

  Status add(const SharedRegion& region) override;
  Status remove(const std::string& name) override;
  Status remove_all() override;
  Result<std::vector<SharedRegion>> status(const std::string& name) const override;
  Result<Buffer> read(const SharedPlace& place, Buffer& in_use) override;
  Result<std::shared_ptr<SharedOutput>> output(const SharedPlace& place) override;

  static constexpr std::size_t kRegionsMax = 1024;  // each holds a file descriptor

 private:
  struct Region {
    SharedRegion facts;
    Fd object;
    std::size_t uses = 0;  // guarded by Table::mutex
    bool leaving = false;  // guarded by Table::mutex: unregistered, goes with its last use
  };
  // Shared with whoever uses a region: requests may outlive the server's other parts.
  struct Table {
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<Region>> regions;  // guarded by mutex
  };
  using Use = std::shared_ptr<const Region>;
  class Output;

  Result<Use> use(const SharedPlace& place);
  static void remove_locked(Table& table, const std::string& name);

  std::shared_ptr<Table> table_ = std::make_shared<Table>();
  SlabPool& inputs_;
  CopyMeter& copies_;
};

}  // namespace mlops
