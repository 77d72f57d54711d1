#pragma once
// What a version of a repository's model goes through, as its clients see it.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace mlops {

enum class ModelState : std::uint8_t {
  loading,      // being read and tried; an older one of the same version may serve meanwhile
  ready,        // answers
  unloading,    // takes no more requests, finishes those that it has
  unavailable,  // does not answer; the reason says why
};

constexpr std::string_view state_name(ModelState state) {
  constexpr std::array<std::string_view, 4> kNames = {"LOADING", "READY", "UNLOADING",
                                                      "UNAVAILABLE"};
  return kNames[static_cast<std::size_t>(state)];
}

// Every change there is. A reload goes ready -> loading -> ready, also when it fails and the older
// one goes on.
constexpr std::array<std::pair<ModelState, ModelState>, 7> kStateChanges = {{
    {ModelState::loading, ModelState::ready},
    {ModelState::loading, ModelState::unavailable},
    {ModelState::ready, ModelState::loading},
    {ModelState::ready, ModelState::unloading},
    {ModelState::unloading, ModelState::unavailable},
    {ModelState::unavailable, ModelState::loading},
    {ModelState::unloading, ModelState::loading},
}};

constexpr bool may_become(ModelState from, ModelState to) {
  if (from == to) return true;
  for (const auto& [known_from, known_to] : kStateChanges) {
    if (from == known_from && to == known_to) return true;
  }
  return false;
}

}  // namespace mlops
