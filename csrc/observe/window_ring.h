#pragma once
// Counts by time: rings of slots of a minute, an hour and a day, and the sum of all. Any span is a
// sum of whole slots. Not thread-safe; allocates a slot's counts when it is first used.

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "observe/reference.h"

namespace mlops {

struct WindowLevel {
  Duration slot;
  std::size_t slots;
};

struct WindowCounts {
  CountsTable counts;
  std::uint64_t rows_seen = 0;  // counted ones, and those left out to save time
};

class WindowRing {
 public:
  // An hour of minutes, two days of hours, a month of days.
  static std::vector<WindowLevel> usual_levels();

  // Levels ascend by length and by what they reach back.
  explicit WindowRing(ReferencePtr reference, std::vector<WindowLevel> levels = usual_levels());

  // Which of the finest slots `at` is in; rows of one slot may be added together.
  std::int64_t slot_of(TimePoint at) const;
  void add(const CountsTable& counts, std::uint64_t rows_seen, TimePoint at);

  // The slots that `from` to `to` touches, of the finest level that reaches back to `from` from
  // `now`, else of the coarsest.
  WindowCounts between(TimePoint from, TimePoint to, TimePoint now) const;
  const WindowCounts& since_start() const { return total_; }
  void clear();

 private:
  struct Slot {
    std::int64_t index = -1;
    WindowCounts window;  // of no rows: empty counts
  };
  struct Level {
    WindowLevel shape;
    std::vector<Slot> slots;
  };

  void add_to(Level& level, const CountsTable& counts, std::uint64_t rows_seen, TimePoint at);

  ReferencePtr reference_;
  std::vector<Level> levels_;
  WindowCounts total_;
};

}  // namespace mlops
