// Certificates, keys, who is let in, and what is said when a file will not do.

#include "tls/tls_port.h"

#include <sys/stat.h>

#include "tls_fixture.h"

namespace mlops {
namespace {

using testing::TlsClient;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(TlsTest, SaysWhichFileIsMissing) {
  options.files.certificate = folder.path() / "absent.pem";
  EXPECT_TRUE(contains(refusal(), "server certificate") && contains(refusal(), "absent.pem"))
      << refusal();
}

TEST_F(TlsTest, SaysWhatIsNotACertificate) {
  options.files.certificate = folder.file("text.pem", "hello");
  EXPECT_TRUE(contains(refusal(), "text.pem")) << refusal();
  EXPECT_FALSE(contains(refusal(), "hello"));
}

TEST_F(TlsTest, SaysThatTheKeyIsAnothers) {
  options.files.key = folder.file("other.pem", testing::key_pem(testing::make_ec_key()));
  EXPECT_TRUE(contains(refusal(), "does not belong to the certificate")) << refusal();
  options.files.key = folder.file("rsa.pem", testing::key_pem(testing::make_rsa_key()));
  EXPECT_TRUE(contains(refusal(), "does not belong to the certificate")) << refusal();
}

// It must not ask for it on the terminal.
TEST_F(TlsTest, RefusesAKeyWithAPassphrase) {
  options.files.key = folder.file("locked.pem", testing::key_pem(key, "secret"));
  EXPECT_TRUE(contains(refusal(), "passphrase")) << refusal();
}

TEST_F(TlsTest, SaysThatRootsAreNone) {
  options.files.mutual = true;
  options.files.roots = folder.file("roots.pem", "");
  EXPECT_TRUE(contains(refusal(), "root certificates")) << refusal();
}

TEST_F(TlsTest, WarnsOfDatesAndOpenKeys) {
  open();
  EXPECT_TRUE(port->warnings().empty());
  const auto first_warning = [&](long from_s, long until_s) {
    const auto made = testing::make_certificate(key, {"localhost", from_s, until_s});
    options.files.certificate = folder.file("dated.pem", testing::certificate_pem(made));
    open();
    return port->warnings().empty() ? "" : port->warnings().front();
  };
  EXPECT_TRUE(contains(first_warning(-7200, -3600), "has expired"));
  EXPECT_TRUE(contains(first_warning(3600, 7200), "not valid yet"));
  EXPECT_TRUE(contains(first_warning(-3600, 3600), "expires within"));
  ::chmod(options.files.key.c_str(), 0644);
  open();
  EXPECT_EQ(port->warnings().size(), 2U);
}

TEST_F(TlsTest, MutualTlsKnowsItsClients) {
  const auto root_key = testing::make_ec_key();
  const auto root = testing::make_certificate(root_key, {.name = "root"});
  options.files.mutual = true;
  options.files.roots = folder.file("roots.pem", testing::certificate_pem(root));
  open();
  const auto client_key = testing::make_ec_key();
  const auto signed_by_root =
      testing::make_certificate(client_key, {.name = "ana\n{}"}, root.get(), root_key.get());
  TlsClient known(connect().client.get(), [&](SSL_CTX* context) {
    SSL_CTX_use_certificate(context, signed_by_root.get());
    SSL_CTX_use_PrivateKey(context, client_key.get());
  });
  ASSERT_TRUE(shake_hands(known));
  EXPECT_EQ(echo(known, "hi"), "hi");
  EXPECT_EQ(factory.peer, "CN=ana\\0A{}");

  const auto own = testing::make_certificate(client_key, {.name = "ana"});
  TlsClient stranger(connect().client.get(), [&](SSL_CTX* context) {
    SSL_CTX_use_certificate(context, own.get());
    SSL_CTX_use_PrivateKey(context, client_key.get());
  });
  (void)shake_hands(stranger);  // with TLS 1.3 it hears only afterwards
  EXPECT_EQ(echo(stranger, "hi"), "");
  EXPECT_TRUE(stranger.failed);

  TlsClient nobody(connect().client.get());
  (void)shake_hands(nobody);
  EXPECT_EQ(echo(nobody, "hi"), "");
  EXPECT_TRUE(nobody.failed);
  EXPECT_EQ(loop.stats().handshakes_failed.value(), 2U);
}

TEST_F(TlsTest, OneProtocolAPort) {
  options.protocol = TlsProtocol::h2;
  open();
  const auto asking = [](std::string_view names) {
    return [names](SSL_CTX* context) {
      SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(names.data()),
                              static_cast<unsigned>(names.size()));
    };
  };
  TlsClient both(connect().client.get(), asking("\x08http/1.1\x02h2"));
  ASSERT_TRUE(shake_hands(both));
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(both.ssl(), &name, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(name), size), "h2");
  TlsClient other(connect().client.get(), asking("\x08http/1.1"));
  EXPECT_FALSE(shake_hands(other));
  TlsClient silent(connect().client.get());
  EXPECT_TRUE(shake_hands(silent));
}

TEST_F(TlsTest, ReloadedFilesServeNewConnections) {
  open();
  TlsClient before(connect().client.get());
  ASSERT_TRUE(shake_hands(before));
  const auto other = testing::make_certificate(key, {.name = "renewed"});
  folder.file("cert.pem", testing::certificate_pem(other));
  ASSERT_TRUE(port->reload().ok());
  TlsClient after(connect().client.get());
  ASSERT_TRUE(shake_hands(after));
  EXPECT_EQ(before.server_name(), "/CN=localhost");
  EXPECT_EQ(after.server_name(), "/CN=renewed");
  EXPECT_EQ(echo(before, "old"), "old");

  folder.file("cert.pem", "half a certif");
  EXPECT_FALSE(port->reload().ok());
  TlsClient later(connect().client.get());
  ASSERT_TRUE(shake_hands(later));
  EXPECT_EQ(later.server_name(), "/CN=renewed");
}

}  // namespace
}  // namespace mlops
