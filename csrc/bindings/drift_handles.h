#pragma once
// What the bindings of drift share: a profile as Python holds it, and arrays that come with it.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string_view>
#include <vector>

#include "bindings/drift_columns.h"
#include "observe/reference.h"

namespace mlops::python {

struct ProfileHandle {
  ReferencePtr reference;
};

// Need the GIL; throw what Python raises.
std::vector<bool> mask_of(const pybind11::object& mask, std::size_t rows);
DriftArray array_in(std::string_view name, const pybind11::handle& value);

}  // namespace mlops::python
