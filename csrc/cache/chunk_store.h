#pragma once
// Fixed memory in chunks of 128 bytes; a value is a chain of them. Nothing fragments, and what is
// used can never be more than what was there at the start.
//
// Reading is safe at any time, also while a chunk is freed and used again: every word is atomic,
// and links are checked, so a reader that comes too late reads nonsense and no foreign memory.
// Whoever reads without a lock must find out by other means (a sequence number) that it was not too
// late. Allocating, freeing and writing are for one thread at a time.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "cache/mapped_array.h"

namespace mlops {

class ChunkStore {
 public:
  static constexpr std::size_t kChunkBytes = 128;
  static constexpr std::size_t kWords = kChunkBytes / sizeof(std::uint64_t);
  static constexpr std::size_t kHeadWords = 4;  // of a chain's first chunk, the user's
  static constexpr std::uint32_t kNone = UINT32_MAX;

  explicit ChunkStore(std::uint32_t chunks) : chunks_(chunks), size_(chunks), free_(chunks) {}

  bool ok() const { return chunks_.ok(); }
  std::uint32_t size() const { return size_; }
  std::uint32_t free_chunks() const { return free_; }

  // How many chunks a value takes.
  static std::size_t chunks_for(std::size_t bytes);

  // Room for `bytes`; kNone when that many chunks are not free.
  std::uint32_t allocate(std::size_t bytes);
  // Returns how many chunks came free.
  std::uint32_t release(std::uint32_t first);

  std::atomic<std::uint64_t>& head(std::uint32_t first, std::size_t word) {
    return chunks_[first].words[word];
  }
  const std::atomic<std::uint64_t>& head(std::uint32_t first, std::size_t word) const {
    return chunks_[first].words[word];
  }

  // Goes through a chain's bytes once. What it reads or writes begins on a multiple of eight.
  class Cursor {
   public:
    Cursor(const ChunkStore& store, std::uint32_t first)
        : store_(store), chunk_(first), word_(kHeadWords) {}
    // False when the chain ends before that many bytes.
    bool read(std::span<std::byte> into);
    bool equals(std::span<const std::byte> other);
    bool skip(std::size_t bytes);

   private:
    bool next_chunk();
    template <class Use>
    bool each_word(std::size_t bytes, Use use);

    const ChunkStore& store_;
    std::uint32_t chunk_;
    std::size_t word_;
  };

  // Fills a chain, each piece padded to a multiple of eight bytes.
  class Writer {
   public:
    Writer(ChunkStore& store, std::uint32_t first)
        : store_(store), chunk_(first), word_(kHeadWords) {}
    void write(std::span<const std::byte> piece);

   private:
    std::atomic<std::uint64_t>* room();  // where the next word goes

    ChunkStore& store_;
    std::uint32_t chunk_;
    std::size_t word_;
  };

 private:
  // The last word of a chunk says which is next.
  static constexpr std::size_t kLink = kWords - 1;
  struct alignas(kChunkBytes) Chunk {
    std::atomic<std::uint64_t> words[kWords];
  };

  std::uint32_t take_one();

  MappedArray<Chunk> chunks_;
  const std::uint32_t size_;
  std::uint32_t free_;
  std::uint32_t first_free_ = kNone;  // those that were used before
  std::uint32_t untouched_ = 0;       // from here on nothing was used yet: no memory behind it
};

}  // namespace mlops
