#include "batch/sequence_slots.h"

#include <algorithm>

namespace mlops {

SequenceSlots::SequenceSlots(const SequenceLimits& limits)
    : limits_(limits), slots_(limits.slots, nullptr) {
  for (std::size_t slot = 0; slot < limits.slots; ++slot) free_.insert(slot);
}

SequenceSlots::Admission SequenceSlots::add(SequenceStep& step, TimePoint now) {
  const auto found = sequences_.find(step.mark.id);
  const bool open = found != sequences_.end() && !found->second.ended;
  if (!open && !step.mark.start) return Admission::not_started;
  if (waiting_ >= limits_.requests_max) return Admission::full;
  // A sequence that starts again under the id of one that has requests left follows it in its slot.
  Sequence& sequence = sequences_[step.mark.id];
  if (found == sequences_.end()) {
    sequence.id = step.mark.id;
    if (free_.empty()) {
      backlog_.push_back(&sequence);
    } else {
      bind(sequence);
    }
  }
  sequence.last_at = now;
  sequence.ended = step.mark.end;
  sequence.waiting.push_back({std::move(step), arrivals_++});
  ++waiting_;
  return Admission::taken;
}

void SequenceSlots::bind(Sequence& sequence) {
  sequence.slot = *free_.begin();
  free_.erase(free_.begin());
  slots_[sequence.slot] = &sequence;
}

// Gives the slot to the sequence that has waited longest. The sequence is gone afterwards.
void SequenceSlots::release(Sequence& sequence) {
  const std::size_t slot = sequence.slot;
  if (slot == kNoSlot) {
    backlog_.remove(&sequence);
  } else {
    slots_[slot] = nullptr;
    free_.insert(slot);
  }
  const SequenceId id = sequence.id;
  sequences_.erase(id);
  if (slot == kNoSlot || backlog_.empty()) return;
  bind(*backlog_.front());
  backlog_.pop_front();
}

void SequenceSlots::settle(Sequence& sequence) {
  if (sequence.ended && sequence.waiting.empty() && !sequence.running) release(sequence);
}

// False when the sequence had to be given up.
bool SequenceSlots::drop_dead(Sequence& sequence) {
  if (sequence.waiting.empty() || !sequence.waiting.front().step.pending->done()) return true;
  // Everything up to the next start is lost with it.
  do {
    dropped_.push_back(std::move(sequence.waiting.front().step.pending));
    sequence.waiting.pop_front();
    --waiting_;
  } while (!sequence.waiting.empty() && !sequence.waiting.front().step.mark.start);
  if (!sequence.waiting.empty()) return drop_dead(sequence);
  sequence.ended = true;
  settle(sequence);
  return false;
}

SequenceSlots::Sequence* SequenceSlots::ready_in(std::size_t slot) const {
  Sequence* sequence = slots_[slot];
  return sequence && !sequence->running && !sequence->waiting.empty() ? sequence : nullptr;
}

bool SequenceSlots::ready(std::size_t lane, std::size_t lanes) const {
  for (std::size_t slot = lane; slot < slots_.size(); slot += lanes) {
    if (ready_in(slot)) return true;
  }
  return false;
}

void SequenceSlots::take(std::size_t lane, std::size_t lanes, std::size_t count_max,
                         std::vector<SequenceStep>& batch) {
  std::vector<Sequence*> candidates;
  for (std::size_t slot = lane; slot < slots_.size(); slot += lanes) {
    while (Sequence* sequence = ready_in(slot)) {
      if (!drop_dead(*sequence)) continue;  // another sequence may have the slot now
      candidates.push_back(sequence);
      break;
    }
  }
  std::ranges::sort(candidates, {}, [](const Sequence* s) { return s->waiting.front().number; });
  for (Sequence* sequence : candidates) {
    if (batch.size() >= count_max) return;
    SequenceStep& next = sequence->waiting.front().step;
    // Answered in this instant: the next take() gives it up.
    if (!next.pending->claim()) continue;
    next.slot = sequence->slot;
    next.first_here = next.mark.start || sequence->fresh;
    sequence->fresh = false;
    sequence->running = true;
    ++running_;
    --waiting_;
    batch.push_back(std::move(next));
    sequence->waiting.pop_front();
  }
}

void SequenceSlots::finished(std::size_t slot, TimePoint now) {
  Sequence& sequence = *slots_[slot];
  sequence.running = false;
  sequence.last_at = now;
  --running_;
  settle(sequence);
}

TimePoint SequenceSlots::expire(TimePoint now) {
  TimePoint next = kNever;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    Sequence* sequence = slots_[slot];
    if (!sequence || sequence->running || !sequence->waiting.empty()) continue;
    const TimePoint idle_at = sequence->last_at + limits_.idle_max;
    if (idle_at > now) {
      next = std::min(next, idle_at);
    } else {
      release(*sequence);
    }
  }
  return next;
}

std::vector<PendingRef> SequenceSlots::waiting_requests() const {
  std::vector<PendingRef> requests;
  for (const auto& [id, sequence] : sequences_) {
    for (const Waiting& waiting : sequence.waiting) requests.push_back(waiting.step.pending);
  }
  return requests;
}

std::vector<PendingRef> SequenceSlots::take_all() {
  std::vector<PendingRef> all = take_dropped();
  for (auto& entry : sequences_) {
    Sequence& sequence = entry.second;
    sequence.ended = true;
    for (Waiting& waiting : sequence.waiting) all.push_back(std::move(waiting.step.pending));
    sequence.waiting.clear();
  }
  waiting_ = 0;
  return all;
}

}  // namespace mlops
