#include "cache/chunk_store.h"

#include <algorithm>
#include <cstring>

namespace mlops {
namespace {

constexpr std::size_t kWordBytes = sizeof(std::uint64_t);

std::size_t words_of(std::size_t bytes) { return (bytes + kWordBytes - 1) / kWordBytes; }

}  // namespace

std::size_t ChunkStore::chunks_for(std::size_t bytes) {
  const std::size_t words = words_of(bytes);
  const std::size_t in_first = kLink - kHeadWords;
  if (words <= in_first) return 1;
  return 1 + (words - in_first + kLink - 1) / kLink;
}

std::uint32_t ChunkStore::take_one() {
  if (first_free_ == kNone) return untouched_++;
  const std::uint32_t chunk = first_free_;
  first_free_ =
      static_cast<std::uint32_t>(chunks_[chunk].words[kLink].load(std::memory_order_relaxed));
  return chunk;
}

std::uint32_t ChunkStore::allocate(std::size_t bytes) {
  const std::size_t count = chunks_for(bytes);
  if (count > free_) return kNone;
  free_ -= static_cast<std::uint32_t>(count);
  const std::uint32_t first = take_one();
  std::uint32_t last = first;
  for (std::size_t i = 1; i < count; ++i) {
    const std::uint32_t next = take_one();
    chunks_[last].words[kLink].store(next, std::memory_order_relaxed);
    last = next;
  }
  chunks_[last].words[kLink].store(kNone, std::memory_order_relaxed);
  return first;
}

std::uint32_t ChunkStore::release(std::uint32_t first) {
  std::uint32_t count = 0;
  for (std::uint32_t chunk = first; chunk != kNone; ++count) {
    std::atomic<std::uint64_t>& link = chunks_[chunk].words[kLink];
    const auto next = static_cast<std::uint32_t>(link.load(std::memory_order_relaxed));
    link.store(first_free_, std::memory_order_relaxed);
    first_free_ = chunk;
    chunk = next;
  }
  free_ += count;
  return count;
}

bool ChunkStore::Cursor::next_chunk() {
  chunk_ = static_cast<std::uint32_t>(
      store_.chunks_[chunk_].words[kLink].load(std::memory_order_relaxed));
  word_ = 0;
  return chunk_ < store_.size_;  // which kNone is not
}

template <class Use>
bool ChunkStore::Cursor::each_word(std::size_t bytes, Use use) {
  for (std::size_t words = words_of(bytes), done = 0; done < words;) {
    if (word_ == kLink && !next_chunk()) return false;
    const std::size_t count = std::min(kLink - word_, words - done);
    if (!use(&store_.chunks_[chunk_].words[word_], done, count)) return false;
    word_ += count;
    done += count;
  }
  return true;
}

bool ChunkStore::Cursor::read(std::span<std::byte> into) {
  std::byte* to = into.data();
  std::size_t left = into.size();
  return each_word(into.size(), [&](const auto* words, std::size_t, std::size_t count) {
    const std::size_t whole = std::min(count, left / kWordBytes);
    for (std::size_t i = 0; i < whole; ++i) {
      const std::uint64_t word = words[i].load(std::memory_order_relaxed);
      std::memcpy(to + i * kWordBytes, &word, kWordBytes);
    }
    to += whole * kWordBytes;
    left -= whole * kWordBytes;
    if (whole == count) return true;
    const std::uint64_t last = words[whole].load(std::memory_order_relaxed);
    std::memcpy(to, &last, left);
    return true;
  });
}

bool ChunkStore::Cursor::equals(std::span<const std::byte> other) {
  return each_word(other.size(), [&](const auto* words, std::size_t at, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t offset = (at + i) * kWordBytes;
      std::uint64_t wanted = 0;
      std::memcpy(&wanted, other.data() + offset, std::min(kWordBytes, other.size() - offset));
      if (words[i].load(std::memory_order_relaxed) != wanted) return false;
    }
    return true;
  });
}

bool ChunkStore::Cursor::skip(std::size_t bytes) {
  return each_word(bytes, [](const auto*, std::size_t, std::size_t) { return true; });
}

std::atomic<std::uint64_t>* ChunkStore::Writer::room() {
  if (word_ == kLink) {
    chunk_ = static_cast<std::uint32_t>(
        store_.chunks_[chunk_].words[kLink].load(std::memory_order_relaxed));
    word_ = 0;
  }
  return &store_.chunks_[chunk_].words[word_];
}

void ChunkStore::Writer::write(std::span<const std::byte> piece) {
  const std::byte* from = piece.data();
  for (std::size_t whole = piece.size() / kWordBytes; whole > 0;) {
    std::atomic<std::uint64_t>* const to = room();
    const std::size_t count = std::min(kLink - word_, whole);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t value = 0;
      std::memcpy(&value, from + i * kWordBytes, kWordBytes);
      to[i].store(value, std::memory_order_relaxed);
    }
    word_ += count;
    whole -= count;
    from += count * kWordBytes;
  }
  if (const std::size_t left = piece.size() % kWordBytes; left > 0) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, left);
    room()->store(value, std::memory_order_relaxed);
    ++word_;
  }
}

}  // namespace mlops
