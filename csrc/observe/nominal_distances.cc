#include "observe/nominal_distances.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mlops {
namespace {

struct Totals {
  double reference = 0;
  double window = 0;
  std::uint32_t cells = 0;
};

Totals totals_of(std::span<const std::uint64_t> reference, std::span<const std::uint64_t> window) {
  std::uint64_t m = 0;
  std::uint64_t n = 0;
  std::uint32_t cells = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    m += reference[i];
    n += window[i];
    cells += (reference[i] | window[i]) != 0;
  }
  return {static_cast<double>(m), static_cast<double>(n), cells};
}

// x ln(x / y), 0 where x is.
double relative_entropy(double x, double y) { return x > 0 ? x * std::log(x / y) : 0; }

// Of a table of two rows.
double cramers_v_of(double chi2, double total, double cells) {
  if (cells < 2 || total < 2) return 0;
  const double phi2 = std::max(0.0, chi2 / total - (cells - 1) / (total - 1));
  const double columns = cells - (cells - 1) * (cells - 1) / (total - 1);
  const double rows = 2 - 1 / (total - 1);
  const double least = std::min(columns, rows) - 1;
  return least > 0 ? std::min(1.0, std::sqrt(phi2 / least)) : 0;
}

}  // namespace

double NominalDistances::js_distance() const { return std::sqrt(js_divergence); }

NominalDistances nominal_distances(std::span<const std::uint64_t> reference,
                                   std::span<const std::uint64_t> window) {
  const Totals totals = totals_of(reference, window);
  NominalDistances found;
  found.cells = totals.cells;
  if (totals.reference == 0 || totals.window == 0) return found;
  const double m = totals.reference;
  const double n = totals.window;
  const double both = m + n;
  const double m_smooth = m + totals.cells / 2.0;
  const double n_smooth = n + totals.cells / 2.0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    if ((reference[i] | window[i]) == 0) continue;
    const auto a = static_cast<double>(reference[i]);
    const auto b = static_cast<double>(window[i]);
    const double p = a / m;
    const double q = b / n;
    const double p_smooth = (a + 0.5) / m_smooth;
    const double q_smooth = (b + 0.5) / n_smooth;
    found.psi += (p_smooth - q_smooth) * std::log(p_smooth / q_smooth);
    const double middle = (p + q) / 2;
    found.js_divergence += relative_entropy(p, middle) + relative_entropy(q, middle);
    const double roots = std::sqrt(p) - std::sqrt(q);
    found.hellinger += roots * roots;
    found.chi2 += (p - q) * (p - q) / (a + b);
    const double pooled = (a + b) / both;
    found.g += m * relative_entropy(p, pooled) + n * relative_entropy(q, pooled);
    found.linf = std::max(found.linf, std::abs(p - q));
  }
  finish_nominal(found, m, n);
  return found;
}

void finish_nominal(NominalDistances& found, double m, double n) {
  found.psi_debiased = found.psi - (found.cells - 1.0) * (1 / n + 1 / m);
  found.js_divergence = std::clamp(found.js_divergence / (2 * std::numbers::ln2), 0.0, 1.0);
  found.hellinger = std::min(1.0, std::sqrt(found.hellinger / 2));
  found.chi2 *= m * n;
  found.g = std::max(0.0, 2 * found.g);
  found.cramers_v = cramers_v_of(found.chi2, m + n, found.cells);
}

}  // namespace mlops
