#pragma once
// Values that counting gets wrong first, and counting the slow and obvious way.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "observe/reference_build.h"
#include "observe/row_counter.h"

namespace mlops::drift_test {

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Columns of different make: spread, tied, constant, denormal, skewed, with holes.
inline float any_value(std::mt19937_64& random, std::size_t column) {
  std::normal_distribution<float> normal;
  switch (column % 7) {
    case 0:
      return normal(random);
    case 1:
      return static_cast<float>(random() % 5) - 2.0F;
    case 2:
      return 3.25F;
    case 3:
      return static_cast<float>(random() % 9) * std::numeric_limits<float>::denorm_min();
    case 4:
      return std::exp(4.0F * normal(random));
    case 5:
      return random() % 3 == 0 ? kNaN : normal(random);
    default:
      return random() % 2 == 0 ? -0.0F : 0.0F;
  }
}

// As above, with everything that may turn up in production.
inline float wild_value(std::mt19937_64& random, std::size_t column) {
  switch (random() % 40) {
    case 0:
      return kNaN;
    case 1:
      return kInf;
    case 2:
      return -kInf;
    case 3:
      return -0.0F;
    case 4:
      return std::numeric_limits<float>::max();
    case 5:
      return std::numeric_limits<float>::lowest();
    case 6:
      return -std::numeric_limits<float>::denorm_min();
    default:
      return any_value(random, column);
  }
}

inline ReferencePtr numeric_reference_of(std::size_t columns, std::size_t rows,
                                         std::mt19937_64& random, ReferenceOptions options = {}) {
  std::vector<StreamReference> streams;
  for (std::size_t c = 0; c < columns; ++c) {
    std::vector<float> column(rows);
    for (float& value : column) value = any_value(random, c);
    streams.push_back(numeric_reference(
        {StreamRole::input, "x", static_cast<std::uint32_t>(c), std::to_string(c)}, column,
        options));
  }
  return *seal_reference(std::move(streams));
}

// One value after the other, with the standard library's search.
inline CountsTable count_plainly(const Reference& reference, const std::vector<float>& rows) {
  CountsTable table = reference.empty_counts();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t c = i % table.size();
    const NumericBins& bins = reference.streams[c].numeric;
    StreamCounts& counts = table[c];
    const float x = rows[i];
    if (std::isnan(x)) {
      ++counts.own(OwnMass::missing);
      continue;
    }
    if (std::isinf(x)) {
      ++counts.own(x < 0 ? OwnMass::negative_infinity : OwnMass::positive_infinity);
      continue;
    }
    const double d = static_cast<double>(x) - static_cast<double>(bins.median);
    counts.moments.add({1, d, d * d, x, x});
    if (x < bins.min) {
      ++counts.own(OwnMass::below_range);
    } else if (x > bins.max) {
      ++counts.own(OwnMass::above_range);
    } else {
      ++counts.masses[static_cast<std::size_t>(std::ranges::upper_bound(bins.edges, x) -
                                               bins.edges.begin())];
    }
  }
  return table;
}

// `at_once` rows in each call.
inline CountsTable count_rows(RowCounter& counter, const std::vector<float>& rows,
                              std::size_t at_once) {
  const std::size_t columns = counter.reference().streams.size();
  const std::size_t total = rows.size() / columns;
  for (std::size_t row = 0; row < total;) {
    const std::size_t now = std::min({at_once, total - row, counter.free_rows()});
    for (std::size_t i = 0; i < now; ++i) {
      std::copy_n(rows.data() + (row + i) * columns, columns,
                  counter.next_row() + i * counter.stride());
    }
    counter.stage(now);
    if (counter.free_rows() == 0) counter.fold();
    row += now;
  }
  counter.fold();
  CountsTable table = counter.reference().empty_counts();
  counter.take(table);
  return table;
}

inline bool same_counts(const CountsTable& a, const CountsTable& b) {
  return std::ranges::equal(a, b, [](const StreamCounts& x, const StreamCounts& y) {
    return x.masses == y.masses && x.moments.n == y.moments.n && x.moments.min == y.moments.min &&
           x.moments.max == y.moments.max;
  });
}

}  // namespace mlops::drift_test
