#include "net/receive_arena.h"

#include <gtest/gtest.h>

#include <cstring>

namespace mlops {
namespace {

std::span<const std::byte> write(ReceiveArena& arena, int value, std::size_t size) {
  std::memset(arena.space().data(), value, size);
  return arena.take(size);
}

TEST(ReceiveArena, PacksReadsOfOneTurn) {
  ReceiveArena arena;
  const auto first = write(arena, 1, 100);
  const auto second = write(arena, 2, 100);
  EXPECT_EQ(second.data() - first.data(), 128);  // the next cache line
}

TEST(ReceiveArena, StartsOverWhenNobodyKeptAnything) {
  ReceiveArena arena;
  const auto first = write(arena, 1, 100);
  arena.end_turn();
  EXPECT_EQ(write(arena, 2, 100).data(), first.data());
}

TEST(ReceiveArena, NeverOverwritesWhatIsKept) {
  ReceiveArena arena;
  std::vector<std::pair<std::span<const std::byte>, Buffer>> kept;
  for (int i = 0; i < 200; ++i) {
    const auto bytes = write(arena, i, 9000);
    kept.emplace_back(bytes, arena.chunk());
    arena.end_turn();
  }
  for (int i = 0; i < 200; ++i) {
    const auto& bytes = kept[static_cast<std::size_t>(i)].first;
    EXPECT_EQ(bytes.front(), static_cast<std::byte>(i));
    EXPECT_EQ(bytes.back(), static_cast<std::byte>(i));
  }
}

TEST(ReceiveArena, ReusesChunksThatWereReleased) {
  ReceiveArena arena;
  write(arena, 1, 60'000);
  const std::byte* first = arena.chunk()->data();
  Buffer kept = arena.chunk();
  arena.end_turn();
  write(arena, 2, 60'000);
  EXPECT_NE(arena.chunk()->data(), first);
  kept = nullptr;
  Buffer second = arena.chunk();
  write(arena, 3, 60'000);
  EXPECT_EQ(arena.chunk()->data(), first);
}

}  // namespace
}  // namespace mlops
