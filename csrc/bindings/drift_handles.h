#pragma once
// What the bindings of drift share: a profile as Python holds it, and arrays that come with it.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string_view>
#include <vector>

#include "bindings/drift_columns.h"
#include "observe/profile_bytes.h"

namespace mlops::python {

struct ProfileHandle {
  ReferencePtr reference;
};

// Need the GIL; throw what Python raises.
std::vector<bool> mask_of(const pybind11::object& mask, std::size_t rows);
DriftArray array_in(std::string_view name, const pybind11::handle& value);

pybind11::dict describe_counts(const StreamCounts& counts);
Profile profile_in(std::string_view bytes);
pybind11::bytes bytes_out(const ReferencePtr& reference, CountsTable counts);
void bind_drift_window(pybind11::module_& module);  // by bind_drift()

}  // namespace mlops::python
