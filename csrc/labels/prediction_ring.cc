#include "labels/prediction_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mlops {
namespace {

constexpr std::uint64_t kFirst = 0x9e3779b97f4a7c15u, kSecond = 0xd6e8feb86659fd93u;

__extension__ typedef unsigned __int128 Wide;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t scramble(std::uint64_t x) {
  x = (x ^ (x >> 32)) * kSecond;
  x = (x ^ (x >> 29)) * kFirst;
  return x ^ (x >> 32);
}

// A slot for each entry and as many free ones, rounded up.
std::size_t index_size(std::size_t entries) { return std::bit_ceil(2 * entries); }

}  // namespace

std::size_t PredictionRing::entries_in(std::size_t bytes) {
  std::size_t entries = bytes / (sizeof(Entry) + 2 * sizeof(std::uint32_t));
  while (entries > 1 &&
         entries * sizeof(Entry) + index_size(entries) * sizeof(std::uint32_t) > bytes)
    entries -= entries / 16 + 1;
  return std::clamp<std::size_t>(entries, 1, std::size_t{1} << 30);
}

PredictionRing::PredictionRing(std::size_t entries, std::uint64_t seed)
    : seed_(seed), entries_(entries), index_(index_size(entries), kFree) {}

IdHash PredictionRing::hash_of(std::string_view id) const {
  IdHash hash = {seed_ ^ kFirst ^ id.size(), scramble(seed_) ^ kSecond};
  for (std::size_t at = 0; at < id.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, id.data() + at, std::min<std::size_t>(8, id.size() - at));
    hash.low = fold(hash.low ^ word ^ kFirst, kSecond ^ seed_);
    hash.high = scramble(hash.high + word * kFirst);
  }
  return {scramble(hash.low ^ std::rotl(hash.high, 17)), scramble(hash.high ^ hash.low)};
}

std::size_t PredictionRing::slot_of(const IdHash& hash) const {
  std::size_t slot = home(hash.low);
  while (index_[slot] != kFree) {
    const Entry& entry = entries_[index_[slot]];
    if (entry.low == hash.low && entry.high == hash.high) break;
    slot = (slot + 1) & (index_.size() - 1);
  }
  return slot;
}

PredictionRing::Entry* PredictionRing::find(std::string_view id) {
  const std::uint32_t position = index_[slot_of(hash_of(id))];
  return position == kFree ? nullptr : &entries_[position];
}

// Takes an entry out of the index; what had been pushed past its slot moves back.
void PredictionRing::forget(std::uint32_t position) {
  const std::size_t mask = index_.size() - 1;
  std::size_t hole = slot_of({entries_[position].low, entries_[position].high});
  for (std::size_t slot = (hole + 1) & mask; index_[slot] != kFree; slot = (slot + 1) & mask) {
    const std::size_t wanted = home(entries_[index_[slot]].low);
    if (((slot - wanted) & mask) < ((slot - hole) & mask)) continue;  // it must not go before home
    index_[hole] = index_[slot];
    hole = slot;
  }
  index_[hole] = kFree;
  entries_[position].used = false;
  --size_;
}

bool PredictionRing::insert(const IdHash& hash, const Prediction& prediction, bool& lost) {
  lost = false;
  if (index_[slot_of(hash)] != kFree) return false;
  Entry& entry = entries_[next_];
  if (entry.used) {
    lost = !entry.labelled;
    forget(next_);
  }
  const std::size_t slot = slot_of(hash);  // again: forgetting moves slots
  entry = {hash.low, hash.high, prediction, 0, true, false, false};
  index_[slot] = next_;
  next_ = next_ + 1 == entries_.size() ? 0 : next_ + 1;
  ++size_;
  return true;
}

}  // namespace mlops
