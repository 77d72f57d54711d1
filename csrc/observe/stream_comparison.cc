#include "observe/stream_comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "observe/tail_laws.h"

namespace mlops {
namespace {

// In units of a spread that may be 0: nothing is 0 of them, anything else infinitely many.
double in_units(double value, double unit) {
  if (value == 0) return 0;
  return unit > 0 ? value / unit : std::numeric_limits<double>::infinity();
}

}  // namespace

OwnRates rates_of(const StreamCounts& counts) {
  const std::uint64_t rows = counts.rows();
  if (rows == 0) return {};
  const auto share = [&](std::uint64_t count) {
    return static_cast<double>(count) / static_cast<double>(rows);
  };
  return {
      share(counts.own(OwnMass::missing)),
      share(counts.own(OwnMass::negative_infinity) + counts.own(OwnMass::positive_infinity)),
      share(counts.own(OwnMass::below_range) + counts.own(OwnMass::above_range)),
      share(counts.own(OwnMass::other_category)),
      share(counts.own(OwnMass::new_category)),
  };
}

MeanAndStd mean_and_std(const Moments& moments) {
  if (moments.n == 0) return {};
  const auto n = static_cast<double>(moments.n);
  const double mean = moments.sum / n;
  return {mean, std::sqrt(std::max(0.0, moments.sum2 / n - mean * mean))};
}

void compare_moments(const MeanAndStd& before, const StreamCounts& reference,
                     const StreamCounts& window, const BinGeometry& geometry,
                     StreamComparison& found) {
  const MeanAndStd now = mean_and_std(window.moments);
  const bool both = reference.moments.n > 0 && window.moments.n > 0;
  found.moments = {both ? now.mean - before.mean : 0, before.std, now.std};
  found.w1_per_iqr = in_units(found.ordered.w1, geometry.interquartile_range());
  found.w1_per_std = in_units(found.ordered.w1, before.std);
}

StreamComparison compare_stream(const StreamCounts& reference, const StreamCounts& window,
                                const BinGeometry& geometry) {
  StreamComparison found;
  found.kind = reference.kind;
  found.reference_rows = reference.rows();
  found.window_rows = window.rows();
  found.nominal = nominal_distances(reference.masses, window.masses);
  found.reference_rates = rates_of(reference);
  found.window_rates = rates_of(window);
  if (reference.kind == StreamKind::categorical) return found;
  found.ordered = ordered_distances(reference, window, geometry);
  compare_moments(mean_and_std(reference.moments), reference, window, geometry, found);
  return found;
}

ChanceOf chance_of(const StreamComparison& comparison) {
  ChanceOf chance;
  const auto m = static_cast<double>(comparison.reference_rows);
  const auto n = static_cast<double>(comparison.window_rows);
  if (m == 0 || n == 0) return chance;
  const double freedom = comparison.nominal.cells - 1.0;
  chance.psi = chi_squared_tail(comparison.nominal.psi / (1 / n + 1 / m), freedom);
  chance.chi2 = chi_squared_tail(comparison.nominal.chi2, freedom);
  chance.g = chi_squared_tail(comparison.nominal.g, freedom);
  const double numbers_m = comparison.ordered.reference_rows;
  const double numbers_n = comparison.ordered.window_rows;
  if (numbers_m == 0 || numbers_n == 0) return chance;
  const double effective = numbers_m * numbers_n / (numbers_m + numbers_n);
  chance.ks = kolmogorov_tail(comparison.ordered.ks, effective);
  chance.kuiper = kuiper_tail(comparison.ordered.kuiper, effective);
  chance.cvm = cramer_von_mises_tail(comparison.ordered.cvm, numbers_m, numbers_n);
  return chance;
}

}  // namespace mlops
