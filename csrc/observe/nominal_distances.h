#pragma once
// How far two rows of counts over the same cells are apart, whatever the cells mean: their order is
// not looked at. Conventions and sources: docs/drift.md.
//
// p and q are the shares of the reference and of the window; only cells that are not empty on both
// sides count, and all of them do: bins, missing, infinite, new. An empty side differs from
// nothing: all distances are 0.

#include <cstdint>
#include <span>

namespace mlops {

struct NominalDistances {
  std::uint32_t cells = 0;  // not empty on both sides
  double psi = 0;           // sum (p - q) ln(p / q), shares smoothed: (count + 1/2) / (n + cells/2)
  double psi_debiased = 0;  // less what chance gives on average; below 0 half of the time
  double js_divergence = 0;  // base 2, 0..1
  double hellinger = 0;      // sqrt(1 - sum sqrt(p q)), 0..1
  double chi2 = 0;           // of homogeneity over both rows, without Yates's correction
  double g = 0;              // 2 sum O ln(O / E) over both rows
  double cramers_v = 0;      // bias-corrected (Bergsma 2013), 0..1
  double linf = 0;           // max |p - q|

  double js_distance() const;  // the divergence's root
};

NominalDistances nominal_distances(std::span<const std::uint64_t> reference,
                                   std::span<const std::uint64_t> window);

// From sums over cells to distances: psi, js_divergence (twice, in nats), hellinger (squares of the
// roots' differences), chi2 (squares over pooled counts), g (half) are sums until then.
void finish_nominal(NominalDistances& found, double m, double n);

}  // namespace mlops
