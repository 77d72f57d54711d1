#pragma once
// ln of the gamma function. std::lgamma also writes a global, which threads would race for.

#include <math.h>

namespace mlops {

inline double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

}  // namespace mlops
