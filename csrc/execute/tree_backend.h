#pragma once
// Tree ensembles executed by us instead of ONNX Runtime (ADR 24). What is served is what ONNX
// Runtime would answer: its file check, its signature, and at every load its answers to rows that
// are made to find a difference.

#include <memory>
#include <string>

#include "execute/backend.h"
#include "model/model_config.h"

namespace mlops {

enum class TreeExecution : std::uint8_t { automatic, onnxruntime, native };

// The parameter `tree_execution` of a configuration: auto (the default), onnxruntime or native.
Result<TreeExecution> tree_execution(const ConfigStrings& parameters);

struct TreeChoice {
  std::unique_ptr<Backend> backend;
  std::string reason;  // for the log; empty: the model has no trees, and nobody asked
};

// `loaded` is the file at `model_path` under ONNX Runtime; it is given back where it must be kept
// or, with `automatic`, where ours is not faster. Blocks for some milliseconds: it runs both.
// unimplemented when `native` cannot be had.
Result<TreeChoice> choose_tree_backend(std::unique_ptr<Backend> loaded,
                                       const std::string& model_path, TreeExecution wanted);

}  // namespace mlops
