#pragma once
// Who computes what right now, so that equal requests that come meanwhile wait for the one answer
// instead of computing it again.
//
// The first request of a key leads its flight; the others wait on it, with their own deadlines and
// cancellation. Thread-safe; a table is destroyed when nothing flies.

#include <array>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "cache/key.h"
#include "engine/row_search.h"
#include "request/pending.h"

namespace mlops {

class Flight;

struct Sought {
  CacheKey key;
  KeyProof proof;  // empty: not compared
  // Null: the request is looked for as a whole. Who leads a flight uses it, and then who answers.
  std::shared_ptr<RowSearch> rows;

  // What is computed for one is the other's answer.
  bool equals(const Sought& other) const;
};

// Whose flights they are.
class FlightOwner {
 public:
  virtual ~FlightOwner() = default;
  // The leader has been answered.
  virtual void land(Flight& flight, const Response& response) noexcept = 0;
};

class Flight final : public AnswerFollower {
 public:
  Flight(FlightOwner& owner, Sought&& what, TimePoint start)
      : sought(std::move(what)), began(start), owner_(owner) {}
  void answered(Pending& /*leader*/, const Response& response) noexcept override {
    owner_.land(*this, response);
  }

  const Sought sought;
  const TimePoint began;
  // How many misses its times stand for; 0: it is not timed. Set by who leads, before anybody can
  // answer.
  std::uint64_t timed = 0;
  PendingRef part;  // runs the rows that were not found, for who leads; likewise

 private:
  friend class FlightTable;
  FlightOwner& owner_;
  Flight* next_ = nullptr;  // in its row; guarded by the table's shard, as all below
  std::vector<PendingRef> waiting_;
  bool over_ = false;
};

class FlightTable {
 public:
  explicit FlightTable(std::size_t waiting_max) : waiting_max_(waiting_max) {}

  // The flight of a key, which takes `sought` when it begins with this call (`leads`). Whoever
  // leads must see to it that end() comes.
  struct Boarding {
    Ref<Flight> flight;
    bool leads = false;
  };
  Boarding board(Sought& sought, FlightOwner& owner, TimePoint now);

  // False when the flight is over or too many wait: the request is then the caller's again.
  bool wait(Flight& flight, const PendingRef& pending);
  // Takes one out; false when it is not there any more.
  bool leave(Flight& flight, const PendingRef& pending);
  // The next that waits and has not been answered; null, and the flight is over, when there is
  // none.
  PendingRef next(Flight& flight);
  // The flight is over, and nobody can join it any more; those who waited.
  std::vector<PendingRef> close(Flight& flight);
  // One more that stop() has to wait for until its end(), without a key.
  void begin() { flying_.fetch_add(1, std::memory_order_relaxed); }
  // Everything that had to be done for a flight that is over has been done.
  void end();

  // Takes out those whose deadline has passed; the earliest one left.
  TimePoint collect_expired(TimePoint now, std::vector<PendingRef>& expired);
  // Blocks until nothing flies.
  void await_calm();

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kRows = 64;
  struct alignas(64) Shard {
    std::mutex mutex;
    // Those that fly, by key. No references: who leads a flight has one until it is closed.
    std::array<Flight*, kRows> rows{};  // guarded by mutex
  };
  Shard& shard_of(const CacheKey& key) { return shards_[key.high % kShards]; }
  static Flight*& row_of(Shard& shard, const CacheKey& key) { return shard.rows[key.low % kRows]; }
  static void close_locked(Shard& shard, Flight& flight);
  TimePoint take_expired_locked(Flight& flight, TimePoint now, std::vector<PendingRef>& expired);

  const std::size_t waiting_max_;
  std::atomic<std::size_t> waiting_{0};
  std::array<Shard, kShards> shards_;
  std::mutex calm_mutex_;
  std::condition_variable calm_;
  std::atomic<bool> awaited_{false};  // that nothing flies
  std::atomic<std::size_t> flying_{0};
};

}  // namespace mlops
