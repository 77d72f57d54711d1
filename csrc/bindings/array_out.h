#pragma once
// Tensors into NumPy arrays: the array's base is a capsule that holds the Buffer, or, for small
// ones, the array owns a copy, which costs less than the capsule and gives the memory back at once.
// Needs the GIL. Arrays are read-only, always: the same memory may also be seen by other requests
// of a batch, and whether it is must not decide what a caller may do with a result.

#include "bindings/python.h"
#include "request/request.h"
#include "tensor/copy_meter.h"

namespace mlops::python {

// {output name: array}, for a response that is ok; null with a Python error set. Copies nothing
// when there is no meter to count it.
PyObject* outputs_to_dict(Response&& response, CopyMeter* copies);

}  // namespace mlops::python
