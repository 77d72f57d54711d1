// Bytes through an encrypted connection, and what becomes of those that are none.

#include <sys/stat.h>

#include <random>

#include "tls_fixture.h"

namespace mlops {
namespace {

using testing::SocketPair;
using testing::TlsClient;

TEST_F(TlsTest, CarriesBytesBothWays) {
  open();
  TlsClient client(connect().client.get());
  ASSERT_TRUE(shake_hands(client));
  EXPECT_STREQ(SSL_get_version(client.ssl()), "TLSv1.3");
  EXPECT_EQ(echo(client, "hello"), "hello");
  EXPECT_EQ(echo(client, "again"), "again");
}

TEST_F(TlsTest, CarriesTwelveToo) {
  open();
  TlsClient client(connect().client.get(), [](SSL_CTX* context) {
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  });
  ASSERT_TRUE(shake_hands(client));
  EXPECT_EQ(echo(client, "hello"), "hello");
}

TEST_F(TlsTest, RefusesOlderVersionsAndWeakCiphers) {
  open();
  TlsClient old(connect().client.get(), [](SSL_CTX* context) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
  });
  EXPECT_FALSE(shake_hands(old));
  TlsClient weak(connect().client.get(), [](SSL_CTX* context) {
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, "AES128-SHA:ECDHE-ECDSA-AES128-SHA");
  });
  EXPECT_FALSE(shake_hands(weak));
  EXPECT_EQ(loop.stats().handshakes_failed.value(), 2U);
}

// Everything arrives although no event tells of what a record or a receive brought too much.
TEST_F(TlsTest, ReadsWhatOneReceiveBroughtOfManyRecords) {
  open();
  TlsClient client(connect().client.get());
  ASSERT_TRUE(shake_hands(client));
  std::string sent;
  for (int i = 0; i < 60; ++i) {
    const std::string part(static_cast<std::size_t>(1 + i * 9), static_cast<char>('a' + i % 10));
    ASSERT_EQ(client.send(part), static_cast<int>(part.size()));
    sent += part;
  }
  std::string got;
  for (int i = 0; i < 400 && got.size() < sent.size(); ++i) {
    loop.turn(0);
    got += client.receive();
  }
  EXPECT_TRUE(got == sent) << got.size();
}

TEST_F(TlsTest, WaitsForASlowReader) {
  open();
  TlsClient client(connect().client.get());
  ASSERT_TRUE(shake_hands(client));
  client.send("BB");
  for (int i = 0; i < 8; ++i) loop.turn(0);
  std::string got;
  for (int i = 0; i < 2000 && got.size() < std::size_t{6} << 20; ++i) {
    got += client.receive();
    loop.turn(0);
  }
  EXPECT_TRUE(got == std::string(std::size_t{6} << 20, 'B')) << got.size();
}

TEST_F(TlsTest, SaysGoodbyeBeforeItCloses) {
  open();
  TlsClient client(connect().client.get());
  ASSERT_TRUE(shake_hands(client));
  EXPECT_EQ(echo(client, "q"), "q");
  EXPECT_TRUE(client.said_goodbye);
  EXPECT_FALSE(client.failed);
}

TEST_F(TlsTest, APeersGoodbyeEndsItsConnection) {
  open();
  TlsClient client(connect().client.get());
  ASSERT_TRUE(shake_hands(client));
  SSL_shutdown(client.ssl());
  loop.turn(0);
  EXPECT_EQ(open_connections(), 0U);
}

TEST_F(TlsTest, PlainTextIsRefused) {
  open();
  SocketPair& pair = connect();
  pair.send("GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n");
  loop.turn(0);
  loop.turn(0);
  const std::string answer = pair.receive();
  EXPECT_EQ(answer.find("HTTP"), std::string::npos);
  EXPECT_TRUE(pair.closed);  // its direction; ours is drained
  EXPECT_EQ(loop.stats().handshakes_failed.value(), 1U);
  pair.client.reset();
  loop.turn(0);
  EXPECT_EQ(open_connections(), 0U);
}

// Whatever comes instead of a handshake, or in the middle of one, ends that connection alone.
TEST_F(TlsTest, MalformedBytesHurtNobodyElse) {
  open();
  TlsClient neighbour(connect().client.get());
  ASSERT_TRUE(shake_hands(neighbour));
  std::mt19937 random(7);
  // A ClientHello to be damaged.
  SocketPair hello;
  TlsClient prototype(hello.client.get());
  (void)prototype.shake_hands();
  std::string bytes(4096, '\0');
  const ssize_t size = ::recv(hello.server.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  ASSERT_GT(size, 100);
  bytes.resize(static_cast<std::size_t>(size));
  for (int i = 0; i < 300; ++i) {
    std::string damaged = bytes;
    for (int j = 0; j < 1 + i % 5; ++j)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    if (i % 3 == 0) damaged.resize(random() % damaged.size());
    SocketPair& pair = connect();
    pair.send(damaged);
    loop.turn(0);
    pair.client.reset();
    loop.turn(0);
    pairs.pop_back();
  }
  EXPECT_EQ(echo(neighbour, "still here"), "still here");
  EXPECT_EQ(open_connections(), 1U);
}

TEST_F(TlsTest, DamagedRecordsEndAnEstablishedConnection) {
  open();
  SocketPair& pair = connect();
  TlsClient client(pair.client.get());
  ASSERT_TRUE(shake_hands(client));
  pair.send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  loop.turn(0);
  loop.turn(0);
  EXPECT_EQ(open_connections(), 0U);
}

TEST_F(TlsTest, ASlowHandshakeTimesOut) {
  open();
  SocketPair& silent = connect();
  TlsClient finished(connect().client.get());
  ASSERT_TRUE(shake_hands(finished));
  clock.advance(std::chrono::seconds(9));
  loop.turn(0);
  EXPECT_EQ(open_connections(), 2U);
  clock.advance(std::chrono::seconds(2));
  loop.turn(0);
  (void)silent.receive();
  EXPECT_TRUE(silent.closed);
  EXPECT_EQ(open_connections(), 1U);
  EXPECT_EQ(loop.stats().connections_timed_out.value(), 1U);
}

TEST_F(TlsTest, AClientMayVanishMidHandshake) {
  open();
  SocketPair& pair = connect();
  TlsClient client(pair.client.get());
  (void)client.shake_hands();
  loop.turn(0);
  pair.client.reset();
  loop.turn(0);
  loop.turn(0);
  EXPECT_EQ(open_connections(), 0U);
}

TEST_F(TlsTest, HandshakesArriveByteByByte) {
  open();
  SocketPair inner;
  TlsClient client(inner.client.get());
  SocketPair& outer = connect();
  bool done = false;
  for (int round = 0; round < 8 && !done; ++round) {
    done = client.shake_hands();
    char byte = 0;
    while (::recv(inner.server.get(), &byte, 1, MSG_DONTWAIT) == 1) {
      outer.send({&byte, 1});
      loop.turn(0);
    }
    const std::string answer = outer.receive();
    (void)::send(inner.server.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  }
  EXPECT_TRUE(done);
}

TEST_F(TlsTest, RenegotiationIsRefused) {
  open();
  TlsClient client(connect().client.get(), [](SSL_CTX* context) {
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  });
  ASSERT_TRUE(shake_hands(client));
  ASSERT_EQ(SSL_renegotiate(client.ssl()), 1);
  for (int i = 0; i < 4; ++i) {
    (void)SSL_do_handshake(client.ssl());
    loop.turn(0);
  }
  EXPECT_NE(SSL_do_handshake(client.ssl()), 1);
  EXPECT_TRUE(SSL_renegotiate_pending(client.ssl()) || client.failed);
}

TEST_F(TlsTest, DrainingEndsHandshakesToo) {
  open();
  connect();
  loop.drain();
  loop.turn(0);
  loop.turn(0);
  EXPECT_TRUE(loop.drained());
}

}  // namespace
}  // namespace mlops
