#pragma once
// What the same call costs from C++: the other side of bench/python_overhead.py.

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bindings/engine_handle.h"

namespace mlops::python {

// Nanoseconds of each of `repeats` calls of Engine::infer with these inputs, request built anew
// each time as an embedding C++ program would. Without the GIL.
std::vector<std::int64_t> time_calls(EngineHandle& handle, const pybind11::str& name,
                                     const pybind11::dict& inputs, std::size_t repeats);

}  // namespace mlops::python
