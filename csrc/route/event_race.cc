#include "route/event_race.h"

#include <algorithm>
#include <cmath>

namespace mlops {
namespace {

// That an event is the canary's, when its rate is so many times control's.
double canary_probability(double share, double ratio) {
  return share * ratio / (share * ratio + 1 - share);
}

// From `least` to `most` in equal steps of the logarithm.
std::array<double, EventRace::kAlternatives> log_spaced(double least, double most) {
  std::array<double, EventRace::kAlternatives> ratios;
  const double step = std::log(most / least) / static_cast<double>(ratios.size() - 1);
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    ratios[i] = least * std::exp(step * static_cast<double>(i));
  }
  return ratios;
}

}  // namespace

EventRace EventRace::worse() {
  EventRace race;
  race.ratios_ = log_spaced(1.1, 20);
  return race;
}

EventRace EventRace::no_worse_than(double margin) {
  EventRace race;
  race.null_ratio_ = margin;
  race.ratios_ = log_spaced(0.5, 1);
  return race;
}

void EventRace::add(double share, bool canary) {
  if (!(share > 0 && share < 1)) return;
  ++events_;
  canary_events_ += canary ? 1 : 0;
  if (share != terms_.share) set_terms(share);
  const std::array<double, kAlternatives>& terms = canary ? terms_.canary : terms_.control;
  for (std::size_t i = 0; i < ratios_.size(); ++i) log_wealth_[i] += terms[i];
}

void EventRace::set_terms(double share) {
  terms_.share = share;
  const double under_null = canary_probability(share, null_ratio_);
  for (std::size_t i = 0; i < ratios_.size(); ++i) {
    const double p = canary_probability(share, ratios_[i]);
    terms_.canary[i] = std::log(p / under_null);
    terms_.control[i] = std::log((1 - p) / (1 - under_null));
  }
}

bool EventRace::may_reach(double log_e) const {
  return *std::max_element(log_wealth_.begin(), log_wealth_.end()) >= log_e;
}

double EventRace::log_e() const { return log_mean_e(log_wealth_.data(), log_wealth_.size()); }

double log_mean_e(const double* logs, std::size_t count) {
  if (count == 0) return 0;
  const double most = *std::max_element(logs, logs + count);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::exp(logs[i] - most);
  return most + std::log(sum / static_cast<double>(count));
}

double expected_events(double share, double margin, double alpha) {
  const double p = share;  // of an event, when both arms are the same
  const double q = canary_probability(share, margin);
  const double gain = p * std::log(p / q) + (1 - p) * std::log((1 - p) / (1 - q));
  return gain > 0 ? std::log(1 / alpha) / gain : INFINITY;
}

}  // namespace mlops
