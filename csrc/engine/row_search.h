#pragma once
// The rows of one request, looked for one by one: what was found, which must run, and the answer of
// both together. Read ADR 57.
//
// look() and plan() are for whoever has the request; what is const may be called by several threads
// afterwards.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "cache/prediction_cache.h"
#include "cache/tensor_rows.h"

namespace mlops {

class RowSearch {
 public:
  // `keys` of all rows, and as many proofs or none.
  RowSearch(RequestRows rows, std::vector<CacheKey> keys, std::vector<KeyProof> proofs);

  // Looks for the rows that have not been found yet. A row counts only when it fits to those found
  // before: as many outputs, of the same types and sizes.
  void look(PredictionCache& cache, TimePoint now);

  std::size_t count() const { return keys_.size(); }
  std::size_t found() const { return found_; }
  bool whole() const { return found_ == count(); }
  std::size_t found_bytes() const { return found_bytes_.size(); }
  bool is_run(std::size_t row) const { return rows_[row].place == Place::runs; }

  // Decides which rows must run: those that were not found, equal ones once. True when that is
  // fewer than all.
  bool plan();
  // The request of those, for the model. It refers to names and outputs of `request`, and has no
  // id. nullopt: there is no memory for it.
  std::optional<Request> missing(const Request& request) const;

  // Makes `outputs`, which are those of missing() or none where nothing had to run, the answer for
  // all rows; `names` as they were asked for. Returns the bytes that were copied; nullopt, and
  // `outputs` are as they were, when they do not fit to what was found.
  std::optional<std::size_t> join(std::span<const std::string_view> names,
                                  std::vector<NamedTensor>& outputs) const;

  // Puts the rows that were not found; `outputs` are the answer for all rows. Returns the bytes
  // that were put.
  std::size_t keep(PredictionCache& cache, TimePoint now, TimePoint expires,
                   std::span<const NamedTensor> outputs) const;

  // The same rows, as far as keys and proofs tell.
  bool equals(const RowSearch& other) const;

 private:
  enum class Place : std::uint8_t { unknown, found, runs, equal };
  struct Row {
    Place place = Place::unknown;
    std::size_t at = 0;    // found: in found_bytes_; else: which row of missing()
    std::size_t size = 0;  // found
  };
  std::span<const std::byte> proof(std::size_t row) const {
    return proofs_.empty() ? std::span<const std::byte>()
                           : std::span<const std::byte>(proofs_[row]);
  }
  std::span<const std::byte> stored(const Row& row) const {
    return std::span<const std::byte>(found_bytes_).subspan(row.at, row.size);
  }
  bool fits(std::span<const std::byte> stored);

  const RequestRows request_rows_;
  const std::vector<CacheKey> keys_;
  const std::vector<KeyProof> proofs_;
  std::vector<Row> rows_;
  std::vector<std::uint32_t> runs_;       // rows that run, in their order
  std::vector<std::byte> found_bytes_;    // answers as they were stored, one after another
  std::vector<NamedTensor> first_found_;  // of the first row found, without bytes
  std::size_t found_ = 0;
};

}  // namespace mlops
