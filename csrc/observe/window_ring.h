#pragma once
// Counts by time: rings of slots of a minute, an hour and a day, the sum of all, and of each hour
// of the week what earlier weeks gave. Any span is a sum of whole slots. Not thread-safe; allocates
// a slot's counts when it is first used.

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "observe/reference.h"

namespace mlops {

inline constexpr std::size_t kWeeklyStreamsMax = 512;

struct WindowLevel {
  Duration slot;
  std::size_t slots;
};

struct WindowCounts {
  CountsTable counts;
  std::uint64_t rows_seen = 0;  // counted ones, and those left out to save time
};

// A window and what came right before it, as many slots of the same length.
struct TwoWindows {
  WindowCounts now;
  WindowCounts before;
};

class WindowRing {
 public:
  // An hour of minutes, two days of hours, a month of days.
  static std::vector<WindowLevel> usual_levels();

  // Levels ascend by length and by what they reach back.
  explicit WindowRing(ReferencePtr reference, std::vector<WindowLevel> levels = usual_levels());

  // When the finest slot that `at` is in begins; rows of one slot may be added together.
  TimePoint slot_begin(TimePoint at) const;
  Duration finest_slot() const { return levels_.front().shape.slot; }
  void add(const CountsTable& counts, std::uint64_t rows_seen, TimePoint at);

  // The slots that `from` to `to` touches, of the finest level that reaches back to `from` from
  // `now`, else of the coarsest.
  WindowCounts between(TimePoint from, TimePoint to, TimePoint now) const;
  const WindowCounts& since_start() const { return total_; }
  // The last `span` and the one before. invalid_argument when no level reaches back twice as far.
  Result<TwoWindows> periods(Duration span, TimePoint now) const;
  // The last `span` in whole hours, at most a week, and the same hours of all earlier weeks.
  // unimplemented of more streams than kWeeklyStreamsMax, whose weeks are not kept.
  Result<TwoWindows> hours_of_week(Duration span, TimePoint now) const;
  // All there was, where a row of `half_life` ago counts half; to whole rows.
  WindowCounts decayed(Duration half_life, TimePoint now) const;
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

  // Of one hour of the week: the latest of them, and the sum of those before.
  struct HourOfWeek {
    Slot latest;
    WindowCounts earlier;
  };

  WindowCounts sum_of(const Level& level, std::int64_t first, std::int64_t last) const;
  void add_to_week(const CountsTable& counts, std::uint64_t rows_seen, TimePoint at);
  void add_to(Level& level, const CountsTable& counts, std::uint64_t rows_seen, TimePoint at);

  ReferencePtr reference_;
  std::vector<Level> levels_;
  std::vector<HourOfWeek> week_;  // empty where weeks are not kept
  WindowCounts total_;
};

}  // namespace mlops
