#define MLOPS_DEFINES_NUMPY_API
#include "bindings/python.h"

namespace mlops::python {

bool import_numpy() { return PyArray_API != nullptr || PyArray_ImportNumPyAPI() == 0; }

}  // namespace mlops::python
