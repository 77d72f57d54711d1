// Requests of several lengths in one batch: the part of BatchQueue that takes from more than one
// line.

#include "batch/batch_queue.h"

namespace mlops {

std::size_t BatchQueue::waiting_lengths(std::vector<WaitingLength>& lengths) {
  lengths.clear();
  const auto head = next_up();
  std::size_t opens = 0;
  bool found = false;
  for (auto it = lines_.begin(); it != lines_.end(); ++it) {
    const auto& [place, line] = *it;
    const std::int64_t length = length_of(place.bucket);
    if (!place.same_rank(head->first) || line.waiting.empty() || length == 0) continue;
    if (it == head) {
      opens = lengths.size();
      found = true;
    }
    lengths.push_back({length, line.rows});
  }
  return found ? opens : lengths.size();
}

void BatchQueue::take_lengths(const LengthRange& range, std::int64_t rows_max,
                              std::vector<Job>& batch) {
  const auto head = next_up();
  std::int64_t rows = 0;
  if (!fill(head->second, rows_max, rows, batch)) return;
  for (auto it = lines_.begin(); it != lines_.end(); ++it) {
    const bool wanted = it != head && it->first.same_rank(head->first) &&
                        range.contains(length_of(it->first.bucket));
    if (wanted && !fill(it->second, rows_max, rows, batch)) return;
  }
}

}  // namespace mlops
