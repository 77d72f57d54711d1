#pragma once
// NumPy's element types and the engine's.

#include <optional>
#include <string>

#include "bindings/python.h"
#include "tensor/dtype.h"

namespace mlops::python {

// nullopt for what the engine has no type for. Text and object arrays give DType::bytes.
// BF16 is the type that the package ml_dtypes registers.
std::optional<DType> dtype_of(PyArray_Descr* descr);

// A new reference to the descriptor of an output array; null with a Python error set, which for
// BF16 means that ml_dtypes is not installed. DType::bytes gives object.
PyArray_Descr* descr_of(DType dtype);

// How NumPy prints the type, for messages.
std::string descr_name(PyArray_Descr* descr);

}  // namespace mlops::python
