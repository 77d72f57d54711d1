#include "observe/drift_class.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

#include "observe/nominal_distances.h"

namespace mlops {
namespace {

// Of the divergence, what one kind of mass must make to be the cause.
constexpr double kMostOfIt = 0.5;
// Of the divergence, what a factor must explain, and by how much more than any other cause.
constexpr double kExplained = 0.8;
// Of the rows, in one cell: from there on cells say little about how large values are, and the
// deviation must be within this of the factor, as a logarithm.
constexpr double kMostlyOne = 0.8;
constexpr double kDeviationsApart = 0.4;

constexpr std::array kFactors{1.609344,   1 / 1.609344,    // miles, kilometres
                              1.852,      1 / 1.852,       // nautical miles, kilometres
                              1.150779,   1 / 1.150779,    // nautical miles, miles
                              0.3048,     1 / 0.3048,      // feet, metres
                              2.54,       1 / 2.54,        // inches, centimetres
                              25.4,       1 / 25.4,        // inches, millimetres
                              0.45359237, 1 / 0.45359237,  // pounds, kilograms
                              3.6,        1 / 3.6,         // metres per second, kilometres per hour
                              2.2369363,  1 / 2.2369363,   // metres per second, miles per hour
                              1.9438445,  1 / 1.9438445,   // metres per second, knots
                              33.8639,    1 / 33.8639,     // inches of mercury, millibars
                              10.0,       0.1,
                              60.0,       1 / 60.0,  // minutes, seconds, hours
                              3600.0,     1 / 3600.0,
                              24.0,       1 / 24.0,
                              100.0,      0.01,  // shares, percent, cents
                              1000.0,     0.001,
                              1e6,        1e-6,
                              -1.0};

struct Gains {
  double all = 0;  // total variation distance
  double largest_bin = 0;
  bool at_an_end = false;  // it is the first or the last
};

// What one cell adds to KL(now || before): never negative, and of second order where a share only
// wavers, so that a new mass of 1 % stands out of the noise of hundreds of rows.
double divergence_of(double before, double now) {
  return (now > 0 ? now * std::log(now / before) : 0) - now + before;
}

// The mass of its own that makes most of the divergence and has grown, if one does.
std::optional<DriftClass> mass_that_grew(const StreamCounts& before, const StreamCounts& now) {
  const auto m = static_cast<double>(before.rows());
  const auto n = static_cast<double>(now.rows());
  double all = 0;
  const auto share = [&](std::size_t cell) {
    const double was = (static_cast<double>(before.masses[cell]) + 0.5) / (m + 0.5);
    const double is = static_cast<double>(now.masses[cell]) / n;
    const double divergence = divergence_of(was, is);
    all += before.masses[cell] + now.masses[cell] > 0 ? divergence : 0;
    return is > was ? divergence : 0;
  };
  for (std::size_t i = 0; i < before.bins; ++i) share(i);
  std::array<double, kOwnMasses> own{};
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = share(before.bins + i);
  const auto of = [&](OwnMass mass) { return own[static_cast<std::size_t>(mass)]; };
  const double infinite = of(OwnMass::negative_infinity) + of(OwnMass::positive_infinity);
  if (of(OwnMass::missing) > kMostOfIt * all) return DriftClass::missing;
  if (infinite > kMostOfIt * all) return DriftClass::infinite;
  if (of(OwnMass::new_category) > kMostOfIt * all) return DriftClass::new_category;
  return std::nullopt;
}

Gains gains_of(const StreamCounts& before, const StreamCounts& now) {
  const auto m = static_cast<double>(before.rows());
  const auto n = static_cast<double>(now.rows());
  Gains gains;
  for (std::size_t i = 0; i < before.masses.size(); ++i) {
    const double gain =
        static_cast<double>(now.masses[i]) / n - static_cast<double>(before.masses[i]) / m;
    if (gain <= 0) continue;
    gains.all += gain;
    if (i >= before.bins || gain <= gains.largest_bin) continue;
    gains.largest_bin = gain;
    gains.at_an_end = i == 0 || i + 1 == before.bins;
  }
  return gains;
}

// What the reference's quantiles would be counted as after x -> factor x.
StreamCounts scaled(const StreamBefore& before, double factor) {
  StreamCounts counts(StreamKind::numeric, before.counts.bins);
  for (const float quantile : before.quantiles) {
    const auto x = static_cast<float>(quantile * factor);
    if (x < before.min) {
      ++counts.own(OwnMass::below_range);
    } else if (x > before.max) {
      ++counts.own(OwnMass::above_range);
    } else {
      ++counts.masses[static_cast<std::size_t>(std::ranges::upper_bound(before.edges, x) -
                                               before.edges.begin())];
    }
  }
  return counts;
}

StreamCounts finite_alone(StreamCounts counts) {
  for (const OwnMass mass :
       {OwnMass::missing, OwnMass::negative_infinity, OwnMass::positive_infinity}) {
    counts.own(mass) = 0;
  }
  return counts;
}

double deviation_of(const Moments& moments) {
  if (moments.n == 0) return 0;
  const auto n = static_cast<double>(moments.n);
  return std::sqrt(std::max(0.0, moments.sum2 / n - moments.sum / n * (moments.sum / n)));
}

bool mostly_one_cell(const StreamCounts& counts) {
  const double largest = static_cast<double>(*std::ranges::max_element(counts.masses));
  return largest > kMostlyOne * static_cast<double>(counts.rows());
}

// The factor under which the reference looks like what there is now, if there is one. One that
// leaves most rows in one cell looks like many others: there the deviation must say the same.
std::optional<double> unit_factor(const StreamBefore& before, const StreamCounts& now) {
  if (before.quantiles.empty() || before.edges.size() < 2) return std::nullopt;
  const StreamCounts finite = finite_alone(now);
  const double wider = deviation_of(now.moments) / deviation_of(before.counts.moments);
  const auto unlike = [&](const StreamCounts& counts) {
    return nominal_distances(counts.masses, finite.masses).js_divergence;
  };
  const double unscaled = unlike(scaled(before, 1));
  double best = 1;
  std::pair least(unscaled, 0.0);
  for (const double factor : kFactors) {
    const StreamCounts would_be = scaled(before, factor);
    const double apart = std::abs(std::log(wider / std::abs(factor)));
    if (mostly_one_cell(would_be) && !(apart < kDeviationsApart)) continue;
    const std::pair found(unlike(would_be), apart);
    if (found >= least) continue;
    least = found;
    best = factor;
  }
  if (best == 1 || least.first > (1 - kExplained) * unscaled) return std::nullopt;
  return best;
}

// Where a bin lies in the standard normal law when the reference is laid out on it.
double score(double share) {
  double low = -9;
  double high = 9;
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::numbers::sqrt2) < share ? low : high) = middle;
  }
  return low;
}

struct Scores {
  double mean = 0;
  double deviation = 0;
};

Scores scores_of(const StreamCounts& placed, const StreamCounts& counts) {
  const auto ordered = [](const StreamCounts& c, auto visit) {
    visit(c.own(OwnMass::negative_infinity) + c.own(OwnMass::below_range));
    for (const std::uint64_t mass : c.regular()) visit(mass);
    visit(c.own(OwnMass::above_range) + c.own(OwnMass::positive_infinity));
  };
  double total = 0;
  ordered(placed, [&](std::uint64_t mass) { total += static_cast<double>(mass) + 0.5; });
  std::vector<double> at;
  double before = 0;
  ordered(placed, [&](std::uint64_t mass) {
    const double share = static_cast<double>(mass) + 0.5;
    at.push_back(score((before + share / 2) / total));
    before += share;
  });
  double n = 0;
  double sum = 0;
  double squares = 0;
  std::size_t place = 0;
  ordered(counts, [&](std::uint64_t mass) {
    const auto weight = static_cast<double>(mass);
    const double z = at[place++];
    n += weight;
    sum += weight * z;
    squares += weight * z * z;
  });
  if (n == 0) return {};
  return {sum / n, std::sqrt(std::max(0.0, squares / n - sum / n * (sum / n)))};
}

}  // namespace

std::string_view name_of(DriftClass kind) {
  constexpr std::array<std::string_view, 8> kNames{"missing", "infinite", "new_category", "unit",
                                                   "spike",   "shift",    "spread",       "shape"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool is_data_fault(DriftClass kind) {
  return kind == DriftClass::missing || kind == DriftClass::infinite || kind == DriftClass::unit;
}

DriftCause likely_cause(const StreamBefore& before, const StreamCounts& now) {
  DriftCause cause;
  if (before.counts.rows() == 0 || now.rows() == 0) return cause;
  const Gains gains = gains_of(before.counts, now);
  if (const std::optional<DriftClass> mass = mass_that_grew(before.counts, now)) {
    cause.kind = *mass;
  }
  if (before.counts.kind == StreamKind::categorical) {
    if (cause.kind == DriftClass::shape && gains.largest_bin > kExplained * gains.all) {
      cause.kind = DriftClass::spike;
    }
    return cause;
  }
  const Scores were = scores_of(before.counts, before.counts);
  const Scores are = scores_of(before.counts, now);
  cause.shift_sigma = are.mean - were.mean;
  cause.spread_ratio = were.deviation > 0 ? are.deviation / were.deviation : 1;
  if (cause.kind != DriftClass::shape) return cause;
  if (const std::optional<double> factor = unit_factor(before, now)) {
    cause.kind = DriftClass::unit;
    cause.factor = *factor;
    return cause;
  }
  // Whatever moves far ends in an end bin, where only values that are all alike make a spike.
  const double narrow = deviation_of(now.moments) / deviation_of(before.counts.moments);
  const bool alike = !gains.at_an_end || narrow < 0.25;
  const double wider = std::abs(std::log(std::max(cause.spread_ratio, 1e-3)));
  const double moved = std::abs(cause.shift_sigma);
  const bool one_bin = gains.largest_bin > kExplained * gains.all && gains.largest_bin > 0.1;
  if ((one_bin && alike) || narrow < 0.02) {
    cause.kind = DriftClass::spike;
  } else if (std::max(moved, wider) >= 0.04) {
    cause.kind = moved >= wider ? DriftClass::shift : DriftClass::spread;
  }
  return cause;
}

}  // namespace mlops
