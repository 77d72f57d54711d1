#pragma once
// A version whose answers are kept: before a request reaches its queue, the cache is asked, and of
// equal requests that come at once one runs. Read ADR 52.
//
// Stands between the pipeline, which has chosen the version, and the version's own queue and lanes.
// Thread-safe. Takes no lock while a model runs or a reply is delivered.

#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "cache/prediction_cache.h"
#include "engine/cache_worth.h"
#include "engine/deadline_watch.h"
#include "engine/flight_table.h"
#include "engine/hit_recorder.h"
#include "engine/servable.h"

namespace mlops {

// What cached versions share with the engine. Everything pointed to outlives them.
struct CacheParts {
  PredictionCache* cache = nullptr;
  const KeyMaker* keys = nullptr;
  const Clock* clock = nullptr;
  DeadlineWatch* watch = nullptr;
  CopyMeter* copies = nullptr;
  LogSink* log = nullptr;
  // Hands a request that had been accepted to whatever version answers now.
  std::function<void(PendingRef)> resubmit;
  std::size_t waiting_max = 0;  // requests that wait for another's answer, of a version
  std::uint64_t load = 0;       // of no other load in this process
};

// How one version's answers are kept.
struct CacheTerms {
  Duration ttl{0};      // 0: until it is pushed out
  bool verify = false;  // requests are stored and compared; those above kProofBytesMax are not kept
  static constexpr std::size_t kProofBytesMax = 4096;
  bool rows = false;             // rows are looked for one by one
  std::vector<InputStep> steps;  // inputs whose values share a key with those near them
};

class CachedModel final : public Servable, private FlightOwner {
 public:
  // Who watches the lanes and is told of hits too; both may be null.
  struct Watchers {
    std::shared_ptr<DriftObserver> drift;
    std::shared_ptr<const FeedbackTarget> feedback;
  };
  CachedModel(std::shared_ptr<Servable> model, std::shared_ptr<const ModelInfo> info,
              const Watchers& watchers, CacheParts parts, const CacheTerms& terms);
  ~CachedModel() override;

  const ModelInfo& info() const override { return *info_; }
  ModelStats stats() const override;
  int level() const override { return model_->level(); }
  bool has_queue_policy() const override { return model_->has_queue_policy(); }

  std::optional<std::int64_t> elsewhere(const Request& request) const override {
    return model_->elsewhere(request);
  }
  void sent_elsewhere() override { model_->sent_elsewhere(); }
  bool infer(Request& request, TimePoint now, Response& response) override;
  bool submit(const PendingRef& pending, TimePoint now) override;
  bool submit_turn(std::span<PendingRef> turn, TimePoint now) override;
  TimePoint expire(TimePoint now) override;
  DriftObserver* drift() override { return model_->drift(); }
  void settle_drift() override;
  bool drain(TimePoint deadline) override { return model_->drain(deadline); }
  void stop() override;

  void flush_cache() override { epoch_.fetch_add(1, std::memory_order_relaxed); }

 private:
  // False: the request goes past the cache.
  bool seek(const Request& request, TimePoint now, Sought& sought);
  bool find(const Request& request, const Sought& sought, TimePoint now, Response& response);
  bool restore(const Request& request, const Buffer& stored, Response& response) const;
  void name_answer(const Request& request, const char* mark, Response& response) const;
  bool names_of(const Request& request, std::vector<std::string_view>& names) const;
  std::uint64_t lap(TimePoint& since) const;
  void miss(Flight& flight);

  // What became of a request that was looked for.
  enum class Step : std::uint8_t { answered, waits, leads, passes };
  // `runs` is what the model is to be handed, where that is still to be done.
  Step step(const PendingRef& pending, TimePoint now, TimePoint& since, Ref<Flight>& flight,
            PendingRef& runs);
  Step board(const PendingRef& pending, Sought& sought, TimePoint now, Ref<Flight>& flight);
  void answer(Pending& pending, Response&& response, std::uint64_t rows, TimePoint& since);
  void abandon(Pending& leader, Flight& flight);

  // In cached_rows.cc.
  class RowsCall;
  bool seek_rows(const Request& request, const CacheKey& scope, Sought& sought) const;
  bool put_together(const Request& request, const RowSearch& rows, Response& response) const;
  bool find_rows(const Request& request, RowSearch& rows, TimePoint now, Response& response) const;
  bool run(Flight& flight, Request& request, TimePoint now, Response& response);
  PendingRef what_runs(const PendingRef& pending, Flight& flight);
  bool join(const Request& request, const RowSearch& rows, Response& response);
  void take_rows(Pending& whole, const RowSearch& rows, Response&& response) noexcept;

  void land(Flight& flight, const Response& response) noexcept override;
  void arrive(Flight& flight, const Response& response) noexcept;
  void keep(const Flight& flight, const Response& response);
  void judge();
  void share(Flight& flight, const Response& response);
  bool promote(Flight& flight);
  void send_on(Flight& flight);

  const std::shared_ptr<Servable> model_;
  const std::shared_ptr<const ModelInfo> info_;
  const CacheParts parts_;
  const CacheTerms terms_;
  const CacheKey scope_;
  const bool all_outputs_;  // somebody watches them: requests for fewer go past the cache
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<std::uint64_t> run_ns_{0};  // of a request that was not found, learned
  std::shared_ptr<FlightTable> flights_;
  CacheWorth worth_;
  HitRecorder recorder_;
  FailureRecorder failures_;  // of those that waited for another's answer
};

}  // namespace mlops
