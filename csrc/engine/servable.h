#pragma once
// What answers under a name and a version: a model with lanes (served_model.h), or an ensemble that
// passes tensors between models (served_ensemble.h).
// Thread-safe, but for destruction, which comes after stop().

#include <optional>
#include <span>

#include "engine/engine.h"

namespace mlops {

class Servable {
 public:
  virtual ~Servable() = default;

  virtual const ModelInfo& info() const = 0;
  virtual ModelStats stats() const = 0;
  // 0 for a model; above that of all its members for an ensemble, which is wound down before them.
  virtual int level() const { return 0; }

  // What a request's timeout_us means: how long it may wait in this queue, as its policy says; else
  // it is made a deadline before the request is handed over.
  virtual bool has_queue_policy() const { return false; }

  // A version of the same model that answers this request instead, by the verdict of a guard; the
  // one that does may not send it on.
  virtual std::optional<std::int64_t> elsewhere(const Request& /*request*/) const {
    return std::nullopt;
  }
  // It did.
  virtual void sent_elsewhere() {}

  // All three answer, now or later, every request that they take. They take none (false) once the
  // version winds down: the caller then looks the name up again, so that a swap of versions loses
  // nothing. What submit_turn takes or answers it also nulls in `turn`.
  virtual bool infer(Request& request, TimePoint now, Response& response) = 0;
  virtual bool submit(const PendingRef& pending, TimePoint now) = 0;
  virtual bool submit_turn(std::span<PendingRef> turn, TimePoint now) = 0;

  // How many requests wait to be run now.
  virtual std::size_t waiting() const { return 0; }
  // Answers what has passed its deadline, waiting or running; returns the earliest one left.
  virtual TimePoint expire(TimePoint now) = 0;

  // Null: its rows are not watched.
  virtual DriftObserver* drift() { return nullptr; }
  // Lets every lane that is idle hand over what it has counted.
  virtual void settle_drift() {}

  // Nothing that was kept of its answers so far is found any more.
  virtual void flush_cache() {}

  // Takes no more requests, waits for accepted ones until `deadline`; true when none is left.
  virtual bool drain(TimePoint deadline) = 0;
  // Fails what still waits (unavailable) and ends its threads. Idempotent.
  virtual void stop() = 0;
};

}  // namespace mlops
