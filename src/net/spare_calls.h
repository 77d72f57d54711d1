#pragma once
// Calls that were answered and let go, kept to be used again: a call and what its request and its
// answer are written into are the same memory over and over. Each thread keeps those that it let
// go, if it makes such calls itself; a lane of the pool that lets a loop's call go last frees it.

#include <sanitizer/asan_interface.h>

#include <cstddef>
#include <vector>

namespace mlops {

// `CallType` has renew(), which lets go all that it holds.
template <class CallType>
class SpareCalls {
 public:
  static constexpr std::size_t kMost = 256;

  // Null: there is none. It is as it was renewed.
  static CallType* take() {
    if (closed_) return nullptr;
    Shelf& shelf = shelf_;
    shelf.wanted = true;
    if (shelf.calls.empty()) return nullptr;
    CallType* call = shelf.calls.back();
    shelf.calls.pop_back();
    ASAN_UNPOISON_MEMORY_REGION(call, sizeof(CallType));
    return call;
  }

  // Takes the call, to which nobody refers. False: it is not kept.
  static bool keep(CallType& call) {
    if (closed_ || !shelf_.wanted || shelf_.calls.size() == kMost) return false;
    call.renew();  // may let other calls go
    if (shelf_.calls.size() == kMost) return false;
    shelf_.calls.push_back(&call);
    ASAN_POISON_MEMORY_REGION(&call, sizeof(CallType));
    return true;
  }

 private:
  struct Shelf {
    std::vector<CallType*> calls;
    bool wanted = false;
    ~Shelf() {
      closed_ = true;
      for (CallType* call : calls) {
        ASAN_UNPOISON_MEMORY_REGION(call, sizeof(CallType));
        delete call;
      }
    }
  };

  static inline thread_local bool closed_ = false;  // the thread is ending
  static inline thread_local Shelf shelf_;
};

}  // namespace mlops
