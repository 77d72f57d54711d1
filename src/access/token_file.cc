#include "access/token_file.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/near_name.h"

namespace mlops {
namespace {

// Within these a bucket's times fit in 64 bits of nanoseconds.
constexpr double kRateLeast = 1e-3;
constexpr double kRateMost = 1e6;

Status wrong_line(std::string what) { return Status::invalid_argument(std::move(what)); }

std::string_view take_word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t\r"), line.size());
  line.remove_prefix(begin);
  const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

template <class Number>
Status parse_number(std::string_view key, std::string_view text, Number least, Number most,
                    Number& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stop == end && number >= least && number <= most) return {};
  return wrong_line(std::string(key) + " is not a number in range");
}

Result<RoleSet> parse_roles(std::string_view text) {
  RoleSet roles;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::optional<Role> role = role_named(text.substr(0, comma));
    if (!role) return wrong_line("roles are predict, observe and admin");
    roles.add(*role);
    if (comma == text.size()) return roles;
    text.remove_prefix(comma + 1);
  }
}

// One line's words, of either kind.
struct Line {
  TokenEntry token;
  bool has_digest = false;
  double rate = 0;  // 0: not said
  double burst = 0;
};

Status apply_word(std::string_view key, std::string_view value, Line& line) {
  if (key == "name") {
    if (!is_token_name(value)) return wrong_line("name must be printable, at most 128 characters");
    line.token.name = value;
    return {};
  }
  if (key == "sha256") {
    const std::optional<TokenDigest> digest = digest_from_hex(value);
    if (!digest) return wrong_line("sha256 must be 64 hexadecimal digits");
    line.token.digest = *digest;
    line.has_digest = true;
    return {};
  }
  if (key == "roles") {
    const Result<RoleSet> roles = parse_roles(value);
    if (roles.ok()) line.token.roles = *roles;
    return roles.status();
  }
  if (key == "rate") return parse_number(key, value, kRateLeast, kRateMost, line.rate);
  if (key == "burst") return parse_number(key, value, 1.0, kRateMost, line.burst);
  if (key == "expires") {
    std::int64_t seconds = 0;
    const Status status = parse_number(key, value, std::int64_t{0}, INT64_MAX, seconds);
    line.token.expires_unix_s = seconds;
    return status;
  }
  static constexpr std::string_view kKeys[] = {"name", "sha256", "roles",
                                               "rate", "burst",  "expires"};
  // Only what is near a key is repeated: a secret in the wrong_line place must not reach a log.
  const std::string_view near = nearest_name(key, kKeys);
  return wrong_line(near.empty() ? "unknown key"
                                 : "unknown key; did you mean " + std::string(near) + "?");
}

RateLimit limit_of(const Line& line) {
  // A burst of a second's worth, unless another is given.
  const double burst = line.burst > 0 ? line.burst : std::max(1.0, line.rate);
  return {line.rate, burst};
}

Status finish_token(Line& line, TokenFile& file) {
  if (line.token.name.empty()) return wrong_line("name is missing");
  if (!line.has_digest) return wrong_line("sha256 is missing");
  if (line.token.roles.empty()) return wrong_line("roles is missing");
  if (line.rate > 0) line.token.limit = limit_of(line);
  if (line.burst > 0 && line.rate <= 0) return wrong_line("burst needs rate");
  file.tokens.push_back(std::move(line.token));
  return {};
}

Status finish_role(const Line& line, TokenFile& file) {
  const std::optional<Role> role = role_named(line.token.name);
  if (!role) return wrong_line("the roles are predict, observe and admin");
  if (line.has_digest || !line.token.roles.empty() || line.token.expires_unix_s) {
    return wrong_line("a role has rate and burst alone");
  }
  if (line.rate <= 0) return wrong_line("rate is missing");
  file.role_limits[static_cast<std::size_t>(*role)] = limit_of(line);
  return {};
}

Status parse_line(std::string_view text, TokenFile& file) {
  const std::string_view kind = take_word(text);
  if (kind.empty() || kind.front() == '#') return {};
  if (kind != "token" && kind != "role") return wrong_line("a line begins with token or role");
  Line line;
  std::set<std::string_view> seen;
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    if (word.front() == '#') break;
    const std::size_t equals = word.find('=');
    if (equals == word.npos) return wrong_line("words are key=value");
    const std::string_view key = word.substr(0, equals);
    if (Status s = apply_word(key, word.substr(equals + 1), line); !s.ok()) return s;
    if (!seen.insert(key).second) return wrong_line(std::string(key) + " is given twice");
  }
  return kind == "token" ? finish_token(line, file) : finish_role(line, file);
}

Status check_unique(const TokenFile& file) {
  std::set<std::string_view> names;
  std::set<TokenDigest> digests;
  for (const TokenEntry& token : file.tokens) {
    if (!names.insert(token.name).second) return wrong_line("two tokens are named " + token.name);
    if (!digests.insert(token.digest).second) {
      return wrong_line("two tokens have the digest of " + token.name);
    }
  }
  return {};
}

}  // namespace

bool is_token_name(std::string_view name) {
  return !name.empty() && name.size() <= kTokenNameMax &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 127 && c != '"'; });
}

RateLimit TokenFile::limit_of(RoleSet roles) const {
  RateLimit largest;
  for (std::size_t i = 0; i < kRoleCount; ++i) {
    if (!roles.has(static_cast<Role>(i))) continue;
    if (role_limits[i].none()) return {};
    if (role_limits[i].per_second > largest.per_second) largest = role_limits[i];
  }
  return largest;
}

Result<TokenFile> parse_token_file(std::string_view text) {
  TokenFile file;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (Status s = parse_line(text.substr(0, end), file); !s.ok()) {
      return wrong_line("line " + std::to_string(number) + ": " + s.message());
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (Status s = check_unique(file); !s.ok()) return s;
  return file;
}

}  // namespace mlops
