#include "batch/latency_model.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace mlops {
namespace {

constexpr auto kForgottenAfter = std::chrono::seconds(10);
constexpr double kUnitNs = 100;

std::size_t size_of(std::int64_t rows) {
  return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(rows) - 1));
}

}  // namespace

void LatencyModel::Size::add(Duration took) {
  const double ns = static_cast<double>(took.count());
  recent[runs % kRecent] =
      static_cast<std::uint32_t>(std::clamp(ns / kUnitNs, 0.0, double{UINT32_MAX}));
  ++runs;
  // Between two looks at all of them the estimate only grows.
  if (ns <= usual_ns && runs % 16 != 0) return;
  std::array<std::uint32_t, kRecent> sorted = recent;
  const std::size_t count = std::min(runs, kRecent);
  const std::size_t rank = (count - 1) * 9 / 10;
  const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(count);
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(rank), end);
  usual_ns = sorted[rank] * kUnitNs;
}

void LatencyModel::ran(std::int64_t rows, Duration took, TimePoint now) {
  if (rows < 1) return;
  const std::size_t index = size_of(rows);
  if (index >= sizes_.size()) sizes_.resize(index + 1);
  Size& size = sizes_[index];
  if (now - size.last_at > kForgottenAfter) size = Size();
  size.add(took);
  size.last_at = now;
}

// Between two sizes that were seen: on the line through them. Above the largest: on the line
// through the two largest, or in proportion when there is but one, which is the worst a batch can
// do. Below the smallest: as that one.
Duration LatencyModel::usual(std::int64_t rows, TimePoint now) const {
  const double wanted = static_cast<double>(std::max<std::int64_t>(rows, 1));
  const std::size_t exact = size_of(std::max<std::int64_t>(rows, 1));
  std::optional<Point> before, below, above;
  for (std::size_t i = 0; i < sizes_.size() && !above; ++i) {
    const Size& size = sizes_[i];
    if (size.runs == 0 || now - size.last_at > kForgottenAfter) continue;
    if (i == exact) return Duration(static_cast<std::int64_t>(size.usual_ns));
    const Point point{static_cast<double>(std::uint64_t{1} << i), size.usual_ns};
    if (i > exact) {
      above = point;
    } else {
      before = std::exchange(below, point);
    }
  }
  if (!below && above) return Duration(static_cast<std::int64_t>(above->ns));
  if (!below) below = Point{1, static_cast<double>(single_row_.count())};
  const Point& other = above ? *above : before ? *before : Point{0, 0};
  const double slope = (other.ns - below->ns) / (other.rows - below->rows);
  return Duration(
      static_cast<std::int64_t>(below->ns + std::max(0.0, slope) * (wanted - below->rows)));
}

}  // namespace mlops
