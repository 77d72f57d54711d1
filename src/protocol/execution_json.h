#pragma once
// What executes a version and why, as JSON: the reason of `--check` and of the log, and what each
// back end that was tried came to.

#include <string>

#include "engine/engine.h"

namespace mlops {

std::string execution_json(const ModelInfo& info);

}  // namespace mlops
