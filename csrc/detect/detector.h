#pragma once
// What all online detectors of change share. A detector sees one value at a time, keeps O(1) or
// O(log n) of state and says what it thinks of the stream so far. After an alarm it forgets: the
// value after it is the first of a new stream. No detector allocates in steady state, locks, or
// reads a clock; one thread at a time uses an object.
//
// Equal inputs give equal alarms on every machine: folder-wide, floating-point expressions are not
// contracted (CMakeLists.txt).

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace mlops {

enum class Verdict : std::uint8_t { stable, warning, drift };

// Which values a detector takes. Others are refused before they touch its state.
enum class Domain : std::uint8_t {
  finite,  // any number but NaN and the infinities
  unit,    // 0 to 1: an error, or how wrong
  bit,     // 0 (right) or 1 (wrong)
};

constexpr bool in_domain(Domain domain, double value) {
  switch (domain) {
    case Domain::finite:
      return value - value == 0;
    case Domain::unit:
      return value >= 0 && value <= 1;
    case Domain::bit:
      return value == 0 || value == 1;
  }
  return false;
}

// Why `value` is refused.
Status refuse_value(Domain domain, double value);
// The same of one of many.
Status refuse_value(Domain domain, double value, std::size_t index);

// A parameter that must lie strictly between two bounds.
Status check_between(const char* name, double value, double low, double high);
Status check_at_least(const char* name, std::int64_t value, std::int64_t least);

template <class D>
concept Detector = requires(D detector, const D& seen, double value) {
  { D::kDomain } -> std::convertible_to<Domain>;
  { detector.update(value) } -> std::same_as<Verdict>;  // value is of the domain
  { seen.verdict() } -> std::same_as<Verdict>;          // of the last update
  detector.reset();                                     // as made
};

// What a detector says at each of `values`; `verdicts` is as long. All or nothing: one value
// outside the domain refuses the whole span, before any is seen.
template <Detector D>
Status update_many(D& detector, std::span<const double> values, std::span<Verdict> verdicts) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!in_domain(D::kDomain, values[i])) return refuse_value(D::kDomain, values[i], i);
  for (std::size_t i = 0; i < values.size(); ++i) verdicts[i] = detector.update(values[i]);
  return {};
}

}  // namespace mlops
