#pragma once
// What makes two requests the same: a 128-bit keyed hash over everything that can change an answer.
//
// XXH3 is not a cryptographic hash. Its secret is random and of this process alone, so nobody
// outside can work out two requests that share a key; whoever must not rely on that has the stored
// bytes compared (KeyProof). Floats are their bits: 0.0 and -0.0 are different requests, for a
// model may tell them apart. But for inputs that are asked to be taken in steps: input_cells.h.
//
// Pure and thread-safe.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/tensor_rows.h"
#include "request/request.h"

namespace mlops {

struct CacheKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const CacheKey&, const CacheKey&) = default;
};

// What a key is relative to: entries of different scopes never meet.
struct ScopeFields {
  std::string_view model;
  std::int64_t version = 0;
  std::string_view digest;  // of what is loaded under that number
  std::uint64_t epoch = 0;  // entries of an earlier one are never found again
};

// An input whose values share a key with those near them.
struct InputStep {
  std::string input;
  double width = 0;  // above 0
};

// How requests are told apart.
struct KeyForm {
  std::string_view tenant;  // keeps callers apart that must not see each other's timing
  std::span<const InputStep> steps;
};

// The encoded request itself, for comparing.
using KeyProof = std::vector<std::byte>;

class KeyMaker {
 public:
  KeyMaker();                             // a new secret
  explicit KeyMaker(std::uint64_t seed);  // a secret that tests can repeat

  CacheKey scope(const ScopeFields& fields) const;
  // Inputs count by name, in any order; outputs and parameters as they are asked for.
  CacheKey key(const CacheKey& scope, const Request& request, const KeyForm& form = {}) const;
  // Of rows of a request: first what they have in common, then each. A row has the same key in
  // whatever request it comes.
  CacheKey rows_scope(const CacheKey& scope, const Request& request,
                      const KeyForm& form = {}) const;
  CacheKey row_key(const CacheKey& rows_scope, const Request& request, const RequestRows& rows,
                   std::size_t row, const KeyForm& form = {}) const;
  CacheKey key_of_rows(const CacheKey& rows_scope, std::span<const CacheKey> rows) const;

 private:
  static constexpr std::size_t kSecretBytes = 192;
  alignas(64) std::array<std::byte, kSecretBytes> secret_;
};

// The whole request as bytes that no other request has; nullopt when they are more than
// `bytes_max`.
std::optional<KeyProof> key_proof(const Request& request, const KeyForm& form,
                                  std::size_t bytes_max);
// One row of it.
std::optional<KeyProof> row_proof(const Request& request, const RequestRows& rows, std::size_t row,
                                  const KeyForm& form, std::size_t bytes_max);

// Parameters that say how a request is treated and not what is answered.
bool changes_answer(std::string_view parameter);

}  // namespace mlops
