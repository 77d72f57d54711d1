#pragma once
// Who among several may compute next when all share a few processors: start-time fair queueing by
// compute time as measured afterwards, because what a turn will cost is not known before. Each
// account's use, divided by its weight, is its mark; the smallest goes next. Plain bookkeeping,
// not thread-safe: the owner's lock guards it.
//
// - Turns under way count as much as such turns took lately, until they are measured.
// - An account that comes back from idleness starts beside whoever has had the least, not below: it
//   is next at once, and was saving up nothing.
// - One that cannot use its share (it has fewer lanes than that takes) falls behind by a few of
//   the longest turns and no further, or whoever starts beside it would hold up the rest.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace mlops {

class FairShare {
 public:
  class Account {
   public:
    explicit Account(double weight) : weight_(weight) {}
    double weight() const { return weight_; }

   private:
    friend class FairShare;
    double mark() const { return used_ + running_ * expected_; }

    double weight_;
    // Nanoseconds over the weight.
    double used_ = 0;
    double expected_ = 0;  // a turn, on average lately
    double longest_ = 0;   // a turn, at most lately
    unsigned running_ = 0;
    bool ready_ = false;
    std::uint64_t since_ = 0;  // the order of becoming ready
  };

  explicit FairShare(unsigned processors) : processors_(processors) {}

  // It has something to run. Nothing happens when that was known.
  void ready(Account& account);
  // It has nothing to run after all.
  void withdraw(Account& account);
  bool any_ready() const { return ready_ > 0; }
  // Whose turn it is: no longer ready, and under way until finished(). Null: nobody is ready.
  Account* take();
  // Call ready() before, when there is more to run.
  void finished(Account& account, Duration cost);

 private:
  double lag_max() const;
  double highest_mark() const;
  double starting_mark() const;
  void leave_if_idle(Account& account);

  const unsigned processors_;
  std::vector<Account*> active_;  // ready or under way
  std::size_t ready_ = 0;         // of those
  double top_ = 0;                // the highest mark that anybody has left with
  std::uint64_t order_ = 0;
};

}  // namespace mlops
