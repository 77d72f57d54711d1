#pragma once
// What a judge has found, as the dict that a server's JSON is too.

#include <pybind11/pybind11.h>

#include "engine/engine.h"

namespace mlops::python {

pybind11::dict drift_alerts_out(const JudgeView& view);

// Of one alert all but its stream, its cells and its samples, which have names where the reference
// is at hand.
pybind11::dict alert_figures_out(const DriftAlert& alert);

}  // namespace mlops::python
