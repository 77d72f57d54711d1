// Decides which request starts when, on which slot, with which row. No sockets and no clock.
//
// A slot is one place for a request in flight (a connection, or one stream of it). In a closed loop
// a free slot starts at once. In an open loop requests follow the schedule; when no slot is free
// the schedule is not shortened: the request starts late and its latency still counts from its
// intended instant. Rows rotate, so that no branch predictor or cache can learn one input. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "loadgen/arrival_schedule.h"
#include "loadgen/recorder.h"

namespace mlops::loadgen {

class Dispatcher {
 public:
  struct Start {
    std::size_t slot;
    std::size_t row;
  };

  // No schedule: closed loop. The recorder must outlive the dispatcher.
  Dispatcher(std::size_t slots, std::size_t rows, std::optional<ArrivalSchedule> schedule,
             Recorder& recorder);

  // The next request to send at this instant; call until it has nothing.
  std::optional<Start> next(std::int64_t now_ns);
  // When next() will have something without a reply arriving; nothing if only a reply can change
  // that.
  std::optional<std::int64_t> next_due_ns() const;

  void on_reply(std::size_t slot, Outcome outcome, std::int64_t now_ns);
  // Slots in flight that were started before the given instant, for time-outs.
  std::vector<std::size_t> started_before(std::int64_t instant_ns) const;

  std::size_t in_flight() const { return slots_.size() - free_.size(); }
  std::size_t row_of(std::size_t slot) const { return slots_[slot].row; }
  bool active(std::size_t slot) const { return slots_[slot].active; }

  // True when nothing that belongs to a window is outstanding. A closed loop has nothing to wait
  // for.
  bool drained() const;
  // Gives up on what is outstanding and records it as unfinished.
  void abandon(std::int64_t now_ns);

 private:
  struct Slot {
    bool active = false;
    std::size_t row = 0;
    std::int64_t intended_ns = 0;
    std::int64_t started_ns = 0;
  };

  bool schedule_over() const;

  std::vector<Slot> slots_;
  std::deque<std::size_t> free_;  // first in, first out: arrivals spread over all connections
  std::size_t rows_;
  std::size_t next_row_ = 0;
  std::optional<ArrivalSchedule> schedule_;
  Recorder& recorder_;
};

}  // namespace mlops::loadgen
