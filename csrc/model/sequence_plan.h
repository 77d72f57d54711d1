#pragma once
// A model that keeps state, taken apart: which of its tensors clients send and get, which tell it
// where in a sequence it is, and which carry its state from one request of a sequence to the next.
// Pure; immutable once made.

#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/model_config.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace mlops {

// An input that the engine fills in.
struct ControlTensor {
  std::string name;
  SequenceControl::Kind kind = SequenceControl::Kind::start;
  Tensor value_false;  // one row; empty for the correlation id, which has a type only
  Tensor value_true;
  DType dtype = DType::i32;
  Shape shape;  // of one row
};

struct StateTensor {
  std::string input;
  std::string output;
  Tensor initial;  // one row
};

struct SequencePlan {
  Signature client;  // what is left for clients
  std::vector<ControlTensor> controls;
  std::vector<StateTensor> states;
};

// `model` is everything that the back end takes and gives. Fails when the configuration names a
// tensor that the model lacks or has with another type, or an initial state that cannot be made.
Result<SequencePlan> plan_sequences(const SequenceBatching& config, const Signature& model,
                                    bool batched);

// Adds to `signature`, which has what clients send and get, the tensors that the configuration
// declares: for back ends without a graph that would say so.
Status add_sequence_tensors(const SequenceBatching& config, bool batched, Signature& signature);

}  // namespace mlops
