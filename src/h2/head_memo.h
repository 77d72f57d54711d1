#pragma once
// Header blocks that were decoded before, and what they meant. HPACK's blocks depend on a table
// that blocks themselves change; one that leaves the table as it is (indexed fields and literals
// that are not to be indexed) means the same as long as the table does not change. Most clients
// send such a block for every call after their first. One connection's, one thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "h2/request_head.h"

namespace mlops {

// False for a block that adds to the table, resizes it, or is not well formed.
bool leaves_table_alone(std::span<const std::byte> block);

class HeadMemo {
 public:
  static constexpr std::size_t kPlaces = 8;
  static constexpr std::size_t kBytesMax = 16 * 1024;  // blocks and heads together

  HeadMemo() = default;
  ~HeadMemo() { clear(); }
  HeadMemo(const HeadMemo&) = delete;
  HeadMemo& operator=(const HeadMemo&) = delete;

  // Null: not known.
  const RequestHeadRef* find(std::span<const std::byte> block);
  // Kept when the same block came shortly before: one that never comes again costs no more than its
  // hash. `block` leaves the table alone.
  void offer(std::span<const std::byte> block, const RequestHeadRef& head);
  // The table has changed.
  void clear();

  std::size_t bytes() const { return bytes_; }

 private:
  struct Place {
    std::string block;  // may hold a credential: wiped
    RequestHeadRef head;
  };

  void forget(Place& place);

  std::array<Place, kPlaces> places_;
  std::size_t used_ = 0;    // places_ before it hold something
  std::size_t newest_ = 0;  // was found last
  std::size_t next_ = 0;    // to be replaced
  std::size_t bytes_ = 0;
  std::array<std::uint64_t, kPlaces> passed_by_{};  // hashes of blocks that came once
  std::size_t passed_by_next_ = 0;
};

}  // namespace mlops
