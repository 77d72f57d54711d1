#pragma once
// An event loop that speaks TLS, with clients in the same thread.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net/event_loop.h"
#include "support/engine_double.h"
#include "support/fake_clock.h"
#include "support/temporary_folder.h"
#include "support/tls_client.h"
#include "tls/tls_port.h"

namespace mlops {

// Sends back what it gets; for a 'B' three megabytes, and a 'q' ends it.
class EchoSession final : public Session {
 public:
  EchoSession(Link& link, std::string& peer) : link_(link), peer_(peer) {}
  void received(std::span<const std::byte> bytes, const Buffer&) override {
    peer_ = link_.peer_name();
    for (const std::byte byte : bytes) {
      const char c = static_cast<char>(byte);
      if (c == 'B') {
        link_.out.append(std::string(std::size_t{3} << 20, 'B'));
      } else {
        link_.out.append({&c, 1});
      }
      if (c == 'q') link_.finish(true);
    }
  }
  bool wants_input() const override { return true; }
  void resume() override {}
  TimePoint deadline() const override { return kNever; }
  void expired() override {}
  void drain() override { link_.finish(false); }

 private:
  Link& link_;
  std::string& peer_;
};

class EchoFactory final : public SessionFactory {
 public:
  std::unique_ptr<Session> open(Link& link) override {
    return std::make_unique<EchoSession>(link, peer);
  }
  std::string peer;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : loop(engine, clock, log, LoopOptions()) {
    key = testing::make_ec_key();
    certificate = testing::make_certificate(key);
    options.files = {.on = true,
                     .mutual = false,
                     .certificate = folder.file("cert.pem", testing::certificate_pem(certificate)),
                     .key = folder.file("key.pem", testing::key_pem(key)),
                     .roots = ""};
    ::chmod(options.files.key.c_str(), 0600);
  }

  void open() {
    Result<std::unique_ptr<TlsPort>> opened = TlsPort::open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    port = *std::move(opened);
  }
  std::string refusal() {
    const Result<std::unique_ptr<TlsPort>> opened = TlsPort::open(options);
    return opened.ok() ? "" : opened.status().message();
  }
  // The client's end; the loop has the other one.
  testing::SocketPair& connect() {
    pairs.push_back(std::make_unique<testing::SocketPair>());
    EXPECT_TRUE(loop.adopt(std::move(pairs.back()->server), factory, port.get()).ok());
    return *pairs.back();
  }
  bool shake_hands(testing::TlsClient& client) {
    for (int i = 0; i < 8; ++i) {
      if (client.shake_hands()) return true;
      loop.turn(0);
    }
    return false;
  }
  std::string echo(testing::TlsClient& client, std::string_view bytes) {
    client.send(bytes);
    loop.turn(0);
    loop.turn(0);
    return client.receive();
  }
  std::uint64_t open_connections() const { return loop.stats().connections_open.value(); }

  testing::TemporaryFolder folder;
  testing::KeyRef key;
  testing::CertificateRef certificate;
  TlsOptions options;
  testing::EngineDouble engine;
  testing::FakeClock clock;
  NullLog log;
  EchoFactory factory;
  std::unique_ptr<TlsPort> port;
  EventLoop loop;
  std::vector<std::unique_ptr<testing::SocketPair>> pairs;
};

}  // namespace mlops
