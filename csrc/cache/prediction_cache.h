#pragma once
// Answers by key, in a fixed number of bytes.
//
// What stays is decided by S3-FIFO (Yang et al., SOSP 2023): new keys wait in a small queue, a
// tenth of the room; those that were asked for again by the time they reach its end move to the
// main queue, the others leave and only their fingerprints are remembered: a key that comes back
// soon goes straight to the main queue. A scan of keys that are never asked for again so passes
// through a tenth of the cache. It beats SIEVE and LRU where what is popular changes.
//
// A bucket of the index is one cache line: seven slots, and a number that is odd while a writer
// changes them. Readers take no lock: they read the number, copy the value out, and read the number
// again; if it has moved they try again, and after a few times call it a miss. A hit writes nothing
// shared but two bits that count to three, so a key that everybody asks for is never written.
// Writers (put, forget) take one mutex; they come once per inference, not once per request.
//
// Thread-safe. Time is the caller's; it is looked at in steps of 17 ms.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "base/clock.h"
#include "cache/chunk_store.h"
#include "cache/ghost_list.h"
#include "cache/key.h"

namespace mlops {

// A function that makes room for a value, without owning anything: `std::byte*(std::size_t)`.
class MakeRoom {
 public:
  template <class Make>
  explicit MakeRoom(Make& make)
      : make_(&make), call_([](void* made, std::size_t size) -> std::byte* {
          return (*static_cast<Make*>(made))(size);
        }) {}
  std::byte* operator()(std::size_t size) const { return call_(make_, size); }

 private:
  void* make_;
  std::byte* (*call_)(void*, std::size_t);
};

struct CacheStats {
  std::uint64_t entries = 0;
  std::uint64_t bytes_used = 0;  // by values, in whole chunks
  std::uint64_t bytes_max = 0;   // that values can use
  std::uint64_t footprint = 0;   // the whole cache with its index, used or not
  std::uint64_t insertions = 0;
  std::uint64_t evictions = 0;  // for room; not those that were replaced
  std::uint64_t too_large = 0;  // values that were not taken
};

class PredictionCache {
 public:
  static constexpr std::size_t kBytesMin = 64 * 1024;

  // Takes at most `bytes` of memory, index and all, which are at least kBytesMin; the memory comes
  // as it is used.
  static Result<std::unique_ptr<PredictionCache>> create(std::size_t bytes);

  // Copies the value to where `room` says and returns true; `room` may be called more than once,
  // and null means that there is none. With `proof`, only an entry that was put with the same one
  // is found. Never blocks.
  bool find(const CacheKey& key, TimePoint now, std::span<const std::byte> proof, MakeRoom room);

  // Keeps a copy of the pieces, one after another, each begun on a multiple of eight bytes.
  // `expires` is brought forward by up to a tenth of what is left, so that what came together does
  // not go together. False when the value is too large.
  bool put(const CacheKey& key, TimePoint now, TimePoint expires, std::span<const std::byte> proof,
           std::span<const std::span<const std::byte>> pieces);

  void forget(const CacheKey& key);

  CacheStats stats() const;
  std::uint32_t chunks() const { return store_.size(); }

 private:
  explicit PredictionCache(std::uint32_t chunks);

  static constexpr std::size_t kSlots = 7;
  static constexpr std::uint32_t kNone = ChunkStore::kNone;

  // A slot: entry + 1 in 32 bits, 14 bits of the key, and above them 2 that count hits.
  struct alignas(64) Bucket {
    std::atomic<std::uint32_t> sequence;
    std::array<std::atomic<std::uint64_t>, kSlots> slots;
  };
  enum class Queue : std::uint8_t { none, small, main };
  // What only writers know of an entry, by its first chunk.
  struct Links {
    std::uint32_t newer;
    std::uint32_t older;
    std::uint32_t bucket;
    std::uint8_t slot;
    Queue queue;
  };
  struct Fifo {
    std::uint32_t newest = kNone;
    std::uint32_t oldest = kNone;
    std::uint64_t chunks = 0;
  };
  struct Place {
    std::uint32_t bucket = 0;
    std::size_t slot = 0;
  };
  class Change;

  enum class Look : std::uint8_t { found, absent, disturbed };
  Look look(Bucket& bucket, const CacheKey& key, std::uint32_t tick,
            std::span<const std::byte> proof, const MakeRoom& room);
  Look copy_out(const Bucket& bucket, std::uint32_t sequence, std::uint32_t entry,
                std::uint32_t tick, std::span<const std::byte> proof, const MakeRoom& room) const;

  Bucket& bucket_of(const CacheKey& key);
  std::uint32_t find_locked(const CacheKey& key);
  Place free_slot_locked(const CacheKey& key);
  void make_room_locked(std::size_t chunks, std::uint32_t tick);
  void evict_small_locked(std::uint32_t tick);
  void evict_main_locked(std::uint32_t tick);
  bool expired_locked(std::uint32_t entry, std::uint32_t tick) const;
  std::uint32_t hits_locked(std::uint32_t entry) const;
  void set_hits_locked(std::uint32_t entry, std::uint32_t hits);
  void remove_locked(std::uint32_t entry);
  void push_locked(std::uint32_t entry, Queue queue);
  void unlink_locked(std::uint32_t entry);
  Fifo& fifo(Queue queue) { return queue == Queue::small ? small_ : main_; }
  std::size_t chunks_of(std::uint32_t entry) const;
  CacheKey key_of(std::uint32_t entry) const;

  ChunkStore store_;
  MappedArray<Bucket> buckets_;
  mutable std::mutex mutex_;
  MappedArray<Links> links_;  // guarded by mutex_, as all below
  GhostList ghosts_;
  Fifo small_;
  Fifo main_;
  std::uint64_t entries_ = 0, insertions_ = 0, evictions_ = 0, too_large_ = 0;
};

}  // namespace mlops
