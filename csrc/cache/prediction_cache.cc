#include "cache/prediction_cache.h"

#include <algorithm>
#include <string>

namespace mlops {
namespace {

constexpr int kTries = 8;
constexpr double kSlotsPerBucketUsed = 2.8;  // on average: then one bucket in 150 has too few
constexpr std::uint32_t kSmallShare = 10;    // the small queue is a tenth
constexpr std::size_t kLargestShare = 8;     // no value takes more than an eighth

constexpr std::uint64_t kHitsShift = 46;
constexpr std::uint64_t kHitsMax = 3;
constexpr std::uint64_t kEntryMask = 0xffff'ffff;
constexpr std::uint64_t kTagMask = (std::uint64_t{1} << 14) - 1;

// A chain's head: the key, then sizes and expiry.
constexpr std::size_t kLow = 0, kHigh = 1, kSizes = 2, kExpiry = 3;

std::uint64_t tag_of(const CacheKey& key) { return key.low & kTagMask; }
std::uint64_t slot_word(std::uint32_t entry, const CacheKey& key, std::uint64_t hits) {
  return (std::uint64_t{entry} + 1) | tag_of(key) << 32 | hits << kHitsShift;
}
std::uint32_t entry_of(std::uint64_t word) { return static_cast<std::uint32_t>(word) - 1; }
bool has_tag(std::uint64_t word, std::uint64_t tag) {
  return (word & kEntryMask) != 0 && ((word >> 32) & kTagMask) == tag;
}

// Steps of 2^24 ns; 0 is "never" where it stands for an expiry.
std::uint32_t tick_of(TimePoint time) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  return static_cast<std::uint32_t>(ns.count() >> 24);
}

std::uint32_t expiry_of(const CacheKey& key, TimePoint now, TimePoint expires) {
  if (expires == kNever) return 0;
  const Duration left = expires - now;
  const auto early = (left / 10) / 256 * static_cast<std::int64_t>(key.high & 0xff);
  return std::max(1U, tick_of(expires - early));
}

bool expired(std::uint32_t expiry, std::uint32_t tick) {
  return expiry != 0 && static_cast<std::int32_t>(tick - expiry) >= 0;
}

std::size_t padded(std::size_t size) { return (size + 7) / 8 * 8; }

constexpr std::size_t kBesides = 8192;  // the cache itself, and what is rounded up
constexpr double kBytesPerChunk =
    ChunkStore::kChunkBytes + 64 / kSlotsPerBucketUsed + 24 /* links */ + 6 /* ghosts */;

std::uint32_t chunks_in(std::size_t bytes) {
  const double chunks = static_cast<double>(bytes - kBesides) / kBytesPerChunk;
  return static_cast<std::uint32_t>(std::min(chunks, 4e9));
}

std::size_t buckets_for(std::uint32_t chunks) {
  return static_cast<std::size_t>(chunks / kSlotsPerBucketUsed) + 1;
}

}  // namespace

// Makes a bucket's number odd for as long as it lives.
class PredictionCache::Change {
 public:
  explicit Change(Bucket& bucket)
      : bucket_(bucket), before_(bucket.sequence.load(std::memory_order_relaxed)) {
    bucket_.sequence.store(before_ + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~Change() { bucket_.sequence.store(before_ + 2, std::memory_order_release); }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

 private:
  Bucket& bucket_;
  const std::uint32_t before_;
};

Result<std::unique_ptr<PredictionCache>> PredictionCache::create(std::size_t bytes) {
  if (bytes < kBytesMin) {
    return Status::invalid_argument("a prediction cache of " + std::to_string(bytes) +
                                    " bytes is too small; at least " + std::to_string(kBytesMin));
  }
  std::unique_ptr<PredictionCache> made(new PredictionCache(chunks_in(bytes)));
  if (made->store_.ok() && made->buckets_.ok() && made->links_.ok() && made->ghosts_.ok()) {
    return made;
  }
  return Status::resource_exhausted("no address space for a prediction cache of " +
                                    std::to_string(bytes) + " bytes");
}

PredictionCache::PredictionCache(std::uint32_t chunks)
    : store_(chunks), buckets_(buckets_for(chunks)), links_(chunks), ghosts_(chunks) {}

PredictionCache::Bucket& PredictionCache::bucket_of(const CacheKey& key) {
  return buckets_[static_cast<std::size_t>(((key.high >> 32) * buckets_.size()) >> 32)];
}

PredictionCache::Look PredictionCache::copy_out(const Bucket& bucket, std::uint32_t sequence,
                                                std::uint32_t entry, std::uint32_t tick,
                                                std::span<const std::byte> proof,
                                                const MakeRoom& room) const {
  const std::uint64_t sizes = store_.head(entry, kSizes).load(std::memory_order_relaxed);
  const auto expiry =
      static_cast<std::uint32_t>(store_.head(entry, kExpiry).load(std::memory_order_relaxed));
  const auto undisturbed = [&] {
    std::atomic_thread_fence(std::memory_order_acquire);
    return bucket.sequence.load(std::memory_order_relaxed) == sequence;
  };
  if (!undisturbed()) return Look::disturbed;  // before a size is believed
  if (expired(expiry, tick)) return Look::absent;
  const auto value_bytes = static_cast<std::size_t>(sizes & kEntryMask);
  const auto proof_bytes = static_cast<std::size_t>(sizes >> 32);
  ChunkStore::Cursor cursor(store_, entry);
  if (proof.empty()) {
    if (proof_bytes > 0 && !cursor.skip(proof_bytes)) return Look::disturbed;
  } else if (proof_bytes != proof.size() || !cursor.equals(proof)) {
    return undisturbed() ? Look::absent : Look::disturbed;
  }
  std::byte* const to = room(value_bytes);
  if (!to) return Look::absent;
  const bool whole = cursor.read({to, value_bytes});
  return undisturbed() && whole ? Look::found : Look::disturbed;
}

PredictionCache::Look PredictionCache::look(Bucket& bucket, const CacheKey& key, std::uint32_t tick,
                                            std::span<const std::byte> proof,
                                            const MakeRoom& room) {
  const std::uint32_t sequence = bucket.sequence.load(std::memory_order_acquire);
  if (sequence % 2 == 1) return Look::disturbed;
  const std::uint64_t tag = tag_of(key);
  for (std::atomic<std::uint64_t>& slot : bucket.slots) {
    std::uint64_t word = slot.load(std::memory_order_relaxed);
    if (!has_tag(word, tag)) continue;
    const std::uint32_t entry = entry_of(word);
    if (store_.head(entry, kLow).load(std::memory_order_relaxed) != key.low ||
        store_.head(entry, kHigh).load(std::memory_order_relaxed) != key.high) {
      continue;
    }
    const Look seen = copy_out(bucket, sequence, entry, tick, proof, room);
    // Lost when somebody else counts at this instant, or the slot has got another entry.
    if (seen == Look::found && word >> kHitsShift < kHitsMax) {
      slot.compare_exchange_strong(word, word + (std::uint64_t{1} << kHitsShift),
                                   std::memory_order_relaxed);
    }
    return seen;
  }
  // Absent, unless the entry moved while we looked.
  std::atomic_thread_fence(std::memory_order_acquire);
  return bucket.sequence.load(std::memory_order_relaxed) == sequence ? Look::absent
                                                                     : Look::disturbed;
}

bool PredictionCache::find(const CacheKey& key, TimePoint now, std::span<const std::byte> proof,
                           MakeRoom room) {
  const std::uint32_t tick = tick_of(now);
  Bucket& bucket = bucket_of(key);
  for (int i = 0; i < kTries; ++i) {
    const Look seen = look(bucket, key, tick, proof, room);
    if (seen != Look::disturbed) return seen == Look::found;
  }
  return false;
}

std::size_t PredictionCache::chunks_of(std::uint32_t entry) const {
  const std::uint64_t sizes = store_.head(entry, kSizes).load(std::memory_order_relaxed);
  return ChunkStore::chunks_for((sizes & kEntryMask) + padded(sizes >> 32));
}

CacheKey PredictionCache::key_of(std::uint32_t entry) const {
  return {store_.head(entry, kLow).load(std::memory_order_relaxed),
          store_.head(entry, kHigh).load(std::memory_order_relaxed)};
}

bool PredictionCache::expired_locked(std::uint32_t entry, std::uint32_t tick) const {
  return expired(
      static_cast<std::uint32_t>(store_.head(entry, kExpiry).load(std::memory_order_relaxed)),
      tick);
}

std::uint32_t PredictionCache::find_locked(const CacheKey& key) {
  for (const std::atomic<std::uint64_t>& slot : bucket_of(key).slots) {
    const std::uint64_t word = slot.load(std::memory_order_relaxed);
    if (has_tag(word, tag_of(key)) && key_of(entry_of(word)) == key) return entry_of(word);
  }
  return kNone;
}

std::uint32_t PredictionCache::hits_locked(std::uint32_t entry) const {
  const Links& links = links_[entry];
  return static_cast<std::uint32_t>(
      buckets_[links.bucket].slots[links.slot].load(std::memory_order_relaxed) >> kHitsShift);
}

// Readers may count at the same time; one count more or less decides nothing.
void PredictionCache::set_hits_locked(std::uint32_t entry, std::uint32_t hits) {
  const Links& links = links_[entry];
  buckets_[links.bucket].slots[links.slot].store(slot_word(entry, key_of(entry), hits),
                                                 std::memory_order_relaxed);
}

void PredictionCache::push_locked(std::uint32_t entry, Queue queue) {
  Fifo& to = fifo(queue);
  Links& links = links_[entry];
  links.queue = queue;
  links.newer = kNone;
  links.older = to.newest;
  (to.newest == kNone ? to.oldest : links_[to.newest].newer) = entry;
  to.newest = entry;
  to.chunks += chunks_of(entry);
}

void PredictionCache::unlink_locked(std::uint32_t entry) {
  Links& links = links_[entry];
  Fifo& from = fifo(links.queue);
  (links.older == kNone ? from.oldest : links_[links.older].newer) = links.newer;
  (links.newer == kNone ? from.newest : links_[links.newer].older) = links.older;
  from.chunks -= chunks_of(entry);
  links.queue = Queue::none;
}

void PredictionCache::remove_locked(std::uint32_t entry) {
  unlink_locked(entry);
  const Links& links = links_[entry];
  {
    Bucket& bucket = buckets_[links.bucket];
    const Change change(bucket);
    bucket.slots[links.slot].store(0, std::memory_order_relaxed);
  }
  store_.release(entry);
  --entries_;
}

void PredictionCache::evict_small_locked(std::uint32_t tick) {
  while (small_.oldest != kNone) {
    const std::uint32_t entry = small_.oldest;
    const bool gone = expired_locked(entry, tick);
    if (!gone && hits_locked(entry) > 1) {
      unlink_locked(entry);
      set_hits_locked(entry, 0);
      push_locked(entry, Queue::main);
      continue;
    }
    if (!gone) ghosts_.add(key_of(entry).high);
    remove_locked(entry);
    ++evictions_;
    return;
  }
}

void PredictionCache::evict_main_locked(std::uint32_t tick) {
  while (main_.oldest != kNone) {
    const std::uint32_t entry = main_.oldest;
    const std::uint32_t hits = hits_locked(entry);
    if (hits > 0 && !expired_locked(entry, tick)) {
      unlink_locked(entry);
      set_hits_locked(entry, hits - 1);
      push_locked(entry, Queue::main);
      continue;
    }
    remove_locked(entry);
    ++evictions_;
    return;
  }
}

void PredictionCache::make_room_locked(std::size_t chunks, std::uint32_t tick) {
  while (store_.free_chunks() < chunks) {
    const bool from_small = small_.chunks * kSmallShare >= store_.size() || main_.oldest == kNone;
    if (from_small) {
      evict_small_locked(tick);
    } else {
      evict_main_locked(tick);
    }
  }
}

// A bucket that is full gives up the entry that was asked for least.
PredictionCache::Place PredictionCache::free_slot_locked(const CacheKey& key) {
  Bucket& bucket = bucket_of(key);
  const auto at = static_cast<std::uint32_t>(&bucket - buckets_.data());
  std::size_t least = 0;
  std::uint64_t least_hits = UINT64_MAX;
  for (std::size_t i = 0; i < kSlots; ++i) {
    const std::uint64_t word = bucket.slots[i].load(std::memory_order_relaxed);
    if ((word & kEntryMask) == 0) return {at, i};
    const std::uint64_t hits = word >> kHitsShift;
    const bool in_main = links_[entry_of(word)].queue == Queue::main;
    if (const std::uint64_t worth = 2 * hits + (in_main ? 1 : 0); worth < least_hits) {
      least = i;
      least_hits = worth;
    }
  }
  remove_locked(entry_of(bucket.slots[least].load(std::memory_order_relaxed)));
  ++evictions_;
  return {at, least};
}

bool PredictionCache::put(const CacheKey& key, TimePoint now, TimePoint expires,
                          std::span<const std::byte> proof,
                          std::span<const std::span<const std::byte>> pieces) {
  std::size_t value_bytes = 0;
  for (const auto& piece : pieces) value_bytes += padded(piece.size());
  const std::size_t bytes = padded(proof.size()) + value_bytes;
  const std::size_t chunks = ChunkStore::chunks_for(bytes);
  const std::uint32_t tick = tick_of(now);
  const std::lock_guard lock(mutex_);
  if (chunks > store_.size() / kLargestShare || bytes > UINT32_MAX) {
    ++too_large_;
    return false;
  }
  bool wanted = ghosts_.take(key.high);
  std::uint32_t hits = 0;
  if (const std::uint32_t old = find_locked(key); old != kNone) {
    wanted = links_[old].queue == Queue::main;
    hits = hits_locked(old);
    remove_locked(old);
  }
  make_room_locked(chunks, tick);
  const Place place = free_slot_locked(key);
  const std::uint32_t entry = store_.allocate(bytes);
  // Whoever still reads what these chunks held must not miss that it has gone.
  std::atomic_thread_fence(std::memory_order_release);
  store_.head(entry, kLow).store(key.low, std::memory_order_relaxed);
  store_.head(entry, kHigh).store(key.high, std::memory_order_relaxed);
  store_.head(entry, kSizes)
      .store(value_bytes | std::uint64_t{proof.size()} << 32, std::memory_order_relaxed);
  store_.head(entry, kExpiry).store(expiry_of(key, now, expires), std::memory_order_relaxed);
  ChunkStore::Writer writer(store_, entry);
  writer.write(proof);
  for (const auto& piece : pieces) writer.write(piece);
  links_[entry].bucket = place.bucket;
  links_[entry].slot = static_cast<std::uint8_t>(place.slot);
  push_locked(entry, wanted ? Queue::main : Queue::small);
  {
    Bucket& bucket = buckets_[place.bucket];
    const Change change(bucket);
    bucket.slots[place.slot].store(slot_word(entry, key, hits), std::memory_order_relaxed);
  }
  ++entries_;
  ++insertions_;
  return true;
}

void PredictionCache::forget(const CacheKey& key) {
  const std::lock_guard lock(mutex_);
  if (const std::uint32_t entry = find_locked(key); entry != kNone) remove_locked(entry);
}

CacheStats PredictionCache::stats() const {
  const std::lock_guard lock(mutex_);
  CacheStats stats;
  stats.entries = entries_;
  stats.bytes_max = std::uint64_t{store_.size()} * ChunkStore::kChunkBytes;
  stats.bytes_used =
      stats.bytes_max - std::uint64_t{store_.free_chunks()} * ChunkStore::kChunkBytes;
  stats.footprint =
      stats.bytes_max + buckets_.bytes() + links_.bytes() + ghosts_.bytes() + sizeof *this;
  stats.insertions = insertions_;
  stats.evictions = evictions_;
  stats.too_large = too_large_;
  return stats;
}

}  // namespace mlops
