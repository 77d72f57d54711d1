#include "labels/calibration_bet.h"

#include <algorithm>
#include <cmath>

namespace mlops {

void CalibrationBet::add(double chance, bool right) {
  // Within -1..1 and of mean 0 where the chance is true, so no stake of up to a half can be ruined.
  const double surprise = (right ? 1.0 : 0.0) - chance;
  for (std::size_t i = 0; i < kStakes.size(); ++i) logs_[i] += std::log1p(kStakes[i] * surprise);
  ++n_;
  most_ = std::max(most_, log_wealth());
}

double CalibrationBet::log_wealth() const {
  const double best = *std::max_element(logs_.begin(), logs_.end());
  double sum = 0;
  for (const double log : logs_) sum += std::exp(log - best);
  return best + std::log(sum / static_cast<double>(logs_.size()));
}

double CalibrationBet::wealth() const { return std::exp(log_wealth()); }

bool CalibrationBet::gone_wrong(double alpha) const { return most_ >= std::log(1 / alpha); }

}  // namespace mlops
