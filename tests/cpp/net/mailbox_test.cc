#include "net/mailbox.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>
#include <vector>

namespace mlops {
namespace {

class Note final : public Letter {
 public:
  Note(int number, std::vector<int>& opened) : number_(number), opened_(opened) {}

 private:
  void open() noexcept override { opened_.push_back(number_); }
  int number_;
  std::vector<int>& opened_;
};

bool readable(const Mailbox& mailbox, int wait_ms) {
  pollfd poll{mailbox.fd(), POLLIN, 0};
  return ::poll(&poll, 1, wait_ms) == 1;
}

TEST(Mailbox, OpensInTheOrderOfPosting) {
  Mailbox mailbox;
  std::vector<int> opened;
  Note first(1, opened);
  Note second(2, opened);
  mailbox.post(&first);
  mailbox.post(&second);
  EXPECT_EQ(mailbox.open_all(), 2U);
  EXPECT_EQ(opened, (std::vector<int>{1, 2}));
  EXPECT_EQ(mailbox.open_all(), 0U);
}

TEST(Mailbox, WakesOnlyALoopThatSleeps) {
  Mailbox mailbox;
  std::vector<int> opened;
  Note awake(1, opened);
  mailbox.post(&awake);
  EXPECT_FALSE(readable(mailbox, 0));
  EXPECT_FALSE(mailbox.prepare_sleep());  // there is work
  mailbox.open_all();
  EXPECT_TRUE(mailbox.prepare_sleep());
  Note first(2, opened);
  Note second(3, opened);
  mailbox.post(&first);
  mailbox.post(&second);
  EXPECT_TRUE(readable(mailbox, 0));
  mailbox.drain_event();
  EXPECT_FALSE(readable(mailbox, 0));  // one write for both
  mailbox.awake();
  EXPECT_EQ(mailbox.open_all(), 2U);
}

TEST(Mailbox, WakeIsNotForgottenBeforeSleep) {
  Mailbox mailbox;
  mailbox.wake();
  EXPECT_FALSE(mailbox.prepare_sleep());
  EXPECT_TRUE(mailbox.prepare_sleep());
}

// A lost wake-up would hang here: the loop sleeps without a timeout.
TEST(Mailbox, NoLetterIsLeftBehindASleepingLoop) {
  constexpr int kThreads = 4;
  constexpr int kPerThread = 20'000;
  Mailbox mailbox;
  std::vector<int> opened;
  std::vector<std::vector<std::unique_ptr<Note>>> letters(kThreads);
  for (auto& mine : letters) {
    for (int i = 0; i < kPerThread; ++i) mine.push_back(std::make_unique<Note>(i, opened));
  }
  std::vector<std::thread> senders;
  for (auto& mine : letters) {
    senders.emplace_back([&mailbox, &mine] {
      for (auto& letter : mine) mailbox.post(letter.get());
    });
  }
  while (opened.size() < kThreads * kPerThread) {
    if (mailbox.prepare_sleep()) {
      ASSERT_TRUE(readable(mailbox, 20'000));
      mailbox.drain_event();
    }
    mailbox.awake();
    mailbox.open_all();
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(opened.size(), static_cast<std::size_t>(kThreads * kPerThread));
}

}  // namespace
}  // namespace mlops
