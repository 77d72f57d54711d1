#include "execute/builtin_backends.h"

#include <algorithm>
#include <array>

namespace mlops {

bool is_builtin_backend(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames = {"identity", "square", "repeat", "sequence"};
  return std::ranges::find(kNames, name) != kNames.end();
}

Result<std::unique_ptr<Backend>> make_builtin_backend(std::string_view name, Signature signature,
                                                      const ConfigStrings& parameters,
                                                      const std::shared_ptr<Pause>& pause) {
  if (name == "identity") return make_identity_backend(std::move(signature), parameters, pause);
  if (name == "square") return make_square_backend(std::move(signature), parameters);
  if (name == "repeat") return make_repeat_backend(std::move(signature));
  if (name == "sequence") return make_sequence_backend(std::move(signature), parameters, pause);
  return Status::not_found("there is no built-in back end '" + std::string(name) + "'");
}

}  // namespace mlops
