#pragma once
// One connection's TLS. Reads and writes its socket itself, without blocking and without signals.

#include <openssl/ssl.h>

#include <memory>

#include "net/byte_channel.h"

namespace mlops {

class TlsChannel final : public ByteChannel {
 public:
  // `ssl` has its socket already.
  explicit TlsChannel(SSL* ssl) : ssl_(ssl, SSL_free) {}

  Read read(std::span<std::byte> space) override;
  OutQueue::Sent flush(OutQueue& out, std::size_t& bytes_sent) override;
  bool established() const override { return established_; }
  bool has_unread() const override { return !starved_ && SSL_has_pending(ssl_.get()) == 1; }
  bool wants_write() const override { return wants_write_; }
  void say_goodbye() override;
  std::string peer_name() const override;

 private:
  Read failed(int result);

  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool established_ = false;
  bool starved_ = true;  // what is held is not a whole record
  bool wants_write_ = false;
  bool broken_ = false;
};

// How OpenSSL reaches a socket here: send() and recv() that neither block nor raise SIGPIPE.
BIO_METHOD* make_socket_method();
// Null when memory is gone. `fd` stays the caller's.
BIO* open_socket_bio(const BIO_METHOD& method, int fd);

}  // namespace mlops
