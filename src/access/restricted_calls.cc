#include "access/restricted_calls.h"

#include <algorithm>
#include <array>

#include "access/token_digest.h"
#include "base/in_quotes.h"

namespace mlops {
namespace {

constexpr std::array<std::string_view, 9> kCategories = {
    "health",           "metadata",   "inference", "shared-memory", "model-config",
    "model-repository", "statistics", "trace",     "logging"};

// Triton's name for what the call belongs to. Empty: metrics, which have a port of their own.
constexpr std::string_view category_of(ServerCall call) {
  switch (call) {
    case ServerCall::health:
      return "health";
    case ServerCall::metrics:
      return {};
    case ServerCall::server_metadata:
    case ServerCall::model_metadata:
      return "metadata";
    case ServerCall::model_config:
      return "model-config";
    case ServerCall::statistics:
    case ServerCall::drift_read:
    case ServerCall::route_read:
      return "statistics";
    case ServerCall::infer:
    case ServerCall::feedback:
      return "inference";
    case ServerCall::repository_index:
    case ServerCall::repository_load:
    case ServerCall::repository_unload:
    case ServerCall::drift_change:
    case ServerCall::cache_change:
    case ServerCall::route_change:
      return "model-repository";
    case ServerCall::shared_memory_status:
    case ServerCall::shared_memory_register:
    case ServerCall::shared_memory_unregister:
      return "shared-memory";
    case ServerCall::trace_read:
    case ServerCall::trace_change:
      return "trace";
    case ServerCall::log_read:
    case ServerCall::log_change:
      return "logging";
  }
  return {};
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_key(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_value(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
}

}  // namespace

Status RestrictedCalls::add(std::string_view group) {
  const std::size_t colon = std::min(group.find(':'), group.size());
  const std::size_t equals = std::min(group.find('=', colon), group.size());
  // Not the text itself: what is after '=' is a secret.
  const std::string_view key = group.substr(colon, equals - colon);
  const std::string_view value = group.substr(std::min(equals + 1, group.size()));
  if (key.size() < 2 || !is_key(key.substr(1)) || !is_value(value)) {
    return Status::invalid_argument("expected NAME,NAME...:KEY=VALUE");
  }
  if (groups_.size() == kGroupsMax) return Status::invalid_argument("too many groups");
  Group added{{}, std::string(key.substr(1)), std::string(value)};
  std::ranges::transform(added.key, added.key.begin(), lower);
  for (std::string_view names = group.substr(0, colon);;) {
    const std::string_view name = names.substr(0, names.find(','));
    const auto* known = std::ranges::find(kCategories, name);
    if (known == kCategories.end()) {
      std::string wanted;
      for (const std::string_view n : kCategories)
        wanted += (wanted.empty() ? "" : ", ") + std::string(n);
      return Status::invalid_argument(in_quotes(name) + " is none of " + wanted);
    }
    const auto has_it = [&](const Group& g) { return std::ranges::count(g.names, *known) > 0; };
    if (has_it(added) || std::ranges::any_of(groups_, has_it)) {
      return Status::invalid_argument(in_quotes(name) + " is restricted twice");
    }
    added.names.push_back(*known);
    if (name.size() == names.size()) break;
    names.remove_prefix(name.size() + 1);
  }
  groups_.push_back(std::move(added));
  return {};
}

RestrictedCalls::Shown RestrictedCalls::shown_by(std::string_view name,
                                                 std::string_view value) const {
  Shown shown = 0;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const bool named = std::ranges::equal(name, groups_[i].key, {}, lower);
    if (named && equal_in_constant_time(value, groups_[i].value)) {
      shown = static_cast<Shown>(shown | (1U << i));
    }
  }
  return shown;
}

const std::string* RestrictedCalls::missing_key(ServerCall call, Shown shown) const {
  const std::string_view name = category_of(call);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (std::ranges::count(groups_[i].names, name) == 0) continue;
    return (shown & (1U << i)) != 0 ? nullptr : &groups_[i].key;
  }
  return nullptr;
}

std::vector<std::string> RestrictedCalls::describe() const {
  std::vector<std::string> lines;
  for (const Group& group : groups_) {
    std::string line;
    for (const std::string_view name : group.names) {
      line += (line.empty() ? "" : ",") + std::string(name);
    }
    lines.push_back(line + ":" + group.key);
  }
  return lines;
}

void RestrictionsInForce::replace(const RestrictedCalls& calls) {
  if (!calls.any()) return now_.store(nullptr, std::memory_order_release);
  auto found = std::ranges::find_if(known_, [&](const auto& known) { return *known == calls; });
  if (found == known_.end()) {
    found = known_.insert(found, std::make_unique<const RestrictedCalls>(calls));
  }
  now_.store(found->get(), std::memory_order_release);
}

}  // namespace mlops
