#pragma once
// The parts of the module that pybind11 binds: everything that is not called once per request.

#include <pybind11/pybind11.h>

#include "base/status.h"
#include "bindings/engine_handle.h"

namespace mlops::python {

void bind_engine(pybind11::module_& module);
void bind_feedback(pybind11::class_<EngineHandle>& engine);
void bind_engine_drift(pybind11::class_<EngineHandle>& engine);
void bind_completions(pybind11::module_& module);
void bind_drift_judge(pybind11::module_& module);
void bind_drift(pybind11::module_& module);
void bind_drift_distances(pybind11::module_& module);
void bind_drift_sketches(pybind11::module_& module);
void bind_detect(pybind11::module_& module);
void bind_labels(pybind11::module_& module);
void bind_comparison(pybind11::module_& module);
void bind_route(pybind11::class_<EngineHandle>& engine);
// What tests and the overhead benchmark use; private, like everything in the module.
void bind_test_hooks(pybind11::module_& module, pybind11::class_<EngineHandle>& engine);

// For functions that pybind11 calls: raises a status that is not ok. The GIL must be held.
void throw_unless_ok(const Status& status);

}  // namespace mlops::python
