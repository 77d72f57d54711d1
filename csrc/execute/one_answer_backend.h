#pragma once
// A decoupled back end for a model that is configured not to be: whatever does not give exactly one
// part is an error. Its executors wait where a generation would be left alone for a while.

#include <memory>

#include "execute/backend.h"
#include "execute/pause.h"

namespace mlops {

std::unique_ptr<Backend> make_one_answer_backend(
    std::unique_ptr<Backend> decoupled, const std::shared_ptr<Pause>& pause = real_pause());

}  // namespace mlops
