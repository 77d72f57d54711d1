#pragma once
// Arrays into columns that drift can count. Needs the GIL where it says so.

#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "bindings/python.h"
#include "observe/category_codes.h"
#include "tensor/tensor.h"

namespace mlops::python {

// A dense array, lent or copied; the GIL is needed to make one.
struct DriftArray {
  Tensor tensor;
  std::size_t rows = 0;
  std::size_t columns = 1;  // elements of a row
};

// One dimension or two. `name` is for messages.
Status drift_array(std::string_view name, PyObject* value, DriftArray& array);

// The first column as floats: numbers, or with `codes` categories; rows of `missing` as NaN.
Result<std::vector<float>> drift_floats(const DriftArray& array, const CategoryCodes* codes,
                                        const std::vector<bool>& missing);

std::vector<double> drift_doubles(const DriftArray& array, const std::vector<bool>& missing);

// Views of the array's bytes; missing ones have no data().
std::vector<std::string_view> drift_strings(const DriftArray& array,
                                            const std::vector<bool>& missing);

}  // namespace mlops::python
