#include "batch/length_costs.h"

#include <algorithm>
#include <bit>

namespace mlops {
namespace {

constexpr double kTrialShare = 1.0 / 32;  // of the time of all runs
constexpr double kTrialsSavedUp = 2;      // runs
constexpr auto kForgottenAfter = std::chrono::seconds(10);
constexpr double kWorthwhile = 0.95;    // of what running apart costs
constexpr std::size_t kNeighbours = 8;  // looked at, on either side of the oldest

std::size_t class_of(std::int64_t length) {
  const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(length, 1));
  const auto octave = static_cast<unsigned>(std::bit_width(size) - 1);
  if (octave < 2) return static_cast<std::size_t>(size);
  return 4 * octave + ((size >> (octave - 2)) & 3U);
}

std::size_t size_of_rows(std::int64_t rows) {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(rows, 1));
  return static_cast<std::size_t>(std::bit_width(count - 1));
}

std::size_t distance(std::size_t a, std::size_t b) { return a > b ? a - b : b - a; }

double tokens(std::int64_t length, std::int64_t rows) {
  return static_cast<double>(std::max<std::int64_t>(length, 1)) * static_cast<double>(rows);
}

}  // namespace

void LengthCosts::ran(std::int64_t length, std::int64_t rows, Duration took, TimePoint now) {
  if (rows < 1) return;
  const double ns = static_cast<double>(took.count());
  const auto [found, fresh] = cells_.try_emplace(Place{class_of(length), size_of_rows(rows)});
  Cell& cell = found->second;
  const bool forgotten = fresh || now - cell.last_at > kForgottenAfter;
  const double seen = ns / tokens(length, rows);
  cell.ns_per_token = forgotten ? seen : cell.ns_per_token + (seen - cell.ns_per_token) / 4;
  cell.last_at = now;
  if (trial_expected_ > Duration{0}) {
    credit_ns_ -= std::max(0.0, ns - static_cast<double>(trial_expected_.count()));
    trial_expected_ = Duration{0};
    return;
  }
  credit_ns_ = std::min(credit_ns_ + ns * kTrialShare, ns * kTrialsSavedUp);
}

// In proportion to the tokens from what is known nearest. From larger runs that is too little, from
// smaller ones too much: of what was not seen, running apart looks better than it is, and is then
// seen.
Duration LengthCosts::of(std::int64_t length, std::int64_t rows, TimePoint now) const {
  const Place wanted{class_of(length), size_of_rows(rows)};
  const Cell* nearest = nullptr;
  std::size_t least = 0;
  for (const auto& [place, cell] : cells_) {
    if (now - cell.last_at > kForgottenAfter) continue;
    const std::size_t away =
        distance(place.first, wanted.first) + 4 * distance(place.second, wanted.second);
    if (nearest != nullptr && away >= least) continue;
    nearest = &cell;
    least = away;
  }
  if (nearest == nullptr) return Duration{0};
  return Duration(static_cast<std::int64_t>(nearest->ns_per_token * tokens(length, rows)));
}

bool LengthCosts::try_something(Duration costs) {
  if (credit_ns_ <= 0) return false;
  credit_ns_ -= static_cast<double>(costs.count());
  trial_expected_ = costs;
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
