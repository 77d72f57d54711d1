// Any text as a tokens file, as JWT keys and as a token: an error or a value, never a crash. The
// first byte chooses; no error may be without a text.

#include "access/jwt.h"
#include "access/token_file.h"

namespace {

const std::vector<mlops::JwtKey>& keys() {
  static const std::vector<mlops::JwtKey> made = {
      {mlops::JwtAlgorithm::hs256, "", std::string(32, 's'), nullptr}};
  return made;
}

void check(const mlops::Status& status) {
  if (!status.ok() && status.message().empty()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0:
      check(mlops::parse_token_file(text).status());
      break;
    case 1:
      check(mlops::parse_jwt_keys(text).status());
      break;
    case 2:
      check(mlops::verify_jwt(text, keys(), {"us", "mlops", "roles", 30}, 1'800'000'000).status());
      break;
    default:
      // Signed by nobody but what is inside: the claims' parser behind the signature.
      check(mlops::read_jwt_claims(text, {"us", "mlops", "roles", 30}, 1'800'000'000).status());
      break;
  }
  return 0;
}
