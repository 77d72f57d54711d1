#pragma once
// Which sequence may run where and when: pure bookkeeping over numbered slots, no threads.
//
// A sequence takes a slot with its first request and keeps it to its last one; sequences that find
// none wait in the order in which they came. The requests of one sequence run one at a time, in
// order; a sequence that was left alone for too long gives its slot back. A request that is
// answered before it ran (cancelled, expired) ends its sequence: what follows it would compute on a
// state that never was. Not thread-safe: the owner's lock guards it.

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <vector>

#include "base/clock.h"
#include "request/pending.h"
#include "request/sequence_mark.h"

namespace mlops {

// One request on its way through its sequence.
struct SequenceStep {
  PendingRef pending;
  SequenceMark mark;
  std::size_t slot = 0;     // once taken
  bool first_here = false;  // once taken: of its sequence in this slot, or a restart
};

struct SequenceLimits {
  std::size_t slots = 1;
  std::size_t requests_max = 1;  // waiting, all sequences together
  Duration idle_max = std::chrono::seconds(1);
};

class SequenceSlots {
 public:
  explicit SequenceSlots(const SequenceLimits& limits);

  enum class Admission { taken, not_started, full };
  // Does not move from `step` unless taken.
  Admission add(SequenceStep& step, TimePoint now);

  // Appends the requests that can run now, claimed, oldest first, at most `count_max` and one per
  // slot; only of slots with slot % lanes == lane. Each slot is busy until finished().
  void take(std::size_t lane, std::size_t lanes, std::size_t count_max,
            std::vector<SequenceStep>& batch);
  void finished(std::size_t slot, TimePoint now);

  // Something could be taken.
  bool ready(std::size_t lane, std::size_t lanes) const;
  // Ends sequences that have been idle for too long; returns when the next one will have been.
  TimePoint expire(TimePoint now);

  std::size_t waiting() const { return waiting_; }
  std::size_t running() const { return running_; }
  // Everything that waits, and forgets all sequences that are not running.
  std::vector<PendingRef> take_all();
  std::vector<PendingRef> waiting_requests() const;
  // Requests that were dropped because they, or one before them, had been answered. To be failed or
  // released outside the lock.
  std::vector<PendingRef> take_dropped() { return std::exchange(dropped_, {}); }

 private:
  static constexpr std::size_t kNoSlot = static_cast<std::size_t>(-1);
  struct Waiting {
    SequenceStep step;
    std::uint64_t number;  // of arrival
  };
  struct Sequence {
    SequenceId id;
    std::deque<Waiting> waiting;
    std::size_t slot = kNoSlot;
    bool running = false;
    bool fresh = true;   // nothing of it has run
    bool ended = false;  // the last request that came was its end
    TimePoint last_at{};
  };
  using Sequences = std::map<SequenceId, Sequence>;

  Sequence* ready_in(std::size_t slot) const;
  void bind(Sequence& sequence);
  void release(Sequence& sequence);
  void settle(Sequence& sequence);
  bool drop_dead(Sequence& sequence);

  const SequenceLimits limits_;
  Sequences sequences_;  // open, or with requests that wait or run
  std::vector<Sequence*> slots_;
  std::set<std::size_t> free_;
  std::list<Sequence*> backlog_;  // without a slot, oldest first
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
  std::uint64_t arrivals_ = 0;
  std::vector<PendingRef> dropped_;
};

}  // namespace mlops
