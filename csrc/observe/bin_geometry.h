#pragma once
// Where a stream's bins lie, and how the reference's values lie in them: what turns differences of
// shares into distances in the stream's own unit. Made once for a reference; immutable.
//
// Within a bin the window's values are taken to lie as the reference's do, so F - G runs linearly
// in the reference's own rank there, and a window like the reference is at distance 0 exactly.

#include <cstddef>
#include <span>
#include <vector>

namespace mlops {

class BinGeometry {
 public:
  BinGeometry() = default;  // no bins: every integral is 0

  // `edges`: ascending, one less than bins; a bin is closed on its left. `quantiles`: k of them, of
  // the reference at levels (i + 1/2) / k. `min` and `max`: the reference's.
  BinGeometry(std::span<const float> edges, std::span<const float> quantiles, float min, float max);

  // Integrals over bin b of |f| and f^2 dx, where f runs from `left` to `right` over the bin. What
  // lies beyond limits() is not in the integral: one value of 1e6 among the reference's, or the
  // window's, moves neither.
  double integral_of_absolute(std::size_t bin, double left, double right) const;
  double integral_of_square(std::size_t bin, double left, double right) const;
  // Over bin b: of 1, of the reference's rank within it, of that squared.
  struct Integrals {
    double width = 0;
    double rank_dx = 0;
    double rank2_dx = 0;
  };
  Integrals integrals(std::size_t bin) const;

  // The first and the last of the quantiles.
  double lower_limit() const { return lower_; }
  double upper_limit() const { return upper_; }
  double interquartile_range() const { return iqr_; }
  std::size_t bins() const { return bins_.size(); }

 private:
  struct Knot {
    double x = 0;
    double rank = 0;  // of the reference's values that lie below x: of all, or of a bin's; 0..1
  };
  struct Bin {
    double width = 0;     // integral of 1 dx, of rank, of rank squared
    double rank_dx = 0;   //
    double rank2_dx = 0;  //
    std::size_t first_knot = 0;
    std::size_t last_knot = 0;
  };

  void add_bin(double from, double to, std::span<const Knot> ranks);

  std::vector<Knot> knots_;
  std::vector<Bin> bins_;
  double lower_ = 0;
  double upper_ = 0;
  double iqr_ = 0;
};

}  // namespace mlops
