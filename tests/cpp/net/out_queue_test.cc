#include "net/out_queue.h"

#include <gtest/gtest.h>

#include "support/socket_pair.h"

namespace mlops {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

Buffer counted(std::string_view text, int& released) {
  return foreign_buffer(text.data(), text.size(), [&released] { ++released; });
}

TEST(OutQueue, KeepsTheOrderOfTextAndViews) {
  OutQueue out;
  int released = 0;
  out.append("one ");
  out.append("two ");
  out.append_view(as_bytes("three "), counted("three ", released));
  out.append("four");
  EXPECT_EQ(out.size(), 18U);
  EXPECT_EQ(out.take_all(), "one two three four");
  EXPECT_EQ(released, 1);
  EXPECT_TRUE(out.empty());
}

TEST(OutQueue, EmptyPiecesAreNothing) {
  OutQueue out;
  out.append("");
  out.append_view({}, nullptr);
  EXPECT_TRUE(out.empty());
}

TEST(OutQueue, ViewWithoutOwnerIsCopied) {
  OutQueue out;
  std::string text = "before";
  out.append_view(as_bytes(text), nullptr);
  text = "after!";
  EXPECT_EQ(out.take_all(), "before");
}

TEST(OutQueue, PartialSendsLoseAndRepeatNothing) {
  testing::SocketPair pair;
  const int small = 4096;
  ::setsockopt(pair.server.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  OutQueue out;
  std::string expected;
  int released = 0;
  const std::string view(10'000, 'v');
  for (int i = 0; i < 300; ++i) {  // more pieces than one call sends
    const std::string text = "text" + std::to_string(i) + std::string(900, 't');
    out.append(text);
    out.append_view(as_bytes(view), counted(view, released));
    expected += text + view;
  }
  std::string received;
  std::size_t sent = 0;
  int blocked = 0;
  OutQueue::Sent result = OutQueue::Sent::some;
  while (result == OutQueue::Sent::some) {
    result = out.flush(pair.server.get(), sent);
    blocked += result == OutQueue::Sent::some;
    received += pair.receive();
  }
  received += pair.receive();
  EXPECT_EQ(result, OutQueue::Sent::all);
  EXPECT_GT(blocked, 1);
  EXPECT_EQ(received, expected);
  EXPECT_EQ(sent, expected.size());
  EXPECT_EQ(released, 300);
}

// A slow reader and a busy writer: the queue is never empty, yet what comes out stays exact.
TEST(OutQueue, StaysExactWhenItNeverRunsEmpty) {
  testing::SocketPair pair;
  OutQueue out;
  std::string expected;
  std::string received;
  std::size_t sent = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string text = std::to_string(i) + std::string(1000, static_cast<char>('a' + i % 26));
    out.append(text);
    expected += text;
    if (i < 300) continue;  // a head start that the reader does not catch up
    out.flush(pair.server.get(), sent);
    char part[1004];
    const ssize_t size = ::recv(pair.client.get(), part, sizeof part, MSG_DONTWAIT);
    if (size > 0) received.append(part, static_cast<std::size_t>(size));
    ASSERT_FALSE(out.empty());
  }
  while (!out.empty()) {
    ASSERT_NE(out.flush(pair.server.get(), sent), OutQueue::Sent::broken);
    received += pair.receive();
  }
  received += pair.receive();
  EXPECT_EQ(received, expected);
}

TEST(OutQueue, PeerThatIsGoneIsBroken) {
  testing::SocketPair pair;
  pair.client.reset();
  OutQueue out;
  out.append("hello");
  std::size_t sent = 0;
  EXPECT_EQ(out.flush(pair.server.get(), sent), OutQueue::Sent::broken);
}

}  // namespace
}  // namespace mlops
