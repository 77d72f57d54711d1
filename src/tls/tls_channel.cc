#include "tls/tls_channel.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <climits>

namespace mlops {
namespace {

constexpr std::size_t kRecordBytes = 16384;  // the most that one record carries
constexpr std::size_t kPeerNameMax = 512;

}  // namespace

ByteChannel::Read TlsChannel::failed(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      starved_ = true;
      return {Io::later, 0};
    case SSL_ERROR_WANT_WRITE:
      starved_ = wants_write_ = true;
      return {Io::later, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Io::closed, 0};
    default:
      broken_ = true;
      return {Io::broken, 0};
  }
}

ByteChannel::Read TlsChannel::read(std::span<std::byte> space) {
  if (broken_) return {Io::broken, 0};
  wants_write_ = false;
  // An error that another connection left behind on this thread is not ours.
  ERR_clear_error();
  if (!established_) {
    const int result = SSL_accept(ssl_.get());
    if (result != 1) return failed(result);
    established_ = true;
  }
  const int most = static_cast<int>(std::min<std::size_t>(space.size(), INT_MAX));
  const int size = SSL_read(ssl_.get(), space.data(), most);
  if (size <= 0) return failed(size);
  starved_ = false;
  return {Io::some, static_cast<std::size_t>(size)};
}

OutQueue::Sent TlsChannel::flush(OutQueue& out, std::size_t& bytes_sent) {
  if (broken_ || !established_) return OutQueue::Sent::broken;
  std::array<std::byte, kRecordBytes> staging;
  while (!out.empty()) {
    ERR_clear_error();
    // A write that was put off is repeated with the same bytes: the queue only grows behind them.
    const std::span<const std::byte> next = out.next(staging);
    const int size = SSL_write(ssl_.get(), next.data(), static_cast<int>(next.size()));
    if (size <= 0) {
      if (SSL_get_error(ssl_.get(), size) == SSL_ERROR_WANT_WRITE) return OutQueue::Sent::some;
      broken_ = true;
      return OutQueue::Sent::broken;
    }
    bytes_sent += static_cast<std::size_t>(size);
    out.consume(static_cast<std::size_t>(size));
  }
  return OutQueue::Sent::all;
}

void TlsChannel::say_goodbye() {
  if (broken_ || !established_) return;
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());  // the peer may be gone: nothing to be done about it
}

std::string TlsChannel::peer_name() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (!certificate) return {};
  BIO* text = BIO_new(BIO_s_mem());
  if (!text) return {};
  // XN_FLAG_RFC2253 escapes control characters and what is not ASCII.
  X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text, &bytes);
  std::string name(bytes, std::min<std::size_t>(static_cast<std::size_t>(size), kPeerNameMax));
  BIO_free(text);
  return name;
}

}  // namespace mlops
