#include "labels/quality.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mlops {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double share(double part, double whole) { return whole == 0 ? kNan : part / whole; }

}  // namespace

Quality::Quality(Task task, std::int32_t classes) : task_(task), classes_(classes) {
  if (task == Task::regression) return;
  confusion_.assign(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes), 0);
  if (task == Task::binary) scores_.assign(2 * kScoreBins, 0);
}

bool Quality::admits(double score, std::int32_t predicted, double label) const {
  if (task_ == Task::regression) return std::isfinite(score) && std::isfinite(label);
  if (task_ == Task::binary && !(score >= 0 && score <= 1)) return false;
  return predicted >= 0 && predicted < classes_ && label >= 0 && label < classes_ &&
         label == std::floor(label);
}

void Quality::add(double score, std::int32_t predicted, double label) {
  count(score, predicted, label, true);
}

void Quality::remove(double score, std::int32_t predicted, double label) {
  count(score, predicted, label, false);
}

void Quality::count(double score, std::int32_t predicted, double label, bool more) {
  const std::uint64_t one = more ? 1 : ~std::uint64_t{0};  // counts wrap back
  const double sign = more ? 1 : -1;
  n_ += one;
  if (task_ == Task::regression) {
    const double error = score - label;
    error_ += sign * error;
    absolute_ += sign * std::abs(error);
    squared_ += sign * error * error;
    label_ += sign * label;
    label_squared_ += sign * label * label;
    return;
  }
  const auto of = static_cast<std::int32_t>(label);
  confusion_[static_cast<std::size_t>(of * classes_ + predicted)] += one;
  if (task_ != Task::binary) return;
  const double epsilon = std::numeric_limits<double>::epsilon();  // as scikit-learn clips
  const double chance = std::clamp(of == 1 ? score : 1 - score, epsilon, 1 - epsilon);
  log_loss_ -= sign * std::log(chance);
  brier_ += sign * (score - label) * (score - label);
  const auto bin = std::min(kScoreBins - 1, static_cast<std::size_t>(score * kScoreBins));
  scores_[static_cast<std::size_t>(of) * kScoreBins + bin] += one;
}

void Quality::merge(const Quality& other) {
  n_ += other.n_;
  for (std::size_t i = 0; i < confusion_.size(); ++i) confusion_[i] += other.confusion_[i];
  for (std::size_t i = 0; i < scores_.size(); ++i) scores_[i] += other.scores_[i];
  log_loss_ += other.log_loss_;
  brier_ += other.brier_;
  error_ += other.error_;
  absolute_ += other.absolute_;
  squared_ += other.squared_;
  label_ += other.label_;
  label_squared_ += other.label_squared_;
}

void Quality::clear() {
  n_ = 0;
  std::fill(confusion_.begin(), confusion_.end(), 0);
  std::fill(scores_.begin(), scores_.end(), 0);
  log_loss_ = brier_ = error_ = absolute_ = squared_ = label_ = label_squared_ = 0;
}

std::uint64_t Quality::confusion(std::int32_t label, std::int32_t predicted) const {
  return confusion_[static_cast<std::size_t>(label * classes_ + predicted)];
}

double Quality::accuracy() const {
  double right = 0;
  for (std::int32_t i = 0; i < classes_; ++i) right += static_cast<double>(confusion(i, i));
  return share(right, static_cast<double>(n_));
}

double Quality::precision(std::int32_t of) const {
  double predicted = 0;
  for (std::int32_t i = 0; i < classes_; ++i) predicted += static_cast<double>(confusion(i, of));
  return share(static_cast<double>(confusion(of, of)), predicted);
}

double Quality::recall(std::int32_t of) const {
  double labelled = 0;
  for (std::int32_t i = 0; i < classes_; ++i) labelled += static_cast<double>(confusion(of, i));
  return share(static_cast<double>(confusion(of, of)), labelled);
}

double Quality::f1(std::int32_t of) const {
  double either = 0;
  for (std::int32_t i = 0; i < classes_; ++i)
    either += static_cast<double>(confusion(of, i)) + static_cast<double>(confusion(i, of));
  return share(2 * static_cast<double>(confusion(of, of)), either);
}

double Quality::log_loss() const { return share(log_loss_, static_cast<double>(n_)); }
double Quality::brier() const { return share(brier_, static_cast<double>(n_)); }

Bounds Quality::auroc() const {
  if (scores_.empty()) return {kNan, kNan};
  double wrong_below = 0, won = 0, tied = 0, right = 0;
  for (std::size_t bin = 0; bin < kScoreBins; ++bin) {
    const auto negative = static_cast<double>(scores_[bin]);
    const auto positive = static_cast<double>(scores_[kScoreBins + bin]);
    won += positive * wrong_below;
    tied += positive * negative;
    wrong_below += negative;
    right += positive;
  }
  const double pairs = wrong_below * right;
  return {share(won, pairs), share(won + tied, pairs)};
}

double Quality::bias() const { return share(error_, static_cast<double>(n_)); }
double Quality::mean_absolute_error() const { return share(absolute_, static_cast<double>(n_)); }
double Quality::mean_squared_error() const { return share(squared_, static_cast<double>(n_)); }

double Quality::r_squared() const {
  const double spread = label_squared_ - share(label_ * label_, static_cast<double>(n_));
  return 1 - share(squared_, spread);
}

}  // namespace mlops
