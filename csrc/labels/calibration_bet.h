#pragma once
// Whether the expected accuracy (CBPE) still holds, by betting against it: an e-process over late
// labels. If each prediction is right with the chance that its calibrated score says, the wealth
// is a non-negative martingale, and exceeds 1/alpha ever with a chance of at most alpha (Ville),
// however often one looks. Wealth grows when the truth is better or worse than said.

#include <array>
#include <cstdint>

namespace mlops {

class CalibrationBet {
 public:
  // `chance` that the prediction is right, in 0..1, and whether it was.
  void add(double chance, bool right);
  // May overflow to infinity; log_wealth() does not.
  double wealth() const;
  double log_wealth() const;
  double log_wealth_max() const { return most_; }
  bool gone_wrong(double alpha) const;  // ever
  std::uint64_t count() const { return n_; }

 private:
  // Stakes on "more right than said" and on "less": a mixture, because how wrong is not known.
  static constexpr std::array<double, 10> kStakes = {0.02,  0.05,  0.1,  0.25,  0.5,
                                                     -0.02, -0.05, -0.1, -0.25, -0.5};
  std::array<double, kStakes.size()> logs_{};
  double most_ = 0;
  std::uint64_t n_ = 0;
};

}  // namespace mlops
