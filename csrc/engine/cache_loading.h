#pragma once
// Whether a version's answers may be kept, and how.

#include <optional>

#include "engine/model_loading.h"

namespace mlops {

// nullopt: they are not. Asked for by `response_cache { enable: true }` or by the source, with the
// parameters `response_cache_ttl_s` (0: until pushed out), `response_cache_verify` and
// `response_cache_rows` (on, off), and `response_cache_step:INPUT` (a width).
// Refused (invalid_argument) for models whose answer is not a function of the request alone: those
// that keep state, answer in parts or draw random numbers.
Result<std::optional<CacheTerms>> cache_terms(const ModelSource& source, const Backend& backend,
                                              const EngineParts& parts);

// Whether a version that has been tried can have its rows looked for one by one, where it asks.
Status check_cache_terms(const CacheTerms& terms, const ModelInfo& info);

}  // namespace mlops
