#include "observe/window_ring.h"

#include <algorithm>
#include <cmath>

namespace mlops {
namespace {

std::int64_t index_of(TimePoint at, Duration slot) {
  return std::chrono::duration_cast<Duration>(at.time_since_epoch()).count() / slot.count();
}

void add_window(WindowCounts& to, const CountsTable& counts, std::uint64_t rows_seen) {
  for (std::size_t i = 0; i < to.counts.size(); ++i) to.counts[i].add(counts[i]);
  to.rows_seen += rows_seen;
}

constexpr std::int64_t kHoursOfWeek = 168;
constexpr Duration kHour = std::chrono::hours(1);

// Counts that are no whole numbers until they are rounded once.
struct WeighedSum {
  std::vector<double> masses;
  Moments moments;  // all but n
  double n = 0;
};

void add_weighed(std::vector<WeighedSum>& to, const CountsTable& counts, double weight) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    WeighedSum& sum = to[i];
    sum.masses.resize(counts[i].masses.size());
    for (std::size_t k = 0; k < sum.masses.size(); ++k) {
      sum.masses[k] += weight * static_cast<double>(counts[i].masses[k]);
    }
    const Moments& of = counts[i].moments;
    sum.n += weight * static_cast<double>(of.n);
    sum.moments.add({0, weight * of.sum, weight * of.sum2, of.min, of.max});
  }
}

std::uint64_t rounded(double count) { return static_cast<std::uint64_t>(std::llround(count)); }

// Sums are brought to as many rows as are left of their number.
void round_to(const WeighedSum& sum, StreamCounts& to) {
  for (std::size_t k = 0; k < sum.masses.size(); ++k) to.masses[k] = rounded(sum.masses[k]);
  const std::uint64_t n = rounded(sum.n);
  if (n == 0) return;
  const double scale = static_cast<double>(n) / sum.n;
  to.moments = {n, sum.moments.sum * scale, sum.moments.sum2 * scale, sum.moments.min,
                sum.moments.max};
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
  if (reference_->streams.size() <= kWeeklyStreamsMax) week_.resize(kHoursOfWeek);
}

TimePoint WindowRing::slot_begin(TimePoint at) const {
  return TimePoint(finest_slot() * index_of(at, finest_slot()));
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
  add_to_week(counts, rows_seen, at);
  add_window(total_, counts, rows_seen);
}

void WindowRing::add_to_week(const CountsTable& counts, std::uint64_t rows_seen, TimePoint at) {
  if (week_.empty()) return;
  const std::int64_t index = index_of(at, kHour);
  HourOfWeek& hour = week_[static_cast<std::size_t>(index % kHoursOfWeek)];
  if (index < hour.latest.index) return;
  if (index > hour.latest.index) {
    if (!hour.latest.window.counts.empty()) {
      if (hour.earlier.counts.empty()) hour.earlier.counts = reference_->empty_counts();
      add_window(hour.earlier, hour.latest.window.counts, hour.latest.window.rows_seen);
    }
    hour.latest = {index, {reference_->empty_counts(), 0}};
  }
  add_window(hour.latest.window, counts, rows_seen);
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
  return sum_of(level, std::max(first, oldest), last);
}

WindowCounts WindowRing::sum_of(const Level& level, std::int64_t first, std::int64_t last) const {
  WindowCounts sum{reference_->empty_counts(), 0};
  for (const Slot& slot : level.slots) {
    if (slot.index < first || slot.index > last || slot.window.counts.empty()) continue;
    add_window(sum, slot.window.counts, slot.window.rows_seen);
  }
  return sum;
}

Result<TwoWindows> WindowRing::periods(Duration span, TimePoint now) const {
  for (const Level& level : levels_) {
    const std::int64_t last = index_of(now, level.shape.slot);
    const std::int64_t first = index_of(now - span, level.shape.slot);
    const std::int64_t before = first - (last - first + 1);
    if (before < last - static_cast<std::int64_t>(level.shape.slots)) continue;
    return TwoWindows{sum_of(level, first, last), sum_of(level, before, first - 1)};
  }
  return Status::invalid_argument("counts do not reach back for twice as long");
}

Result<TwoWindows> WindowRing::hours_of_week(Duration span, TimePoint now) const {
  if (week_.empty()) {
    return Status::unimplemented("hours of the week are kept of at most " +
                                 std::to_string(kWeeklyStreamsMax) + " streams");
  }
  const std::int64_t last = index_of(now, kHour);
  const std::int64_t first = index_of(now - span, kHour);
  if (last - first >= kHoursOfWeek) return Status::invalid_argument("that is more than a week");
  TwoWindows found{{reference_->empty_counts(), 0}, {reference_->empty_counts(), 0}};
  const auto add = [](WindowCounts& to, const WindowCounts& what) {
    if (!what.counts.empty()) add_window(to, what.counts, what.rows_seen);
  };
  for (std::int64_t index = std::max<std::int64_t>(first, 0); index <= last; ++index) {
    const HourOfWeek& hour = week_[static_cast<std::size_t>(index % kHoursOfWeek)];
    add(hour.latest.index == index ? found.now : found.before, hour.latest.window);
    add(found.before, hour.earlier);
  }
  return found;
}

// Each level's slots from where the next coarser one's current slot begins to its own current one,
// which the finer levels have: together all there was, once.
WindowCounts WindowRing::decayed(Duration half_life, TimePoint now) const {
  std::vector<WeighedSum> sums(reference_->streams.size());
  double seen = 0;
  const double at = static_cast<double>(now.time_since_epoch().count());
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const Duration slot = levels_[i].shape.slot;
    const bool coarsest = i + 1 == levels_.size();
    const std::int64_t first =
        coarsest ? 0
                 : index_of(now, levels_[i + 1].shape.slot) * (levels_[i + 1].shape.slot / slot);
    const std::int64_t last = index_of(now, slot) - (i == 0 ? 0 : 1);
    for (const Slot& of : levels_[i].slots) {
      if (of.index < first || of.index > last || of.window.counts.empty()) continue;
      const double middle =
          (static_cast<double>(of.index) + 0.5) * static_cast<double>(slot.count());
      const double age = std::max(0.0, at - middle) / static_cast<double>(half_life.count());
      add_weighed(sums, of.window.counts, std::exp2(-age));
      seen += std::exp2(-age) * static_cast<double>(of.window.rows_seen);
    }
  }
  WindowCounts found{reference_->empty_counts(), rounded(seen)};
  for (std::size_t i = 0; i < sums.size(); ++i) round_to(sums[i], found.counts[i]);
  return found;
}

void WindowRing::clear() {
  for (Level& level : levels_) level.slots.assign(level.slots.size(), Slot{});
  week_.assign(week_.size(), HourOfWeek{});
  total_ = {reference_->empty_counts(), 0};
}

}  // namespace mlops
