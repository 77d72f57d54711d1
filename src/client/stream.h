#pragma once
// A connection that this server opens: plain or TLS, every step of it bounded by a deadline and
// ended by an Interrupt. Blocks; one thread, but for Interrupt.

#include <sys/types.h>

#include <memory>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "client/url.h"
#include "net/fd.h"

struct ssl_st;

namespace mlops {

// Ends what streams wait for, now and from now on. Thread-safe.
class Interrupt {
 public:
  Interrupt();
  void raise() noexcept;
  int fd() const { return event_.get(); }

 private:
  Fd event_;
};

class ClientStream {
 public:
  // Resolves the name, which the resolver's own timeouts bound, connects, and for https verifies
  // the certificate against the system's authorities.
  static Result<std::unique_ptr<ClientStream>> open(const Url& url, const Interrupt& interrupt,
                                                    TimePoint deadline);
  ~ClientStream();

  Status write(std::string_view bytes, TimePoint deadline);
  // How many bytes; 0: the peer sends no more.
  Result<std::size_t> read(std::span<char> space, TimePoint deadline);

 private:
  ClientStream(Fd socket, const Interrupt& interrupt);
  Status wait(short events, TimePoint deadline);
  Status start_tls(const std::string& host, TimePoint deadline);
  Status tls_step(int result, TimePoint deadline, std::string_view what);

  Fd socket_;
  const Interrupt& interrupt_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls_;
};

}  // namespace mlops
