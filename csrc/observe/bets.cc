#include "observe/bets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace mlops {
namespace {

constexpr std::array kShifts{0.05, 0.1, 0.2, 0.4, 0.8, 1.6};   // up and down, in sigma
constexpr std::array kScales{0.67, 0.8, 0.9, 1.1, 1.25, 1.5};  // of sigma
constexpr std::size_t kFixed = 2 * kShifts.size() + kScales.size();
constexpr double kWrongReference = 0.01;
constexpr std::uint64_t kRareBelow = 10;  // rows: too few for a normal law of their number
// What a mass of its own may come to hold.
constexpr std::array kOwnShares{0.02, 0.2};
// Of theta, below which no bet puts its mass: the logarithm stays finite.
constexpr double kLeast = 1e-6;

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double normal_quantile(double p) {
  double low = -40;
  double high = 40;
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (normal_cdf(middle) < p ? low : high) = middle;
  }
  return low;
}

// Wilson and Hilferty (1931).
double chi_squared_quantile(double z, double df) {
  const double spread = 2 / (9 * df);
  return df * std::pow(std::max(0.0, 1 - spread + z * std::sqrt(spread)), 3);
}

// Which of the masses a stream of this kind can have.
bool can_be(StreamKind kind, std::uint32_t own) {
  const auto mass = static_cast<OwnMass>(own);
  if (mass == OwnMass::missing) return true;
  const bool category = mass == OwnMass::other_category || mass == OwnMass::new_category;
  return category == (kind == StreamKind::categorical);
}

std::vector<std::size_t> cells_in_order(const StreamCounts& reference) {
  const auto own = [&](OwnMass mass) { return reference.bins + static_cast<std::size_t>(mass); };
  std::vector<std::size_t> order{own(OwnMass::negative_infinity), own(OwnMass::below_range)};
  for (std::size_t i = 0; i < reference.bins; ++i) order.push_back(i);
  order.push_back(own(OwnMass::above_range));
  order.push_back(own(OwnMass::positive_infinity));
  return order;
}

}  // namespace

Bets::Bets(const StreamCounts& reference, const BetOptions& options) {
  const auto streams = static_cast<double>(std::max<std::size_t>(options.streams, 1));
  const auto cells = static_cast<double>(reference.masses.size());
  // The three things that may be wrong share what may go wrong.
  const double wrong = kWrongReference / (3 * streams);
  set_theta(reference, normal_quantile(1 - wrong / cells));
  double regular = 0;
  for (std::size_t i = 0; i < theta_.size(); ++i) regular += theta_[i] > 0 && !rare_[i];
  const double m = std::max(1.0, static_cast<double>(reference.rows()));
  const double bets = kFixed + static_cast<double>(kOwnShares.size() * kOwnMasses);
  const double freedom = std::max(1.0, regular - 1);
  const double off = chi_squared_quantile(normal_quantile(1 - wrong), freedom);
  fixed_radius_ = normal_quantile(1 - wrong / bets) / std::sqrt(m) + set_aside_ + options.margin;
  any_radius_ = std::sqrt(off / m) + set_aside_ + options.margin;
  std::vector<std::vector<double>> log_ratios;
  if (reference.kind == StreamKind::numeric && reference.bins >= 2) {
    add_tilts(reference, log_ratios);
  }
  add_own_masses(reference, log_ratios);
  for (std::size_t i = 0; i < theta_.size(); ++i) {
    for (const std::vector<double>& bet : log_ratios) log_ratios_.push_back(bet[i]);
  }
}

void Bets::set_theta(const StreamCounts& reference, double z_rare) {
  const std::size_t cells = reference.masses.size();
  theta_.resize(cells, 0);
  rare_.resize(cells, 0);
  double kept = 0;
  double rare = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    const bool own = i >= reference.bins;
    if (own && !can_be(reference.kind, static_cast<std::uint32_t>(i) - reference.bins)) continue;
    const auto count = static_cast<double>(reference.masses[i]);
    rare_[i] = reference.masses[i] < kRareBelow;
    // The most rows that a Poisson law with this count may mean.
    theta_[i] = rare_[i] ? chi_squared_quantile(z_rare, 2 * (count + 1)) / 2 : count;
    (rare_[i] ? rare : kept) += theta_[i];
    if (rare_[i]) set_aside_ += theta_[i] - count;
  }
  const auto rows = static_cast<double>(reference.rows());
  blind_ = rows < 2 * rare;
  const double m = std::max(rows, 2 * rare);
  const double rare_share = kept > 0 ? rare / m : 1;
  for (std::size_t i = 0; i < cells; ++i) {
    if (theta_[i] > 0) theta_[i] *= rare_[i] ? rare_share / rare : (1 - rare_share) / kept;
  }
  set_aside_ /= m;
}

void Bets::add_tilts(const StreamCounts& reference, std::vector<std::vector<double>>& log_ratios) {
  const std::vector<std::size_t> order = cells_in_order(reference);
  double ordered = 0;
  for (const std::size_t cell : order) ordered += theta_[cell];
  // Of a stream whose normal scores moved to (z - shift) / scale.
  const auto tilted = [&](double shift, double scale) {
    std::vector<double> q = theta_;
    double before = 0;
    double below = 0;
    for (const std::size_t cell : order) {
      before += theta_[cell] / ordered;
      const bool last = cell == order.back();
      const double up_to = last ? 1 : normal_cdf((normal_quantile(before) - shift) / scale);
      q[cell] = ordered * (up_to - below);
      below = up_to;
    }
    add_fixed(std::move(q), log_ratios);
  };
  for (const double shift : kShifts) tilted(shift, 1);
  for (const double shift : kShifts) tilted(-shift, 1);
  for (const double scale : kScales) tilted(0, scale);
}

void Bets::add_own_masses(const StreamCounts& reference,
                          std::vector<std::vector<double>>& log_ratios) {
  for (std::size_t cell = reference.bins; cell < theta_.size(); ++cell) {
    if (theta_[cell] == 0) continue;
    for (const double share : kOwnShares) {
      std::vector<double> q = theta_;
      for (double& mass : q) mass *= 1 - share;
      q[cell] += share;
      add_fixed(std::move(q), log_ratios);
    }
  }
}

void Bets::add_fixed(std::vector<double> q, std::vector<std::vector<double>>& log_ratios) {
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = std::max(q[i], kLeast * theta_[i]);
  const double total = std::accumulate(q.begin(), q.end(), 0.0);
  std::vector<double> ratios(q.size(), 0);
  for (std::size_t i = 0; i < q.size(); ++i) {
    q[i] /= total;
    if (theta_[i] > 0) ratios[i] = std::log(q[i] / theta_[i]);
  }
  log_ratios.push_back(std::move(ratios));
  log_allowances_.push_back(log_allowance(q, fixed_radius_));
}

double Bets::log_allowance(std::span<const double> q, double radius) const {
  if (blind_) return std::numeric_limits<double>::infinity();
  double chi2 = 0;
  double given_up = 0;
  for (std::size_t i = 0; i < q.size(); ++i) {
    if (theta_[i] == 0) continue;
    if (rare_[i]) {
      given_up += std::max(0.0, theta_[i] - q[i]);
    } else {
      chi2 += (q[i] - theta_[i]) * (q[i] - theta_[i]) / theta_[i];
    }
  }
  return std::log1p(radius * std::sqrt(chi2) + given_up);
}

void Bets::fixed_gains(std::span<const std::uint64_t> tile, double rows,
                       std::span<double> gains) const {
  const std::size_t bets = fixed();
  for (std::size_t k = 0; k < bets; ++k) gains[k] = -rows * log_allowances_[k];
  for (std::size_t i = 0; i < tile.size(); ++i) {
    if (tile[i] == 0) continue;
    const auto count = static_cast<double>(tile[i]);
    const double* ratios = log_ratios_.data() + i * bets;
    for (std::size_t k = 0; k < bets; ++k) gains[k] += count * ratios[k];
  }
}

double Bets::log_gain(std::span<const double> q, std::span<const std::uint64_t> tile,
                      double rows) const {
  double sum = 0;
  for (std::size_t i = 0; i < tile.size(); ++i) {
    if (tile[i] != 0 && theta_[i] > 0) {
      sum += static_cast<double>(tile[i]) * std::log(q[i] / theta_[i]);
    }
  }
  return sum - rows * log_allowance(q, any_radius_);
}

}  // namespace mlops
