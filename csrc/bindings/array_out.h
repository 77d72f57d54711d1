#pragma once
// Tensors into NumPy arrays without a copy: the array's base is a capsule that holds the Buffer.
// Needs the GIL. Arrays are read-only, always: the same memory may also be seen by other requests
// of a batch, and whether it is must not decide what a caller may do with a result.

#include "bindings/python.h"
#include "request/request.h"

namespace mlops::python {

// {output name: array}, for a response that is ok; null with a Python error set.
PyObject* outputs_to_dict(Response&& response);

}  // namespace mlops::python
