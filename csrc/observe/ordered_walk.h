#pragma once
// One walk over the cells of two streams of numbers in their order, and what the ordered distances
// are made from. F and G after each cell are what the next begins with.

#include <algorithm>
#include <cstdint>

#include "observe/ordered_distances.h"

namespace mlops {

class OrderedWalk {
 public:
  OrderedWalk(double m, double n) : m_(m), n_(n), both_(m + n) {}

  void cell(std::uint64_t reference, std::uint64_t window) {
    if ((reference | window) == 0) return;
    const auto a = static_cast<double>(reference);
    const auto b = static_cast<double>(window);
    add_mid_ranks(a, b);
    const double before = gap();
    above = std::max(above, before + a / m_);  // all of the reference first, then the window
    below = std::max(below, b / n_ - before);
    a_ += a;
    b_ += b;
    most = std::max(most, gap());
    least = std::min(least, gap());
  }

  // Of cells that somebody else has walked over, and added to the public figures.
  void pass(double reference, double window) {
    a_ += reference;
    b_ += window;
  }

  double gap() const { return a_ / m_ - b_ / n_; }  // F - G
  double reference_rows() const { return m_; }
  double window_rows() const { return n_; }
  double reference_before() const { return a_; }
  double window_before() const { return b_; }

  void finish(OrderedDistances& found) const {
    found.ks = std::max(most, -least);
    found.ks_upper = std::min(1.0, std::max({above, below, found.ks}));
    found.kuiper = most - least;
    const double product = m_ * n_;
    found.cvm = rank_sum / (product * both_) - (4 * product - 1) / (6 * both_);
    found.ad = anderson * product * (both_ - 1) / both_;
  }

  double most = 0;   // F - G at the borders
  double least = 0;  //
  double above = 0;  // within the cells
  double below = 0;  //
  double rank_sum = 0;
  double anderson = 0;

 private:
  void add_mid_ranks(double a, double b) {
    const double tied = a + b;
    const double before = a_ + b_;
    // Squares of (mid-rank among both - place among one's own), summed over a row's values here.
    const auto squares = [&](double count, double own_before) {
      const double off = before + tied / 2 - own_before - count / 2;
      return count * off * off + (count * count * count - count) / 12;
    };
    rank_sum += m_ * squares(a, a_) + n_ * squares(b, b_);
    const double middle = before + tied / 2;
    const double spread = middle * (both_ - middle) - both_ * tied / 4;
    if (spread <= 0) return;  // all values are in this cell
    const double difference = (a_ + a / 2) / m_ - (b_ + b / 2) / n_;
    anderson += tied * difference * difference / spread;
  }

  double m_;
  double n_;
  double both_;
  double a_ = 0;  // seen of the reference
  double b_ = 0;  // of the window
};

}  // namespace mlops
