#pragma once
// The three roles, and sets of them. Roles do not contain each other: who may administer may not
// predict unless told so.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mlops {

enum class Role : std::uint8_t { predict, observe, admin };
inline constexpr std::size_t kRoleCount = 3;

class RoleSet {
 public:
  constexpr RoleSet() = default;
  template <class... Roles>
  explicit constexpr RoleSet(Role first, Roles... more) {
    add(first);
    (add(more), ...);
  }
  constexpr void add(Role role) { bits_ |= bit(role); }
  constexpr bool has(Role role) const { return (bits_ & bit(role)) != 0; }
  constexpr bool meets(RoleSet other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const RoleSet&) const = default;

 private:
  static constexpr std::uint8_t bit(Role role) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(role));
  }
  std::uint8_t bits_ = 0;
};

std::string_view role_name(Role role);
std::optional<Role> role_named(std::string_view name);
std::string to_string(RoleSet roles);  // "predict,observe"

}  // namespace mlops
