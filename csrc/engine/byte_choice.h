#pragma once
// Whether a quantized network of dense layers runs in tiles of bytes instead of ONNX Runtime
// (ADR 80): where it answers with the same bits and is the faster one, at every number of rows.

#include <memory>

#include "engine/execution_note.h"
#include "engine/options.h"
#include "execute/backend.h"

namespace mlops {

struct ByteChoice {
  std::unique_ptr<Backend> backend;  // `loaded` where that is to be kept
  ExecutionAccount account;          // without a reason: the model quantizes nothing
  bool chosen = false;
};

// `loaded` is the source under ONNX Runtime. Blocks for some milliseconds: it runs both. Never
// fails.
ByteChoice choose_byte_backend(std::unique_ptr<Backend> loaded, const ModelSource& source);

}  // namespace mlops
