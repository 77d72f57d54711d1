#include "route/output_comparison.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>
#include <vector>

namespace mlops {
namespace {

constexpr std::size_t kValuesMax = 65'536;  // of one answer; the rest is not looked at

template <class Number>
std::vector<double> converted(std::span<const std::byte> bytes) {
  std::vector<double> values(std::min(bytes.size() / sizeof(Number), kValuesMax));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Number value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    values[i] = static_cast<double>(value);
  }
  return values;
}

std::optional<std::vector<double>> numbers(const Tensor& tensor) {
  switch (tensor.dtype) {
    case DType::f32:
      return converted<float>(tensor.bytes);
    case DType::f64:
      return converted<double>(tensor.bytes);
    case DType::i32:
      return converted<std::int32_t>(tensor.bytes);
    case DType::i64:
      return converted<std::int64_t>(tensor.bytes);
    default:
      return std::nullopt;
  }
}

// Powers of two from 2^-20 to 2^11 on each side of nothing.
std::size_t bin_of(double value) {
  constexpr int kHalf = static_cast<int>(OutputComparison::kBins) / 2;
  if (std::isnan(value)) return 0;
  int exponent = 0;
  std::frexp(value, &exponent);
  const int size = std::isinf(value) ? kHalf - 1 : std::clamp(exponent + 20, 0, kHalf - 1);
  return static_cast<std::size_t>(value < 0 ? kHalf - 1 - size : kHalf + size);
}

std::vector<std::size_t> best_columns(std::span<const double> row) {
  std::vector<std::size_t> columns(row.size());
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  const std::size_t most = std::min(OutputComparison::kBest, columns.size());
  std::ranges::partial_sort(columns, columns.begin() + static_cast<std::ptrdiff_t>(most),
                            [&](std::size_t a, std::size_t b) {
                              const bool nan_b = std::isnan(row[b]);
                              if (std::isnan(row[a]) != nan_b) return nan_b;
                              return row[a] > row[b] || (row[a] == row[b] && a < b);
                            });
  columns.resize(most);
  return columns;
}

void compare_rows(OutputComparison& sum, std::span<const double> a, std::span<const double> b,
                  std::size_t columns) {
  const std::size_t rows = a.size() / columns;
  for (std::size_t r = 0; r < rows && columns > 1; ++r) {
    const auto best_a = best_columns(a.subspan(r * columns, columns));
    const auto best_b = best_columns(b.subspan(r * columns, columns));
    ++sum.ranked_rows;
    sum.best_same += best_a.front() == best_b.front() ? 1 : 0;
    sum.best_possible += best_a.size();
    for (const std::size_t column : best_a) {
      sum.best_shared += static_cast<std::uint64_t>(std::ranges::count(best_b, column));
    }
  }
  for (std::size_t r = 1; r < rows; ++r) {
    const double step_a = a[r * columns] - a[(r - 1) * columns];
    const double step_b = b[r * columns] - b[(r - 1) * columns];
    if (step_a == 0 || step_b == 0 || std::isnan(step_a) || std::isnan(step_b)) continue;
    ++sum.pairs;
    sum.pairs_same += (step_a > 0) == (step_b > 0) ? 1 : 0;
  }
}

double compare_values(OutputComparison& sum, std::span<const double> a, std::span<const double> b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ++sum.values;
    ++sum.primary[bin_of(a[i])];
    ++sum.shadow[bin_of(b[i])];
    const double difference = std::abs(a[i] - b[i]);
    const bool same = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]));
    sum.within += same || difference <= 1e-5 + 1e-3 * std::abs(a[i]) ? 1 : 0;
    if (std::isfinite(a[i]) && !std::isfinite(b[i])) ++sum.not_finite;
    if (std::isfinite(difference)) {
      sum.difference_sum += difference;
      most = std::max(most, difference);
    } else if (!same) {
      most = INFINITY;
    }
  }
  if (std::isfinite(most)) sum.difference_max = std::max(sum.difference_max, most);
  return most;
}

}  // namespace

double OutputComparison::add(const Tensor& primary_output, const Tensor& shadow_output) {
  ++answers;
  if (primary_output.dtype != shadow_output.dtype || primary_output.shape != shadow_output.shape) {
    ++unlike;
    return INFINITY;
  }
  const bool same = std::ranges::equal(primary_output.bytes, shadow_output.bytes);
  equal += same ? 1 : 0;
  const auto a = numbers(primary_output);
  const auto b = numbers(shadow_output);
  if (!a || !b || a->size() != b->size()) return same ? 0 : INFINITY;
  if (a->empty()) return 0;
  const Shape& shape = primary_output.shape;
  const auto rows =
      shape.rank() > 1 && shape[0] > 0 ? static_cast<std::size_t>(shape[0]) : std::size_t{1};
  const std::size_t columns = shape.rank() == 1 ? 1 : std::max<std::size_t>(1, a->size() / rows);
  compare_rows(*this, *a, *b, columns);
  return compare_values(*this, *a, *b);
}

double OutputComparison::distance() const {
  const auto total = [](const auto& bins) {
    return static_cast<double>(std::accumulate(bins.begin(), bins.end(), std::uint64_t{0}));
  };
  const double n = total(primary);
  const double m = total(shadow);
  if (n == 0 || m == 0) return 0;
  double divergence = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    const double p = static_cast<double>(primary[i]) / n;
    const double q = static_cast<double>(shadow[i]) / m;
    const double mean = (p + q) / 2;
    if (p > 0) divergence += p / 2 * std::log2(p / mean);
    if (q > 0) divergence += q / 2 * std::log2(q / mean);
  }
  return std::sqrt(std::max(0.0, divergence));
}

}  // namespace mlops
