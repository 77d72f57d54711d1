#include "admin/line_writer.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

namespace mlops {
namespace {

constexpr auto kEndPatience = std::chrono::milliseconds(1000);
// For a thread that was told to end and has nothing left to write.
constexpr auto kFarewell = std::chrono::milliseconds(500);

}  // namespace

class LineWriter::Lines {
 public:
  Lines(int fd, std::size_t bytes_max, LineTeller teller)
      : fd_(fd),
        bytes_max_(bytes_max),
        teller_(std::move(teller)),
        event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void add(LineLevel level, std::string&& line);
  void use(Fd file);
  bool flush(std::chrono::milliseconds patience);
  bool flush_at_end(std::chrono::milliseconds patience) noexcept;
  std::uint64_t lost() const;
  void run();
  // No teller is called any more. False: the thread has not ended, for it is stuck.
  bool stop();

 private:
  struct Line {
    LineLevel level;
    std::string text;
    LostLines tells_of{};  // when it is about others
  };
  enum class Room : std::uint8_t { now, look_again, never };

  bool all_written_locked() const { return lines_.empty() && !writing_; }
  std::string take_locked(std::vector<Line>& taken);
  void lose_locked(const Line& line);
  void tell_locked();
  void note_locked(int error);
  int write(std::string_view& left);
  Room wait_for_room(int fd);
  std::shared_ptr<const Fd> target() const;

  const int fd_;
  const std::size_t bytes_max_;
  const LineTeller teller_;
  const Fd event_;  // something changed for a writer that waits for room
  mutable std::mutex mutex_;
  std::condition_variable added_;
  std::condition_variable written_;
  std::condition_variable ended_;
  // All guarded by mutex_.
  std::deque<Line> lines_;
  std::size_t bytes_ = 0;  // of lines_ and of what is being written
  LostLines untold_{};
  std::uint64_t lost_ = 0;
  bool losing_ = false;  // and the owner knows
  bool writing_ = false;
  bool stopping_ = false;
  bool has_ended_ = false;
  std::shared_ptr<const Fd> file_;  // null: fd_
  // The thread's: where half a line was left behind.
  bool torn_ = false;
  std::shared_ptr<const Fd> torn_in_;
};

LineWriter::LineWriter(int fd, std::size_t bytes_max, LineTeller teller)
    : lines_(std::make_shared<Lines>(fd, bytes_max, std::move(teller))),
      thread_([lines = lines_] { lines->run(); }) {}

LineWriter::~LineWriter() {
  (void)lines_->flush(kEndPatience);
  // A terminal whose reader hangs may say that it has room, and then wait in the write for ever.
  if (lines_->stop()) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void LineWriter::add(LineLevel level, std::string&& line) { lines_->add(level, std::move(line)); }

void LineWriter::use(Fd file) { lines_->use(std::move(file)); }

bool LineWriter::flush(std::chrono::milliseconds patience) { return lines_->flush(patience); }

bool LineWriter::flush_at_end(std::chrono::milliseconds patience) noexcept {
  return lines_->flush_at_end(patience);
}

std::uint64_t LineWriter::lost() const { return lines_->lost(); }

void LineWriter::Lines::add(LineLevel level, std::string&& line) {
  const std::lock_guard lock(mutex_);
  const std::size_t most = level < LineLevel::warning ? bytes_max_ - bytes_max_ / 4 : bytes_max_;
  if (bytes_ + line.size() > most) {
    lose_locked({level, {}, {}});
    return note_locked(ENOBUFS);
  }
  tell_locked();
  bytes_ += line.size();
  lines_.push_back({level, std::move(line), {}});
  added_.notify_one();
}

void LineWriter::Lines::use(Fd file) {
  auto made = file ? std::make_shared<const Fd>(std::move(file)) : nullptr;
  {
    const std::lock_guard lock(mutex_);
    file_.swap(made);  // the old one closes after the lock
  }
  ::eventfd_write(event_.get(), 1);
}

bool LineWriter::Lines::flush(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return written_.wait_for(lock, patience, [this] { return all_written_locked(); });
}

bool LineWriter::Lines::flush_at_end(std::chrono::milliseconds patience) noexcept {
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    if (mutex_.try_lock()) {
      const bool done = all_written_locked();
      mutex_.unlock();
      if (done) return true;
    }
    ::poll(nullptr, 0, 1);
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

std::uint64_t LineWriter::Lines::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

bool LineWriter::Lines::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  added_.notify_one();
  ::eventfd_write(event_.get(), 1);
  return ended_.wait_for(lock, kFarewell, [this] { return has_ended_; });
}

void LineWriter::Lines::lose_locked(const Line& line) {
  std::uint64_t others = 0;
  for (std::size_t i = 0; i < kLineLevels; ++i) {
    untold_[i] += line.tells_of[i];
    others += line.tells_of[i];
  }
  if (others > 0) return;  // they are counted already
  ++untold_[static_cast<std::size_t>(line.level)];
  ++lost_;
}

// Between the last line that was kept and the next one.
void LineWriter::Lines::tell_locked() {
  if (std::accumulate(untold_.begin(), untold_.end(), std::uint64_t{0}) == 0) return;
  std::string text = teller_.lost(untold_);
  bytes_ += text.size();
  lines_.push_back({LineLevel::warning, std::move(text), std::exchange(untold_, {})});
}

void LineWriter::Lines::note_locked(int error) {
  if (losing_ == (error != 0) || stopping_) return;
  losing_ = error != 0;
  if (!teller_.changed) return;
  teller_.changed(error == ENOBUFS ? "what was written is not read"
                  : error != 0     ? std::strerror(error)
                                   : "");
}

// Whole lines, as many as are written at once without mixing with those of other processes.
std::string LineWriter::Lines::take_locked(std::vector<Line>& taken) {
  std::string piece;
  while (!lines_.empty() &&
         (taken.empty() || piece.size() + lines_.front().text.size() <= PIPE_BUF)) {
    piece += lines_.front().text;
    taken.push_back(std::move(lines_.front()));
    lines_.pop_front();
  }
  return piece;
}

void LineWriter::Lines::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    added_.wait(lock, [this] { return stopping_ || !lines_.empty(); });
    if (stopping_) break;
    std::vector<Line> taken;
    const std::string piece = take_locked(taken);
    std::string_view left = piece;
    writing_ = true;
    lock.unlock();
    const int error = write(left);
    lock.lock();
    writing_ = false;
    bytes_ -= piece.size();
    if (stopping_) break;
    for (std::size_t unwritten = left.size(); unwritten > 0; taken.pop_back()) {
      lose_locked(taken.back());
      unwritten -= std::min(unwritten, taken.back().text.size());
    }
    if (error == 0 && lines_.empty()) tell_locked();
    note_locked(error);
    if (lines_.empty()) written_.notify_all();
  }
  has_ended_ = true;
  ended_.notify_all();
}

std::shared_ptr<const Fd> LineWriter::Lines::target() const {
  const std::lock_guard lock(mutex_);
  return file_;
}

// Leaves what could not be written, and gives the reason; 0: nothing is left.
int LineWriter::Lines::write(std::string_view& left) {
  const std::size_t whole = left.size();
  std::shared_ptr<const Fd> begun_in;
  int error = 0;
  while (!left.empty() && error == 0) {
    const std::shared_ptr<const Fd> file = target();
    const bool moved = left.size() != whole && file != begun_in;
    const int fd = file ? file->get() : fd_;
    const Room room = moved ? Room::never : wait_for_room(fd);
    if (room == Room::look_again) continue;
    if (room == Room::never) {
      error = ECANCELED;  // also: no half lines in another file
      break;
    }
    begun_in = file;
    const bool mend = torn_ && torn_in_ == file;
    const std::string_view next = mend ? "\n" : left.substr(0, PIPE_BUF);
    const ssize_t size = ::write(fd, next.data(), next.size());
    if (size < 0) {
      if (errno != EINTR && errno != EAGAIN) error = errno;
    } else if (mend) {
      torn_ = false;
      torn_in_.reset();
    } else {
      left.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  if (!left.empty() && left.size() != whole && *(left.data() - 1) != '\n') {
    torn_ = true;
    torn_in_ = begun_in;
  }
  return error;
}

// A pipe that has room takes PIPE_BUF bytes at once; so this thread is seldom stuck in a write, and
// hears when it is to end or to write elsewhere.
LineWriter::Lines::Room LineWriter::Lines::wait_for_room(int fd) {
  if (fd < 0) return Room::never;
  std::array<pollfd, 2> waited = {{{fd, POLLOUT, 0}, {event_.get(), POLLIN, 0}}};
  if (::poll(waited.data(), waited.size(), -1) < 0) {
    return errno == EINTR ? Room::look_again : Room::never;
  }
  if (waited[1].revents != 0) {
    eventfd_t told = 0;
    ::eventfd_read(event_.get(), &told);
    const std::lock_guard lock(mutex_);
    return stopping_ ? Room::never : Room::look_again;
  }
  return Room::now;
}

}  // namespace mlops
