#include "access/jwt_keys.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>

#include "protocol/json_cursor.h"

namespace mlops {
namespace {

constexpr std::size_t kSecretBytesMin = 32;
constexpr int kRsaBitsMin = 2048;
constexpr std::size_t kKeysDepthMax = 16;
constexpr std::size_t kCoordinateBytes = 32;

using PublicKey = std::shared_ptr<EVP_PKEY>;

Status wrong_keys(std::string what) { return Status::invalid_argument(std::move(what)); }

PublicKey key_from(const char* type, OSSL_PARAM_BLD* builder) {
  EVP_PKEY* key = nullptr;
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr);
  if (parameters && context && EVP_PKEY_fromdata_init(context) == 1) {
    (void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
  }
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  return {key, EVP_PKEY_free};
}

using Builder = std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)>;
using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

Number number_of(const std::string& bytes) {
  return {BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<int>(bytes.size()), nullptr),
          BN_free};
}

PublicKey rsa_key(const std::string& n, const std::string& e) {
  const Builder builder(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
  const Number modulus = number_of(n);
  const Number exponent = number_of(e);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return key_from("RSA", builder.get());
}

PublicKey p256_key(const std::string& x, const std::string& y) {
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) return nullptr;
  const std::string point = '\x04' + x + y;
  const Builder builder(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return key_from("EC", builder.get());
}

// The algorithm that a public key serves, once it is strong enough.
Status fit(JwtKey& key) {
  EVP_PKEY* given = key.public_key.get();
  if (given && EVP_PKEY_is_a(given, "RSA") == 1) {
    if (EVP_PKEY_get_bits(given) < kRsaBitsMin)
      return wrong_keys("an RSA key of less than 2048 bits");
    key.algorithm = JwtAlgorithm::rs256;
    return {};
  }
  char group[32] = "";
  if (given && EVP_PKEY_is_a(given, "EC") == 1 &&
      EVP_PKEY_get_group_name(given, group, sizeof group, nullptr) == 1 &&
      std::string_view(group) == "prime256v1") {
    key.algorithm = JwtAlgorithm::es256;
    return {};
  }
  return wrong_keys("a key that is neither RSA nor on the curve P-256");
}

struct JsonKey {
  std::string type, id, use, algorithm, curve, n, e, x, y, k;
};

std::string_view name_of(JwtAlgorithm algorithm) {
  return algorithm == JwtAlgorithm::hs256   ? "HS256"
         : algorithm == JwtAlgorithm::rs256 ? "RS256"
                                            : "ES256";
}

Status read_json_key(JsonCursor& json, JsonKey& key) {
  struct Field {
    std::string_view name;
    std::string JsonKey::*text;
    bool encoded;
  };
  static constexpr Field kFields[] = {
      {"kty", &JsonKey::type, false},  {"kid", &JsonKey::id, false},
      {"use", &JsonKey::use, false},   {"alg", &JsonKey::algorithm, false},
      {"crv", &JsonKey::curve, false}, {"n", &JsonKey::n, true},
      {"e", &JsonKey::e, true},        {"x", &JsonKey::x, true},
      {"y", &JsonKey::y, true},        {"k", &JsonKey::k, true}};
  json.enter_object();
  for (std::string_view name; json.next_key(name);) {
    if (name == "d") return wrong_keys("a private key; give the public one");
    const auto* field = std::ranges::find(kFields, name, &Field::name);
    if (field == std::end(kFields)) {
      json.skip();
      continue;
    }
    const std::string_view text = json.string();
    if (!field->encoded) {
      key.*field->text = text;
    } else if (json.ok() && !decode_base64url(text, key.*field->text)) {
      return wrong_keys("a number that is not base64url");
    }
  }
  return json.ok() ? Status() : wrong_keys("not the JSON of a key");
}

// `wanted` is false for keys that are for something else.
Status make_key(JsonKey&& given, JwtKey& key, bool& wanted) {
  wanted = given.use.empty() || given.use == "sig";
  if (!wanted) return {};
  key.id = std::move(given.id);
  Status status;
  if (given.type == "oct") {
    if (given.k.size() < kSecretBytesMin) return wrong_keys("a secret of less than 32 bytes");
    key.secret = std::move(given.k);
  } else if (given.type == "RSA") {
    key.public_key = rsa_key(given.n, given.e);
    status = fit(key);
  } else if (given.type == "EC" && given.curve == "P-256") {
    key.public_key = p256_key(given.x, given.y);
    status = fit(key);
  } else {
    wanted = false;  // sets of keys carry what others need
    return {};
  }
  if (!given.algorithm.empty() && given.algorithm != name_of(key.algorithm)) wanted = false;
  return status;
}

Result<std::vector<JwtKey>> parse_jwks(std::string_view text) {
  std::vector<JwtKey> keys;
  JsonCursor json(text, kKeysDepthMax);
  json.enter_object();
  for (std::string_view name; json.next_key(name);) {
    if (name != "keys") {
      json.skip();
      continue;
    }
    for (json.enter_array(); json.next_element();) {
      JsonKey given;
      JwtKey key;
      bool wanted = false;
      if (Status s = read_json_key(json, given); !s.ok()) return s;
      if (Status s = make_key(std::move(given), key, wanted); !s.ok()) return s;
      if (wanted) keys.push_back(std::move(key));
    }
  }
  json.finish();
  if (!json.ok()) return wrong_keys("not a JSON set of keys");
  return keys;
}

PublicKey next_pem_key(BIO* pem, bool& more) {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  more = PEM_read_bio(pem, &name, &header, &data, &size) == 1;
  if (!more) return nullptr;
  const unsigned char* at = data;
  PublicKey key;
  if (std::string_view(name) == "PUBLIC KEY") {
    key.reset(d2i_PUBKEY(nullptr, &at, size), EVP_PKEY_free);
  } else if (std::string_view(name) == "CERTIFICATE") {
    X509* certificate = d2i_X509(nullptr, &at, size);
    key.reset(certificate ? X509_get_pubkey(certificate) : nullptr, EVP_PKEY_free);
    X509_free(certificate);
  }
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  return key;
}

Result<std::vector<JwtKey>> parse_pem(std::string_view text) {
  std::vector<JwtKey> keys;
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
  while (true) {
    bool more = false;
    JwtKey key;
    key.public_key = next_pem_key(pem.get(), more);
    if (!more) break;
    if (!key.public_key) return wrong_keys("PEM that is neither a public key nor a certificate");
    if (Status s = fit(key); !s.ok()) return s;
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

Result<std::vector<JwtKey>> parse_jwt_keys(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const bool json = text.substr(first).starts_with('{');
  Result<std::vector<JwtKey>> keys = json ? parse_jwks(text) : parse_pem(text);
  ERR_clear_error();
  if (keys.ok() && keys->empty()) return wrong_keys("no key that serves HS256, RS256 or ES256");
  return keys;
}

}  // namespace mlops
