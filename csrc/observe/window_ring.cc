#include "observe/window_ring.h"

#include <algorithm>

namespace mlops {
namespace {

std::int64_t index_of(TimePoint at, Duration slot) {
  return std::chrono::duration_cast<Duration>(at.time_since_epoch()).count() / slot.count();
}

void add_window(WindowCounts& to, const CountsTable& counts, std::uint64_t rows_seen) {
  for (std::size_t i = 0; i < to.counts.size(); ++i) to.counts[i].add(counts[i]);
  to.rows_seen += rows_seen;
}

}  // namespace

std::vector<WindowLevel> WindowRing::usual_levels() {
  using std::chrono::hours;
  return {{std::chrono::minutes(1), 60}, {hours(1), 48}, {hours(24), 30}};
}

WindowRing::WindowRing(ReferencePtr reference, std::vector<WindowLevel> levels)
    : reference_(std::move(reference)) {
  for (const WindowLevel& level : levels) {
    levels_.push_back({level, std::vector<Slot>(level.slots + 1)});  // one is not full yet
  }
  total_.counts = reference_->empty_counts();
}

std::int64_t WindowRing::slot_of(TimePoint at) const {
  return index_of(at, levels_.front().shape.slot);
}

void WindowRing::add_to(Level& level, const CountsTable& counts, std::uint64_t rows_seen,
                        TimePoint at) {
  const std::int64_t index = index_of(at, level.shape.slot);
  Slot& slot = level.slots[static_cast<std::size_t>(index) % level.slots.size()];
  if (index < slot.index) return;  // so late that its slot is somebody else's
  if (index > slot.index) slot = {index, {}};
  if (slot.window.counts.empty()) slot.window.counts = reference_->empty_counts();
  add_window(slot.window, counts, rows_seen);
}

void WindowRing::add(const CountsTable& counts, std::uint64_t rows_seen, TimePoint at) {
  for (Level& level : levels_) add_to(level, counts, rows_seen, at);
  add_window(total_, counts, rows_seen);
}

WindowCounts WindowRing::between(TimePoint from, TimePoint to, TimePoint now) const {
  const auto reaches = [&](const Level& level) {
    return from >= now - level.shape.slot * static_cast<std::int64_t>(level.shape.slots);
  };
  const auto found = std::ranges::find_if(levels_, reaches);
  const Level& level = found != levels_.end() ? *found : levels_.back();
  const std::int64_t first = index_of(from, level.shape.slot);
  const std::int64_t last = index_of(to, level.shape.slot);
  const std::int64_t oldest =
      index_of(now, level.shape.slot) - static_cast<std::int64_t>(level.shape.slots);
  WindowCounts sum{reference_->empty_counts(), 0};
  for (const Slot& slot : level.slots) {
    if (slot.index < std::max(first, oldest) || slot.index > last) continue;
    if (slot.window.counts.empty()) continue;
    add_window(sum, slot.window.counts, slot.window.rows_seen);
  }
  return sum;
}

void WindowRing::clear() {
  for (Level& level : levels_) level.slots.assign(level.slots.size(), Slot{});
  total_ = {reference_->empty_counts(), 0};
}

}  // namespace mlops
