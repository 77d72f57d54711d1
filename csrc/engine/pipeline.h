#pragma once
// READ FIRST. The front half of every request's story: form -> model -> the model's queue or lane.
// The back half is batch_run.h. Routing and the cache will stand between the two, in this file.
// Thread-safe; never blocks except infer(), which waits for its answer.

#include <atomic>
#include <span>

#include "base/clock.h"
#include "engine/servable.h"
#include "model/catalog.h"
#include "request/validate.h"

namespace mlops {

using ModelCatalog = Catalog<Servable>;

class Pipeline {
 public:
  Pipeline(const ModelCatalog& catalog, const RequestLimits& limits, const Clock& clock)
      : catalog_(catalog), limits_(limits), clock_(clock) {}

  Response infer(Request&& request);
  // Steps of ensembles are let in while new requests are refused: they belong to accepted ones.
  enum class From : std::uint8_t { outside, ensemble };
  void submit(PendingRef pending, From from = From::outside);
  void submit_turn(std::span<PendingRef> turn, From from = From::outside);

  void refuse_new() { draining_.store(true, std::memory_order_release); }
  bool draining() const { return draining_.load(std::memory_order_acquire); }

 private:
  Result<ModelCatalog::Entry> choose(Request& request, From from) const;

  const ModelCatalog& catalog_;
  const RequestLimits& limits_;
  const Clock& clock_;
  std::atomic<bool> draining_{false};
};

}  // namespace mlops
