#pragma once
// The threads on which lanes run, shared by all models of an engine: as many turns at a time as the
// process may use cores, however many models there are. Whose turn it is, is fair_share.h's.
//
// A turn that computes has one of the cores. One whose back end is known to wait instead has none.
// One that has not come back after kTurnMax loses its core while others want it: another thread
// takes over, and the kernel divides the core among both, so that neither a slow nor an endless
// model holds up the rest. Once there are as many such turns as cores that takes four times as
// long, and so on: slow turns do not become a crowd. There are as many threads as turns under way,
// and one that watches.
//
// Thread-safe. A turn runs without the pool's lock. ask() may be called with the caller's own lock
// held: the pool never takes it while it holds its own.

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "batch/fair_share.h"
#include "engine/stats.h"

namespace mlops {

class LanePool {
 public:
  static constexpr Duration kTurnMax = std::chrono::milliseconds(20);

  struct Terms {
    double weight = 1;
    bool waits = false;             // its turns wait more than they compute
    unsigned threads_per_turn = 1;  // what a turn computes on besides the pool's thread, with it
  };

  // One model version's place in the pool.
  class Seat final : public FairShare::Account {
   public:
    ~Seat() { leave(); }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    // There is something to run. A turn begins after this, or finds it already under way later
    // than this: what was put where turns look, before, is seen. Never blocks for long.
    void ask();
    // Likewise at a time to come; the earliest counts.
    void ask_at(TimePoint at);
    // No turn begins from now on; waits for those under way. Not from a turn.
    void leave();
    // Processor time of its turns.
    Duration computed() const;

   private:
    friend class LanePool;
    Seat(LanePool& pool, std::function<bool()> turn, const Terms& terms)
        : Account(terms.weight), pool_(pool), turn_(std::move(turn)), terms_(terms) {}

    LanePool& pool_;
    const std::function<bool()> turn_;
    const Terms terms_;
    // Guarded by the pool's lock.
    bool queued_ = false;  // ready, or to be run without a core
    TimePoint asked_at_{};
    TimePoint at_ = kNever;
    unsigned inside_ = 0;  // turns under way
    bool left_ = false;
    Duration computed_{0};
  };

  // `cores`: 0 for as many as the process may use. `clock` outlives the pool.
  LanePool(unsigned cores, const Clock& clock);
  ~LanePool();  // joins; every seat has been left

  // `turn` runs one batch, or whatever there is, and says whether more could run now. It is called
  // from any number of threads at once. The pool outlives the seat.
  std::unique_ptr<Seat> enter(std::function<bool()> turn, const Terms& terms);

  unsigned cores() const { return cores_; }
  PoolStats stats() const;

 private:
  struct Run {
    TimePoint began;
    bool has_core;
  };

  void work();
  void run(Seat& seat, TimePoint now, std::unique_lock<std::mutex>& lock);
  bool wait(TimePoint now, std::unique_lock<std::mutex>& lock);
  Seat* next_locked(TimePoint now);
  void queue_locked(Seat& seat, TimePoint now);
  void queue_due_locked(TimePoint now);
  Duration turn_max_locked() const;
  void take_cores_back_locked(TimePoint now);
  bool can_begin_locked() const;
  TimePoint next_event_locked() const;
  void tell_locked();
  void add_thread_locked();

  const unsigned cores_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable gone_;  // a turn of a seat that is being left has ended
  // All guarded by mutex_.
  FairShare share_;
  std::list<Seat*> without_core_;  // ready, need no core
  std::set<std::pair<TimePoint, Seat*>> later_;
  std::vector<Run*> on_cores_;        // oldest first
  std::size_t lent_ = 0;              // turns under way that have lost their core
  std::size_t turns_ = 0;             // turns under way
  std::size_t idle_ = 0;              // threads that wait
  TimePoint watched_until_ = kNever;  // some waiting thread looks again by then
  bool stopping_ = false;
  PoolStats stats_;
  std::list<std::jthread> threads_;
  std::vector<std::jthread> retired_;  // about to end
};

}  // namespace mlops
