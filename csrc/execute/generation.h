#pragma once
// One request in the hands of a decoupled back end: it is stepped, and each step gives a part of
// the answer, says when to ask again, or says that there is no more. So nobody's thread waits for a
// slow model or a slow reader, and many generations share few threads.

#include <cstdint>
#include <span>

#include "base/clock.h"
#include "base/status.h"
#include "tensor/tensor.h"

namespace mlops {

// Where one output goes. Before run(): `wanted`, and optionally a preallocated buffer in
// `tensor.owner` with dtype and shape set and `bytes` viewing it. After a successful run():
// `tensor` describes the result; its owner is the preallocated buffer or one that the executor made
// (strings, and results whose shape is not the one that was expected).
struct OutputSlot {
  bool wanted = false;
  Tensor tensor;
};

class Generation {
 public:
  enum class Kind : std::uint8_t { part, later, end };
  struct Step {
    Kind kind = Kind::end;
    TimePoint at{};  // later: when to ask again
  };

  virtual ~Generation() = default;
  // part: every wanted slot of `outputs` (signature order) is filled. After `end` or an error the
  // generation is not stepped any more. One thread at a time. Never throws.
  virtual Result<Step> step(TimePoint now, std::span<OutputSlot> outputs) = 0;
};

}  // namespace mlops
