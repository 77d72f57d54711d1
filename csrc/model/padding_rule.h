#pragma once
// Which models may have requests of different lengths in one run, as far as declarations tell: a
// mask says which positions count, so that positions behind the end of a request can be told not
// to. Whether the model heeds its mask is tried as well; see engine/padding_probe.h.

#include <cstddef>
#include <string>

#include "model/model_config.h"
#include "tensor/signature.h"

namespace mlops {

struct PaddingRule {
  bool declared = false;
  std::size_t mask = 0;  // index of the input
  std::string reason;    // for people
};

// The mask is the input that the parameter `padding_mask` names ("none": there is none), else one
// called attention_mask.
Result<PaddingRule> padding_rule(const Signature& signature, const ConfigStrings& parameters);

}  // namespace mlops
