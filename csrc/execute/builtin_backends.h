#pragma once
// Back ends without a model file, for tests, examples and measurements. They behave as the public
// example back ends of the same names that Triton has.
//
//   identity   output i repeats input i, after `execute_delay_ms` (times the executor's number when
//              `instance_wise_delay_multiplier` is set); `creation_delay_sec` delays loading
//   square     decoupled: IN = n is answered by n parts OUT = n; CUSTOM_INFER_DELAY_NS and
//              CUSTOM_OUTPUT_DELAY_NS pass before each
//   repeat     decoupled: one part (OUT = IN[i], IDX = i) per element of IN, DELAY[i] ms after the
//              one before; WAIT is accepted and means nothing here
//   sequence   OUTPUT is the running sum of INPUT over a sequence, restarted by START; sequences
//   are
//              told apart by CORRID when there is such an input, otherwise by their row

#include <memory>
#include <string_view>

#include "execute/backend.h"
#include "execute/pause.h"
#include "model/model_config.h"

namespace mlops {

bool is_builtin_backend(std::string_view name);

// `signature` is what the configuration declares, control inputs included. Fails when it does not
// fit the back end or when a parameter is malformed. Blocks for `creation_delay_sec`.
Result<std::unique_ptr<Backend>> make_builtin_backend(
    std::string_view name, Signature signature, const ConfigStrings& parameters,
    const std::shared_ptr<Pause>& pause = real_pause());

// One each; see above.
Result<std::unique_ptr<Backend>> make_identity_backend(Signature signature,
                                                       const ConfigStrings& parameters,
                                                       const std::shared_ptr<Pause>& pause);
Result<std::unique_ptr<Backend>> make_square_backend(Signature signature,
                                                     const ConfigStrings& parameters);
Result<std::unique_ptr<Backend>> make_repeat_backend(Signature signature);
Result<std::unique_ptr<Backend>> make_sequence_backend(Signature signature,
                                                       const ConfigStrings& parameters,
                                                       const std::shared_ptr<Pause>& pause);

}  // namespace mlops
