#include "observe/rate_interval.h"

#include <cmath>
#include <numbers>

#include "observe/log_gamma.h"

namespace mlops {
namespace {

// ln(x^y), of which 0^0 is 1.
double log_power(double x, double y) { return y == 0 ? 0 : y * std::log(x); }

// Where `inside` turns, between a point that is inside and one that is not.
template <class Inside>
double turning_point(double in, double out, Inside inside) {
  for (int i = 0; i < 60; ++i) {
    const double middle = (in + out) / 2;
    (inside(middle) ? in : out) = middle;
  }
  return out;  // the wider interval
}

}  // namespace

RateInterval rate_interval(std::uint64_t k, std::uint64_t n, double alpha) {
  RateInterval found;
  if (n == 0) return found;
  const auto hits = static_cast<double>(k);
  const auto misses = static_cast<double>(n - k);
  found.rate = hits / static_cast<double>(n);
  // The mixture's likelihood over that of p is a martingale of mean 1 when p is the true share.
  const double mixture = log_gamma(hits + 0.5) + log_gamma(misses + 0.5) -
                         log_gamma(hits + misses + 1) - std::log(std::numbers::pi);
  const double most = std::log(1 / alpha);
  const auto inside = [&](double p) {
    return mixture - log_power(p, hits) - log_power(1 - p, misses) < most;
  };
  if (k > 0) found.low = turning_point(found.rate, 0, inside);
  if (k < n) found.high = turning_point(found.rate, 1, inside);
  return found;
}

}  // namespace mlops
