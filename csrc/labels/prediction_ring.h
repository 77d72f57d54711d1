#pragma once
// What was predicted, by request id, for as long as labels may come: a ring of the newest
// predictions with a hash index. Fixed memory; in steady state nothing is allocated. The oldest
// entry makes room for the newest; how long an entry counts is the caller's to judge.
//
// Ids are kept as 128 bits of a keyed hash: two of a million ids are taken for one another with a
// chance of 10^-27. One thread at a time.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace mlops {

struct Prediction {
  TimePoint at;
  std::int64_t version = 0;
  double score = 0;            // chance of class 1, or the predicted number
  std::int32_t predicted = 0;  // class
};

// Of a request id.
struct IdHash {
  std::uint64_t low = 0, high = 0;
};

class PredictionRing {
 public:
  struct Entry {
    std::uint64_t low = 0, high = 0;  // of the id's hash
    Prediction prediction;
    double label = 0;
    bool used = false;
    bool labelled = false;
    bool rewarded = false;
  };

  // The most entries that fit into `bytes`, index included; at least one.
  static std::size_t entries_in(std::size_t bytes);

  PredictionRing(std::size_t entries, std::uint64_t seed);

  // False when the id is there already: the first prediction stays. `lost` is set when the oldest
  // entry had to go and no label had come for it.
  bool insert(const IdHash& id, const Prediction& prediction, bool& lost);
  bool insert(std::string_view id, const Prediction& prediction, bool& lost) {
    return insert(hash_of(id), prediction, lost);
  }
  // Null when it is not there; valid until the next insert.
  Entry* find(std::string_view id);
  IdHash hash_of(std::string_view id) const;  // any thread

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return entries_.size(); }

 private:
  static constexpr std::uint32_t kFree = UINT32_MAX;

  std::size_t home(std::uint64_t low) const { return low & (index_.size() - 1); }
  std::size_t slot_of(const IdHash& hash) const;  // where it is, or a free slot where it would go
  void forget(std::uint32_t position);

  std::uint64_t seed_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> index_;  // a power of two, at most half full; linear probing
  std::uint32_t next_ = 0;
  std::size_t size_ = 0;
};

}  // namespace mlops
