#include "loadgen/http_connection.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "loadgen/json_text.h"

namespace mlops::loadgen {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;

}  // namespace

HttpConnection::HttpConnection(Socket socket, const std::vector<std::string>& requests,
                               const Expectation& expectation)
    : socket_(std::move(socket)), requests_(requests), expectation_(expectation) {}

void HttpConnection::start(std::size_t slot, std::size_t row) {
  in_flight_ = InFlight{slot, row};
  unsent_ = requests_[row];
}

bool HttpConnection::receive() {
  const std::span<char> space = reader_.space(kReadBytes);
  const ssize_t got = recv(socket_.fd(), space.data(), space.size(), 0);
  if (got > 0) reader_.commit(static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

Outcome HttpConnection::judge(const HttpReply& reply, std::size_t row) const {
  if (reply.status != 200) return Outcome::kBadStatus;
  if (!expectation_.present()) return Outcome::kOk;
  if (reply.json_bytes < reply.body.size()) {
    return expectation_.accepts(row, reply.body.subspan(reply.json_bytes)) ? Outcome::kOk
                                                                           : Outcome::kWrongOutput;
  }
  const auto values = json_output_values({reply.body.data(), reply.body.size()});
  if (!values) return Outcome::kMalformed;
  const auto* bytes = reinterpret_cast<const char*>(values->data());
  return expectation_.accepts(row, {bytes, values->size() * sizeof(float)}) ? Outcome::kOk
                                                                            : Outcome::kWrongOutput;
}

bool HttpConnection::deliver(ReplySink& sink) {
  HttpReply reply;
  while (!reader_.empty()) {
    const HttpReplyReader::State state = reader_.next(reply);
    if (state == HttpReplyReader::State::kNeedMore) return true;
    if (!in_flight_) return false;  // a reply nobody asked for
    const InFlight done = *std::exchange(in_flight_, std::nullopt);
    const bool readable = state == HttpReplyReader::State::kReply;
    const Outcome outcome = readable ? judge(reply, done.row) : Outcome::kMalformed;
    if (readable) reader_.pop();
    sink.on_reply(done.slot, outcome);
    if (!readable) return false;
  }
  return true;
}

bool HttpConnection::flush() {
  while (!unsent_.empty()) {
    const ssize_t sent = send(socket_.fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    unsent_ = unsent_.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace mlops::loadgen
