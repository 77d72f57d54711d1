#pragma once
// Status to exception: the only place where the two meet. The classes are those of
// mlops_engine.errors, one per code. Everything here needs the GIL.

#include "base/status.h"
#include "bindings/python.h"

namespace mlops::python {

// Takes the classes from mlops_engine.errors. False with a Python error set.
bool import_error_classes();

// A new exception instance for a status that is not ok; null with a Python error set.
Object make_exception(const Status& status);

// Sets the Python error for a status that is not ok, unless Python has an error of its own, which
// the status then only reports (see python_error()). Returns null, for `return raise(status);`.
PyObject* raise(const Status& status);

}  // namespace mlops::python
