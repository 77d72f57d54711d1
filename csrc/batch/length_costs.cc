#include "batch/length_costs.h"

#include <algorithm>
#include <bit>

namespace mlops {
namespace {

constexpr double kTrialShare = 1.0 / 32;  // of the time of all runs
constexpr double kTrialsSavedUp = 2;      // runs
constexpr double kWorthwhile = 0.95;      // of what running apart costs
constexpr std::size_t kNeighbours = 8;    // looked at, on either side of the oldest

std::size_t class_of(std::int64_t length) {
  const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(length, 1));
  const auto octave = static_cast<unsigned>(std::bit_width(size) - 1);
  if (octave < 2) return static_cast<std::size_t>(size);
  return 4 * octave + ((size >> (octave - 2)) & 3U);
}

// In the middle of the class.
double length_of(std::size_t index) {
  if (index < 8) return static_cast<double>(index);
  const double quarter = static_cast<double>(std::uint64_t{1} << (index / 4 - 2));
  return quarter * (4.5 + static_cast<double>(index % 4));
}

std::size_t distance(std::size_t a, std::size_t b) { return a > b ? a - b : b - a; }

}  // namespace

void LengthCosts::ran(std::int64_t length, std::int64_t rows, Duration took, TimePoint now) {
  classes_.try_emplace(class_of(length), Duration{0}).first->second.ran(rows, took, now);
  const double ns = static_cast<double>(took.count());
  credit_ns_ = std::min(credit_ns_ + ns * kTrialShare, ns * kTrialsSavedUp);
}

// Of the class itself, or in proportion to the length from the nearest that is known.
Duration LengthCosts::of(std::int64_t length, std::int64_t rows, TimePoint now) const {
  const std::size_t wanted = class_of(length);
  std::size_t nearest = 0;
  Duration found{0};
  for (const auto& [index, model] : classes_) {
    if (found > Duration{0} && distance(index, wanted) >= distance(nearest, wanted)) continue;
    const Duration usual = model.usual(rows, now);
    if (usual == Duration{0}) continue;  // forgotten
    found = usual;
    nearest = index;
  }
  if (found == Duration{0} || nearest == wanted) return found;
  const double scale = length_of(wanted) / length_of(nearest);
  return Duration(static_cast<std::int64_t>(static_cast<double>(found.count()) * scale));
}

bool LengthCosts::try_something(Duration costs) {
  if (credit_ns_ <= 0) return false;
  credit_ns_ -= static_cast<double>(costs.count());
  return true;
}

LengthRange LengthCosts::choose(std::span<const WaitingLength> waiting, std::size_t oldest,
                                std::int64_t rows_max, TimePoint now) {
  const std::int64_t own = waiting[oldest].length;
  LengthRange best{own, own};
  LengthRange widest = best;
  Duration most_saved{0};
  Duration widest_costs{0};
  const std::size_t begin = oldest - std::min(oldest, kNeighbours);
  const std::size_t end = std::min(waiting.size(), oldest + kNeighbours + 1);
  for (std::size_t last = oldest; last < end; ++last) {
    const std::int64_t longest = waiting[last].length;
    if (longest > 2 * own) break;
    Duration apart{0};
    std::int64_t rows = 0;
    for (std::size_t i = last + 1; i-- > begin;) {
      if (2 * waiting[i].length < longest) break;
      rows += waiting[i].rows;
      if (rows > rows_max) break;
      apart += of(waiting[i].length, waiting[i].rows, now);
      if (i > oldest || i == last) continue;  // nothing that would share, or not the oldest yet
      const Duration together = of(longest, rows, now);
      const Duration saved = apart - together;
      const bool pays =
          static_cast<double>(together.count()) < kWorthwhile * static_cast<double>(apart.count());
      if (pays && saved > most_saved) {
        most_saved = saved;
        best = {waiting[i].length, longest};
      }
      widest = {waiting[i].length, longest};
      widest_costs = apart;
    }
  }
  const bool shares = best.shortest != best.longest;
  const bool could = widest.shortest != widest.longest;
  return !shares && could && try_something(widest_costs) ? widest : best;
}

}  // namespace mlops
