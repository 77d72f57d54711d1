#pragma once
// Text and byte strings between NumPy and the engine's layout (tensor/byte_strings.h). Strings are
// always copied: Python's are objects, the engine's lie one behind the other. Needs the GIL.

#include <string_view>

#include "base/status.h"
#include "bindings/python.h"
#include "tensor/copy_meter.h"
#include "tensor/tensor.h"

namespace mlops::python {

// Fills `out.bytes` and `out.owner` from an array of dtype object (bytes or str elements), S, U or
// NumPy's StringDType; str becomes UTF-8. Messages call the array `name`.
Status encode_strings(std::string_view name, PyArrayObject* array, CopyMeter& copies, Tensor& out);

// A new object array of `bytes`; null with a Python error set.
PyObject* decode_strings(const Tensor& tensor);

}  // namespace mlops::python
