#pragma once
// Counts of drift as Python hands them over: arrays and numbers.

#include <pybind11/numpy.h>

#include <algorithm>
#include <string>
#include <tuple>

#include "bindings/bind.h"
#include "observe/counts.h"

namespace mlops::python {

template <class T>
using NumpyArray = pybind11::array_t<T, pybind11::array::c_style | pybind11::array::forcecast>;

using MomentsTuple = std::tuple<std::uint64_t, double, double>;  // n, sum, sum of squares

inline StreamCounts counts_in(StreamKind kind, const NumpyArray<std::uint64_t>& masses,
                              const MomentsTuple& moments) {
  if (masses.ndim() != 1 || masses.size() < static_cast<pybind11::ssize_t>(kOwnMasses)) {
    throw_unless_ok(Status::invalid_argument("counts are one row: the bins, then " +
                                             std::to_string(kOwnMasses) + " masses"));
  }
  StreamCounts counts(kind, static_cast<std::uint32_t>(masses.size()) - kOwnMasses);
  std::copy_n(masses.data(), masses.size(), counts.masses.begin());
  counts.moments.n = std::get<0>(moments);
  counts.moments.sum = std::get<1>(moments);
  counts.moments.sum2 = std::get<2>(moments);
  return counts;
}

}  // namespace mlops::python
