#include "observe/e_detector.h"

#include <algorithm>
#include <cmath>

namespace mlops {
namespace {

constexpr std::array<double, 3> kHalfLifeRows{512, 4096, 32768};
constexpr double kPriorRows = 64;
// What was won is cut off here. Less is never wrong; and sums of it stay finite.
constexpr double kMost = 1e280;
constexpr double kLogMost = 600;

// The part of its stake that an e-process has not spent after so many rows.
double unspent(double rows) { return 1 / (1 + std::log1p(rows / 64)); }

}  // namespace

EDetector::EDetector(std::shared_ptr<const Bets> bets, const StreamCounts& reference)
    : bets_(std::move(bets)), since_change_(reference.kind, reference.bins) {
  for (PlugIn& plug_in : plug_ins_) plug_in.weight.resize(reference.masses.size(), 0);
  stakes_.resize(bets_->fixed() + kPlugIns);
  gains_.resize(stakes_.size());
  masses_.resize(reference.masses.size());
}

double EDetector::rows_of(const StreamCounts& tile) const {
  const std::span<const double> theta = bets_->theta();
  std::uint64_t rows = 0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    if (theta[i] > 0) rows += tile.masses[i];
  }
  return static_cast<double>(rows);
}

void EDetector::see(const StreamCounts& tile) {
  const double rows = rows_of(tile);
  if (rows == 0) return;
  const std::size_t fixed = bets_->fixed();
  bets_->fixed_gains(tile.masses, rows, std::span(gains_).first(fixed));
  for (std::size_t k = 0; k < kPlugIns; ++k) {
    const PlugIn& plug_in = plug_ins_[k];
    const double total = plug_in.total + kPriorRows;
    for (std::size_t i = 0; i < masses_.size(); ++i) {
      masses_[i] = (plug_in.weight[i] + kPriorRows * bets_->theta()[i]) / total;
    }
    gains_[fixed + k] = bets_->log_gain(masses_, tile.masses, rows);
  }
  const auto before = static_cast<double>(rows_);
  const double spent = (unspent(before) - unspent(before + rows)) * parts_;
  const double staked = rows + evidence_;
  for (std::size_t k = 0; k < stakes_.size(); ++k) {
    const double gain = std::exp(std::min(gains_[k], kLogMost));
    stakes_[k].sum = std::min(gain * (rows + stakes_[k].sum), kMost);
    stakes_[k].process = std::min(gain * (spent + stakes_[k].process), kMost);
  }
  evidence_ = mean_of(&Stake::sum);
  rows_ += static_cast<std::uint64_t>(rows);
  // At the cut-off the sums no longer say what a tile was worth; the best bet does.
  const bool cut = staked >= kMost / 1e3 || evidence_ == 0;
  follow_change(tile, cut ? std::ranges::max(gains_) : std::log(evidence_ / staked));
  learn(tile, rows);
}

void EDetector::follow_change(const StreamCounts& tile, double log_gain) {
  change_score_ += log_gain;
  if (change_score_ > 0) {
    since_change_.add(tile);
    return;
  }
  change_score_ = 0;
  change_row_ = rows_;
  since_change_ = StreamCounts(since_change_.kind, since_change_.bins);
}

void EDetector::learn(const StreamCounts& tile, double rows) {
  const std::span<const double> theta = bets_->theta();
  for (std::size_t k = 0; k < kPlugIns; ++k) {
    PlugIn& plug_in = plug_ins_[k];
    const double keep = std::exp2(-rows / kHalfLifeRows[k]);
    for (std::size_t i = 0; i < theta.size(); ++i) {
      if (theta[i] == 0) continue;
      plug_in.weight[i] = plug_in.weight[i] * keep + static_cast<double>(tile.masses[i]);
    }
    plug_in.total = plug_in.total * keep + rows;
    plug_in.squares = plug_in.squares * keep * keep + rows;
  }
}

void EDetector::forget_evidence() {
  for (Stake& stake : stakes_) stake.sum = 0;
  evidence_ = 0;
}

double EDetector::mean_of(double Stake::*what) const {
  double sum = 0;
  for (const Stake& stake : stakes_) sum += std::min(stake.*what, kMost) / 1e3;
  return sum / static_cast<double>(stakes_.size()) * 1e3;
}

double EDetector::e_value() const {
  return unspent(static_cast<double>(rows_) / parts_) + mean_of(&Stake::process) / parts_;
}

double EDetector::recent_effect() const {
  const PlugIn& recent = plug_ins_.front();
  if (recent.total == 0) return 0;
  const std::span<const double> theta = bets_->theta();
  const double n = recent.total * recent.total / recent.squares;  // rows that weigh as much
  const double scale = n / recent.total;
  double cells = 0;
  for (const double share : theta) cells += share > 0;
  double psi = 0;
  double used = 0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    if (theta[i] == 0) continue;
    const double q = (recent.weight[i] * scale + 0.5) / (n + cells / 2);
    // A cell of neither is smoothing alone.
    if (recent.weight[i] == 0 && theta[i] * n < 0.5) continue;
    psi += (theta[i] - q) * std::log(theta[i] / q);
    ++used;
  }
  return psi - std::max(0.0, used - 1) / n;
}

void EDetector::merge(const EDetector& other) {
  for (std::size_t k = 0; k < stakes_.size(); ++k) {
    stakes_[k].sum = std::min(stakes_[k].sum + other.stakes_[k].sum, kMost);
    stakes_[k].process = std::min(stakes_[k].process + other.stakes_[k].process, kMost);
  }
  for (std::size_t k = 0; k < kPlugIns; ++k) {
    for (std::size_t i = 0; i < plug_ins_[k].weight.size(); ++i) {
      plug_ins_[k].weight[i] += other.plug_ins_[k].weight[i];
    }
    plug_ins_[k].total += other.plug_ins_[k].total;
    plug_ins_[k].squares += other.plug_ins_[k].squares;
  }
  if (other.change_score_ > change_score_) {
    change_score_ = other.change_score_;
    change_row_ = other.change_row_;
    since_change_ = other.since_change_;
  }
  rows_ += other.rows_;
  parts_ += other.parts_;
  evidence_ = mean_of(&Stake::sum);
}

}  // namespace mlops
