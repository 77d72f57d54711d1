#pragma once
// Engine.infer as a vectorcall method: no argument tuple, no wrapper frame, no pybind11 dispatch.

#include "bindings/engine_handle.h"
#include "bindings/python.h"

namespace mlops::python {

// PyCFunctionFastWithKeywords; `self` is an Engine.
PyObject* fast_infer(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);

// The handle of a Python Engine that can take calls; null with a Python error set.
EngineHandle* usable_handle(PyObject* self);

}  // namespace mlops::python
