#include "h2/head_memo.h"

#include <cstring>
#include <functional>
#include <string_view>

namespace mlops {
namespace {

// HPACK's integers (RFC 7541, 5.1), of which the first byte gives `bits`. False: cut off or absurd.
bool read_integer(std::span<const std::byte> block, std::size_t& at, unsigned bits,
                  std::size_t& value) {
  const std::size_t mask = (std::size_t{1} << bits) - 1;
  value = std::to_integer<std::size_t>(block[at++]) & mask;
  if (value < mask) return true;
  for (unsigned shift = 0; shift <= 21; shift += 7) {
    if (at == block.size()) return false;
    const auto byte = std::to_integer<std::size_t>(block[at++]);
    value += (byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

bool skip_string(std::span<const std::byte> block, std::size_t& at) {
  std::size_t size = 0;
  if (at == block.size() || !read_integer(block, at, 7, size)) return false;
  if (size > block.size() - at) return false;
  at += size;
  return true;
}

std::string_view text_of(std::span<const std::byte> block) {
  return {reinterpret_cast<const char*>(block.data()), block.size()};
}

}  // namespace

bool leaves_table_alone(std::span<const std::byte> block) {
  for (std::size_t at = 0; at < block.size();) {
    const auto first = std::to_integer<unsigned>(block[at]);
    const bool indexed = (first & 0x80) != 0;
    const bool literal = (first & 0xe0) == 0;  // without indexing, or never indexed
    if (!indexed && !literal) return false;
    std::size_t index = 0;
    if (!read_integer(block, at, indexed ? 7 : 4, index)) return false;
    if (indexed) continue;
    if (index == 0 && !skip_string(block, at)) return false;
    if (!skip_string(block, at)) return false;
  }
  return true;
}

const RequestHeadRef* HeadMemo::find(std::span<const std::byte> block) {
  const auto is_it = [&](std::size_t place) {
    const std::string& known = places_[place].block;
    return known.size() == block.size() &&
           std::memcmp(known.data(), block.data(), block.size()) == 0;
  };
  if (newest_ < used_ && is_it(newest_)) return &places_[newest_].head;
  for (std::size_t i = 0; i < used_; ++i) {
    if (!is_it(i)) continue;
    newest_ = i;
    return &places_[i].head;
  }
  return nullptr;
}

void HeadMemo::offer(std::span<const std::byte> block, const RequestHeadRef& head) {
  const std::uint64_t hash = std::hash<std::string_view>()(text_of(block));
  bool came_before = false;
  for (const std::uint64_t other : passed_by_) came_before |= other == hash;
  passed_by_[passed_by_next_] = hash;
  passed_by_next_ = (passed_by_next_ + 1) % kPlaces;
  const std::size_t bytes = block.size() + head->bytes();
  if (!came_before || bytes > kBytesMax / 2) return;

  if (used_ < kPlaces) next_ = used_++;
  // The oldest go, of those that stand behind one another in a ring.
  for (std::size_t i = 0; i < kPlaces && (i == 0 || bytes_ + bytes > kBytesMax); ++i) {
    forget(places_[(next_ + i) % kPlaces]);
  }
  Place& place = places_[next_];
  place.block = text_of(block);
  place.head = head;
  bytes_ += bytes;
  newest_ = next_;
  next_ = (next_ + 1) % kPlaces;
}

void HeadMemo::forget(Place& place) {
  if (!place.head) return;
  bytes_ -= place.block.size() + place.head->bytes();
  ::explicit_bzero(place.block.data(), place.block.size());
  place.block.clear();
  place.head = nullptr;
}

void HeadMemo::clear() {
  if (used_ == 0) return;
  for (std::size_t i = 0; i < used_; ++i) forget(places_[i]);
  used_ = newest_ = next_ = 0;
}

}  // namespace mlops
