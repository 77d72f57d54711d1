#include "observe/tail_laws.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "observe/log_gamma.h"

namespace mlops {
namespace {

constexpr int kTermsMax = 10'000;
constexpr double kEnough = 1e-16;

// The regularised lower incomplete gamma function by its series: for x < a + 1.
double lower_gamma(double a, double x) {
  double term = 1 / a;
  double sum = term;
  for (int i = 1; i < kTermsMax && term > sum * kEnough; ++i) {
    term *= x / (a + i);
    sum += term;
  }
  return sum * std::exp(a * std::log(x) - x - log_gamma(a));
}

// The upper one by its continued fraction (Lentz): for x >= a + 1.
double upper_gamma(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a;
  double c = 1 / kTiny;
  double d = 1 / b;
  double fraction = d;
  for (int i = 1; i < kTermsMax; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = an * d + b;
    d = 1 / (std::abs(d) < kTiny ? kTiny : d);
    c = b + an / c;
    if (std::abs(c) < kTiny) c = kTiny;
    fraction *= d * c;
    if (std::abs(d * c - 1) < kEnough) break;
  }
  return fraction * std::exp(a * std::log(x) - x - log_gamma(a));
}

double probability(double x) { return std::clamp(x, 0.0, 1.0); }

// The distribution function that the one- and two-sample statistics share in the limit
// (Anderson and Darling 1952, 4.35).
double cramer_von_mises_limit(double x) {
  double total = 0;
  for (int k = 0; k < 100; ++k) {
    const double y = 4.0 * k + 1;
    const double q = y * y / (16 * x);
    if (q > 700) break;
    const double weight = std::exp(log_gamma(k + 0.5) - log_gamma(k + 1.0)) /
                          (std::pow(std::numbers::pi, 1.5) * std::sqrt(x));
    const double term = weight * std::sqrt(y) * std::exp(-q) * std::cyl_bessel_k(0.25, q);
    total += term;
    if (term < 1e-14) break;
  }
  return total;
}

}  // namespace

double chi_squared_tail(double x, double df) {
  if (!(x > 0) || !(df > 0)) return 1;
  if (std::isinf(x)) return 0;
  const double a = df / 2;
  const double half = x / 2;
  return probability(half < a + 1 ? 1 - lower_gamma(a, half) : upper_gamma(a, half));
}

double kolmogorov_tail(double distance, double effective) {
  if (!(distance > 0) || !(effective > 0)) return 1;
  const double root = std::sqrt(effective);
  const double z = distance * (root + 0.12 + 0.11 / root);
  if (z < 0.2) return 1;  // less than 1e-12 is missing
  double sum = 0;
  for (int k = 1; k < 200; ++k) {
    const double term = std::exp(-2.0 * k * k * z * z);
    sum += k % 2 == 1 ? term : -term;
    if (term < kEnough) break;
  }
  return probability(2 * sum);
}

double kuiper_tail(double distance, double effective) {
  if (!(distance > 0) || !(effective > 0)) return 1;
  const double root = std::sqrt(effective);
  const double z = distance * (root + 0.155 + 0.24 / root);
  if (z < 0.4) return 1;
  double sum = 0;
  for (int k = 1; k < 200; ++k) {
    const double kz2 = 1.0 * k * k * z * z;
    const double term = (4 * kz2 - 1) * std::exp(-2 * kz2);
    sum += term;
    if (std::abs(term) < kEnough) break;
  }
  return probability(2 * sum);
}

double cramer_von_mises_tail(double statistic, double m, double n) {
  if (!(m > 0) || !(n > 0)) return 1;
  const double product = m * n;
  const double total = m + n;
  const double mean = (1 + 1 / total) / 6;
  const double variance = (total + 1) / (total * total) *
                          (4 * product * total - 3 * (m * m + n * n) - 2 * product) /
                          (180 * product);
  if (!(variance > 0)) return 1;
  const double matched = 1.0 / 6 + (statistic - mean) / std::sqrt(45 * variance);
  if (matched < 0.003) return 1;
  if (matched > 30) return 0;
  return probability(1 - cramer_von_mises_limit(matched));
}

}  // namespace mlops
