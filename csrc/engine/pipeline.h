#pragma once
// READ FIRST. The front half of every request's story: form -> route -> the version's queue or
// lane. The back half is batch_run.h. The cache will stand between the two, in this file.
// Thread-safe; never blocks except infer(), which waits for its answer.

#include <atomic>
#include <span>

#include "base/clock.h"
#include "engine/servable.h"
#include "model/catalog.h"
#include "request/validate.h"
#include "route/route_book.h"

namespace mlops {

using ModelCatalog = Catalog<Servable>;

class Pipeline {
 public:
  Pipeline(const ModelCatalog& catalog, const RouteBook& routes, const RequestLimits& limits,
           const Clock& clock)
      : catalog_(catalog), routes_(routes), limits_(limits), clock_(clock) {}

  Response infer(Request&& request);
  // Steps of ensembles are let in while new requests are refused: they belong to accepted ones.
  enum class From : std::uint8_t { outside, ensemble };
  void submit(PendingRef pending, From from = From::outside);
  void submit_turn(std::span<PendingRef> turn, From from = From::outside);

  void refuse_new() { draining_.store(true, std::memory_order_release); }
  bool draining() const { return draining_.load(std::memory_order_acquire); }

 private:
  struct Chosen {
    ModelCatalog::Entry model;
    Ref<const AnswerWatch> watch;  // of the arm; null: no route chose it
    AnswerMark mark;
  };
  Result<Chosen> choose(Request& request, From from) const;
  Result<Chosen> find(const Request& request) const;
  void heed_guard(const Request& request, Chosen& chosen) const;
  Result<Chosen> choose_by_route(const RouteTable& route, const Request& request) const;

  const ModelCatalog& catalog_;
  const RouteBook& routes_;
  const RequestLimits& limits_;
  const Clock& clock_;
  std::atomic<bool> draining_{false};
};

}  // namespace mlops
