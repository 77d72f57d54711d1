#pragma once
// Whether a version's answers may be kept, and how.

#include <optional>

#include "engine/model_loading.h"

namespace mlops {

// nullopt: they are not. Asked for by `response_cache { enable: true }` or by the source, with the
// parameters `response_cache_ttl_s` (0: until pushed out) and `response_cache_verify` (on, off).
// Refused (invalid_argument) for models whose answer is not a function of the request alone: those
// that keep state, answer in parts or draw random numbers.
Result<std::optional<CacheTerms>> cache_terms(const ModelSource& source, const Backend& backend,
                                              const EngineParts& parts);

}  // namespace mlops
