#include "batch/fair_share.h"

#include <algorithm>

namespace mlops {

// How far apart marks come when everybody gets what is theirs: by a turn of one and a turn of
// another, on each processor.
double FairShare::lag_max() const {
  double longest = 0;
  for (const Account* account : active_) longest = std::max(longest, account->longest_);
  return 2 * longest * processors_;
}

double FairShare::highest_mark() const {
  double highest = 0;
  for (const Account* account : active_) highest = std::max(highest, account->mark());
  return highest;
}

double FairShare::starting_mark() const {
  if (active_.empty()) return top_;
  double lowest = active_.front()->used_;
  for (const Account* account : active_) lowest = std::min(lowest, account->used_);
  return std::max(lowest, highest_mark() - lag_max());
}

void FairShare::ready(Account& account) {
  if (account.ready_) return;
  if (account.running_ == 0) {
    account.used_ = std::max(account.used_, starting_mark());
    active_.push_back(&account);
  }
  account.ready_ = true;
  account.since_ = ++order_;
  ++ready_;
}

void FairShare::withdraw(Account& account) {
  if (!account.ready_) return;
  account.ready_ = false;
  --ready_;
  leave_if_idle(account);
}

FairShare::Account* FairShare::take() {
  const double floor = highest_mark() - lag_max();
  const auto mark = [&](const Account& account) { return std::max(account.mark(), floor); };
  Account* next = nullptr;
  for (Account* account : active_) {
    if (!account->ready_) continue;
    const bool first = !next || mark(*account) < mark(*next) ||
                       (mark(*account) == mark(*next) && account->since_ < next->since_);
    if (first) next = account;
  }
  if (!next) return nullptr;
  next->used_ += mark(*next) - next->mark();
  next->ready_ = false;
  --ready_;
  ++next->running_;
  return next;
}

void FairShare::finished(Account& account, Duration cost) {
  const double took = static_cast<double>(cost.count()) / account.weight_;
  account.used_ += took;
  account.expected_ += (took - account.expected_) / (account.expected_ == 0 ? 1 : 8);
  account.longest_ = std::max(took, account.longest_ * 15 / 16);
  --account.running_;
  leave_if_idle(account);
}

void FairShare::leave_if_idle(Account& account) {
  if (account.ready_ || account.running_ > 0) return;
  top_ = std::max(top_, account.used_);
  std::erase(active_, &account);
}

}  // namespace mlops
