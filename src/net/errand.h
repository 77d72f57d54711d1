#pragma once
// Work that blocks (loading a model, say), done on a thread of its own so that no event loop waits
// for it. The end of it comes back to the connection's loop through the mailbox.
//
// The connection may be gone by then: it abandons its errands first, and then nobody is told; the
// work itself is not interrupted. Members other than work() belong to the loop's thread.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/ref.h"
#include "net/mailbox.h"
#include "net/turn.h"

namespace mlops {

class Errand;

class ErrandOwner {
 public:
  virtual void errand_done(Errand& errand) noexcept = 0;

 protected:
  ~ErrandOwner() = default;
};

class Errand : public RefCounted, private Letter {
 public:
  Errand(ErrandOwner& owner, Turn& turn) : owner_(&owner), turn_(turn) {}

  bool done() const { return done_; }
  void abandon() { owner_ = nullptr; }

 protected:
  virtual void work() noexcept = 0;  // on the runner's thread

 private:
  friend class ErrandRunner;
  void run() noexcept;
  void open() noexcept final;

  ErrandOwner* owner_;
  Turn& turn_;
  bool done_ = false;
};

// A few threads and a bounded queue. Thread-safe. Destroyed, or stopped, before the loops whose
// errands it runs and before whatever those errands act on.
class ErrandRunner {
 public:
  ErrandRunner(unsigned threads, std::size_t waiting_max);
  ~ErrandRunner() { stop(); }

  // False when too many wait already, or after stop(): the errand will not run.
  bool take(Ref<Errand> errand);
  // Forgets what waits, lets what runs finish. Idempotent.
  void stop();

 private:
  void loop();

  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Ref<Errand>> waiting_;  // guarded by mutex_
  bool stopping_ = false;            // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace mlops
