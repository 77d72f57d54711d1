#pragma once
// The engine's plain data as dicts and lists; mlops_engine.engine gives them their public form.

#include <pybind11/pybind11.h>

#include "engine/engine.h"

namespace mlops::python {

pybind11::dict describe(const ModelInfo& info);
pybind11::dict describe(const EngineStats& stats);
pybind11::dict describe(const ShadowStatus& shadow);

}  // namespace mlops::python
