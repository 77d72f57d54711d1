#pragma once
// The parts of the module that pybind11 binds: everything that is not called once per request.

#include <pybind11/pybind11.h>

#include "base/status.h"

namespace mlops::python {

void bind_engine(pybind11::module_& module);
void bind_completions(pybind11::module_& module);

// For functions that pybind11 calls: raises a status that is not ok. The GIL must be held.
void throw_unless_ok(const Status& status);

}  // namespace mlops::python
