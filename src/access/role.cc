#include "access/role.h"

#include <array>

namespace mlops {
namespace {

constexpr std::array<std::string_view, kRoleCount> kNames = {"predict", "observe", "admin"};

}  // namespace

std::string_view role_name(Role role) { return kNames[static_cast<std::size_t>(role)]; }

std::optional<Role> role_named(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Role>(i);
  }
  return std::nullopt;
}

std::string to_string(RoleSet roles) {
  std::string text;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (!roles.has(static_cast<Role>(i))) continue;
    text.append(text.empty() ? "" : ",").append(kNames[i]);
  }
  return text;
}

}  // namespace mlops
