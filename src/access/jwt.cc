#include "access/jwt.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "access/token_file.h"
#include "protocol/json_cursor.h"

namespace mlops {
namespace {

constexpr std::size_t kTokenDepthMax = 16;

Status refused(const char* why) { return Status::invalid_argument(why); }

Status malformed() { return refused("the token is malformed"); }

// Three parts of base64url with dots between them.
struct Parts {
  std::string header;
  std::string payload;
  std::string signature;
  std::string_view signed_text;
};

bool split(std::string_view token, Parts& parts) {
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == token.npos || first == last || token.size() > kJwtBytesMax) return false;
  parts.signed_text = token.substr(0, last);
  return decode_base64url(token.substr(0, first), parts.header) &&
         decode_base64url(token.substr(first + 1, last - first - 1), parts.payload) &&
         decode_base64url(token.substr(last + 1), parts.signature);
}

struct Header {
  std::optional<JwtAlgorithm> algorithm;
  std::string key_id;
};

std::optional<JwtAlgorithm> algorithm_named(std::string_view name) {
  if (name == "HS256") return JwtAlgorithm::hs256;
  if (name == "RS256") return JwtAlgorithm::rs256;
  if (name == "ES256") return JwtAlgorithm::es256;
  return std::nullopt;  // "none" above all
}

Status read_header(std::string_view text, Header& header) {
  JsonCursor json(text, kTokenDepthMax);
  json.enter_object();
  bool seen = false;
  for (std::string_view key; json.next_key(key);) {
    if (key == "alg") {
      if (std::exchange(seen, true)) return malformed();
      header.algorithm = algorithm_named(json.string());
    } else if (key == "kid") {
      header.key_id = json.string();
    } else if (key == "crit") {
      return refused("the token demands an extension that is not known here");
    } else {
      json.skip();
    }
  }
  json.finish();
  if (!json.ok()) return malformed();
  if (!header.algorithm) return refused("the token's algorithm is not one of HS256, RS256, ES256");
  return {};
}

bool is_signed(const Parts& parts, const Header& header, const std::vector<JwtKey>& keys) {
  return std::ranges::any_of(keys, [&](const JwtKey& key) {
    if (key.algorithm != *header.algorithm) return false;
    if (!header.key_id.empty() && !key.id.empty() && header.key_id != key.id) return false;
    return verify_jwt_signature(key, parts.signed_text, parts.signature);
  });
}

struct Payload {
  JwtClaims claims;
  std::optional<std::int64_t> expires;
  std::int64_t not_before = 0;
  std::string issuer;
  bool for_us = false;
};

// A time may have a fraction, which says nothing here.
std::int64_t read_time(JsonCursor& json) {
  const std::string_view text = json.number();
  double seconds = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr double kMost = 1e15;
  if (error != std::errc() || !(seconds >= 0 && seconds <= kMost)) json.fail(malformed());
  return json.ok() ? static_cast<std::int64_t>(seconds) : 0;
}

template <class Use>
void for_each_string(JsonCursor& json, Use use) {
  if (json.peek() != JsonKind::array) return use(json.string());
  for (json.enter_array(); json.next_element();) use(json.string());
}

void add_roles(std::string_view text, RoleSet& roles) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (const auto role = role_named(text.substr(0, end))) roles.add(*role);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Status read_payload(std::string_view text, const JwtRules& rules, Payload& payload) {
  JsonCursor json(text, kTokenDepthMax);
  json.enter_object();
  for (std::string_view view; json.next_key(view);) {
    const std::string key(view);  // a view may end with the next string
    if (key == rules.roles_claim) {
      for_each_string(json, [&](std::string_view s) { add_roles(s, payload.claims.roles); });
    } else if (key == "exp") {
      payload.expires = read_time(json);
    } else if (key == "nbf") {
      payload.not_before = read_time(json);
    } else if (key == "iss") {
      payload.issuer = json.string();
    } else if (key == "sub") {
      payload.claims.subject = json.string();
    } else if (key == "aud") {
      for_each_string(json, [&](std::string_view s) {
        payload.for_us = payload.for_us || (json.ok() && s == rules.audience);
      });
    } else {
      json.skip();
    }
  }
  json.finish();
  return json.ok() ? Status() : malformed();
}

Status judge(const Payload& payload, const JwtRules& rules, std::int64_t now_unix_s) {
  if (!payload.expires) return refused("the token does not say when it expires");
  if (now_unix_s >= *payload.expires + rules.leeway_s) return refused("the token has expired");
  if (now_unix_s + rules.leeway_s < payload.not_before)
    return refused("the token is not valid yet");
  if (payload.issuer != rules.issuer) return refused("the token is from another issuer");
  if (!payload.for_us) return refused("the token is for another audience");
  if (!is_token_name(payload.claims.subject)) return refused("the token's subject is no name");
  return {};
}

}  // namespace

bool decode_base64url(std::string_view text, std::string& out) {
  const auto value = [](char c) -> unsigned {
    if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 26;
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0') + 52;
    return c == '-' ? 62 : c == '_' ? 63 : 64;
  };
  out.clear();
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const unsigned digit = value(c);
    if (digit > 63) return false;
    bits = (bits << 6 | digit) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xff));
  }
  // One text for each sequence of bytes, or a token would have many names.
  return count < 6 && (bits & ((1U << count) - 1)) == 0;
}

Result<JwtClaims> verify_jwt(std::string_view token, const std::vector<JwtKey>& keys,
                             const JwtRules& rules, std::int64_t now_unix_s) {
  Parts parts;
  if (!split(token, parts)) return malformed();
  Header header;
  if (Status s = read_header(parts.header, header); !s.ok()) return s;
  if (!is_signed(parts, header, keys)) return refused("the token's signature is not ours to trust");
  return read_jwt_claims(parts.payload, rules, now_unix_s);
}

Result<JwtClaims> read_jwt_claims(std::string_view payload, const JwtRules& rules,
                                  std::int64_t now_unix_s) {
  Payload read;
  if (Status s = read_payload(payload, rules, read); !s.ok()) return s;
  if (Status s = judge(read, rules, now_unix_s); !s.ok()) return s;
  read.claims.expires_unix_s = *read.expires + rules.leeway_s;
  return std::move(read.claims);
}

}  // namespace mlops
