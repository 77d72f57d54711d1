#pragma once
// What a command-line flag is, for the files that hold the tables of them. Pure.

#include <charconv>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace mlops {

struct ServerConfig;

struct Flag {
  std::string_view name;
  std::string_view value;  // what the value is; empty: the flag takes none
  std::string_view help;
  Status (*set)(ServerConfig& config, std::string_view value);  // null: accepted without effect
};

// An environment variable.
struct Variable {
  const char* name;
  Status (*set)(ServerConfig& config, std::string_view value);
};

// config_operations.cc: the log, traces, health.
std::span<const Flag> operations_flags();
// What the process's surroundings say under names of their own: a supervisor, a cloud.
std::span<const Variable> deployment_variables();
// config_limits.cc: what one connection may hold.
std::span<const Variable> limit_variables();
// config_security.cc: TLS, tokens, the admin port.
std::span<const Flag> security_flags();
// config_queue.cc: limits and objectives of models.
std::span<const Flag> queue_flags();
// config_cache.cc: answers that are kept.
std::span<const Flag> cache_flags();
// config_drift.cc: how changes are judged.
std::span<const Flag> drift_flags();
// config_execution.cc: what models are executed by.
std::span<const Flag> execution_flags();
// config_triton.cc: Triton's names for what has another one here, or no use.
std::span<const Flag> triton_flags();

inline Status not_a(std::string_view value, std::string_view wanted) {
  return Status::invalid_argument("'" + std::string(value) + "' is not " + std::string(wanted));
}

template <class Number>
Status set_number(Number& target, std::string_view text, Number least, Number most) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < least || number > most) {
    return not_a(text,
                 "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  target = number;
  return {};
}

inline Status set_port(int& port, std::string_view text) {
  return set_number(port, text, -1, 65535);
}

// In any case, and "on", "off", "1" and "0" too, as Triton takes them.
inline Status set_flag(bool& flag, std::string_view text) {
  std::string word(text);
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const bool yes = word == "true" || word == "on" || word == "1";
  if (!yes && word != "false" && word != "off" && word != "0") {
    return not_a(text, "'true' or 'false'");
  }
  flag = yes;
  return {};
}

}  // namespace mlops
