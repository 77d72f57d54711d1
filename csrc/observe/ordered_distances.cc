#include "observe/ordered_distances.h"

#include <algorithm>
#include <cmath>

namespace mlops {
namespace {

// One walk over the cells in their order. F and G after each are what the next begins with.
class Walk {
 public:
  Walk(double m, double n) : m_(m), n_(n), both_(m + n) {}

  void cell(std::uint64_t reference, std::uint64_t window) {
    if ((reference | window) == 0) return;
    const auto a = static_cast<double>(reference);
    const auto b = static_cast<double>(window);
    add_mid_ranks(a, b);
    const double before = gap();
    above_ = std::max(above_, before + a / m_);  // all of the reference first, then the window
    below_ = std::max(below_, b / n_ - before);
    a_ += a;
    b_ += b;
    most_ = std::max(most_, gap());
    least_ = std::min(least_, gap());
  }

  double gap() const { return a_ / m_ - b_ / n_; }  // F - G

  void finish(OrderedDistances& found) const {
    found.ks = std::max(most_, -least_);
    found.ks_upper = std::min(1.0, std::max({above_, below_, found.ks}));
    found.kuiper = most_ - least_;
    const double product = m_ * n_;
    found.cvm = rank_sum_ / (product * both_) - (4 * product - 1) / (6 * both_);
    found.ad = anderson_ * product * (both_ - 1) / both_;
  }

 private:
  void add_mid_ranks(double a, double b) {
    const double tied = a + b;
    const double before = a_ + b_;
    // Squares of (mid-rank among both - place among one's own), summed over a row's values here.
    const auto squares = [&](double count, double own_before) {
      const double off = before + tied / 2 - own_before - count / 2;
      return count * off * off + (count * count * count - count) / 12;
    };
    rank_sum_ += m_ * squares(a, a_) + n_ * squares(b, b_);
    const double middle = before + tied / 2;
    const double spread = middle * (both_ - middle) - both_ * tied / 4;
    if (spread <= 0) return;  // all values are in this cell
    const double difference = (a_ + a / 2) / m_ - (b_ + b / 2) / n_;
    anderson_ += tied * difference * difference / spread;
  }

  double m_;
  double n_;
  double both_;
  double a_ = 0;  // seen of the reference
  double b_ = 0;  // of the window
  double most_ = 0;
  double least_ = 0;
  double above_ = 0;
  double below_ = 0;
  double rank_sum_ = 0;
  double anderson_ = 0;
};

double numbers_in(const StreamCounts& counts) {
  return static_cast<double>(counts.rows() - counts.own(OwnMass::missing));
}

}  // namespace

OrderedDistances ordered_distances(const StreamCounts& reference, const StreamCounts& window,
                                   const BinGeometry& geometry) {
  OrderedDistances found;
  found.reference_rows = numbers_in(reference);
  found.window_rows = numbers_in(window);
  if (found.reference_rows == 0 || found.window_rows == 0) return found;
  Walk walk(found.reference_rows, found.window_rows);
  const auto own = [&](OwnMass mass) { walk.cell(reference.own(mass), window.own(mass)); };
  own(OwnMass::negative_infinity);
  own(OwnMass::below_range);
  const bool placed = geometry.bins() == reference.bins;
  double square = 0;
  for (std::size_t i = 0; i < reference.bins; ++i) {
    const double left = walk.gap();
    walk.cell(reference.masses[i], window.masses[i]);
    if (!placed) continue;
    found.w1 += geometry.integral_of_absolute(i, left, walk.gap());
    square += geometry.integral_of_square(i, left, walk.gap());
  }
  own(OwnMass::above_range);
  own(OwnMass::positive_infinity);
  walk.finish(found);
  found.energy = std::sqrt(std::max(0.0, 2 * square));
  return found;
}

}  // namespace mlops
