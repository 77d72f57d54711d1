#pragma once
// What a judge has found, as the dict that a server's JSON is too.

#include <pybind11/pybind11.h>

#include "engine/engine.h"

namespace mlops::python {

pybind11::dict drift_alerts_out(const JudgeView& view);

}  // namespace mlops::python
