#pragma once
// TLS on one port: the server's certificate and key, who may connect, what is spoken inside.
//
// TLS 1.2 with forward secrecy and 1.3; no renegotiation, no compression, no early data. Files are
// read by open() and reload(), which block on disk; connections that exist keep what they began
// with. Thread-safe.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.h"
#include "net/byte_channel.h"
#include "tls/tls_files.h"

struct ssl_ctx_st;
struct bio_method_st;

namespace mlops {

// What the port speaks, as clients ask for it (ALPN).
enum class TlsProtocol { http_1_1, h2 };

struct TlsOptions {
  TlsFiles files;
  TlsProtocol protocol = TlsProtocol::http_1_1;
  Duration handshake_timeout = std::chrono::seconds(10);
};

class TlsPort final : public ChannelFactory {
 public:
  // Errors name the file and say what is wrong with it; they quote nothing of its contents.
  static Result<std::unique_ptr<TlsPort>> open(const TlsOptions& options);

  // Reads the files again, for new connections. When anything is wrong with them, nothing changes.
  Status reload();
  // What an operator should hear of though it serves: a certificate that has expired, a key that
  // others can read. Of the files as they were read last.
  std::vector<std::string> warnings() const;

  std::unique_ptr<ByteChannel> open(int fd) override;
  Duration handshake_timeout() const override { return options_.handshake_timeout; }

 private:
  using Context = std::shared_ptr<ssl_ctx_st>;
  explicit TlsPort(const TlsOptions& options);

  const TlsOptions options_;
  std::unique_ptr<bio_method_st, void (*)(bio_method_st*)> sockets_;
  mutable std::mutex mutex_;
  Context context_;                    // guarded by mutex_
  std::vector<std::string> warnings_;  // guarded by mutex_
};

// "OpenSSL 3.0.22 25 Aug 2026": the one linked in.
const char* tls_library_version();

}  // namespace mlops
