#include "config_file.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <charconv>

namespace mlops {
namespace {

constexpr int kDepthMax = 4;

Status wrong(const toml::node& node, const std::string& what) {
  return Status::invalid_argument("line " + std::to_string(node.source().begin.line) + ": " + what);
}

std::string number_text(double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, static_cast<std::size_t>(end - digits)};
}

Status add_value(const std::string& key, const toml::node& node,
                 std::vector<FileSetting>& settings) {
  FileSetting setting{key, {}, node.source().begin.line};
  if (const auto* text = node.as_string()) {
    if (text->get().find('\0') != std::string::npos) return wrong(node, key + " holds NUL");
    setting.value = text->get();
  } else if (const auto* integer = node.as_integer()) {
    setting.value = std::to_string(integer->get());
  } else if (const auto* floating = node.as_floating_point()) {
    setting.value = number_text(floating->get());
  } else if (const auto* truth = node.as_boolean()) {
    setting.value = truth->get() ? "true" : "false";
  } else {
    return wrong(node, key + " must be a string, a number, true, false, or an array of these");
  }
  settings.push_back(std::move(setting));
  return {};
}

Status add_table(const toml::table& table, int depth, std::vector<FileSetting>& settings) {
  if (depth > kDepthMax) return wrong(table, "tables are nested too deeply");
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    Status status;
    if (const auto* inner = node.as_table()) {
      status = add_table(*inner, depth + 1, settings);
    } else if (const auto* array = node.as_array()) {
      for (const toml::node& element : *array) {
        if (status.ok()) status = add_value(name, element, settings);
      }
    } else {
      status = add_value(name, node, settings);
    }
    if (!status.ok()) return status;
  }
  return {};
}

// toml++ 3.3 takes some characters outside ASCII for impossible ones (U+FE7F where a key may
// begin), which is undefined behaviour; settings need none, and strings can escape them.
Status only_ascii(std::string_view text) {
  std::size_t line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    if (static_cast<unsigned char>(c) < 128) continue;
    return Status::invalid_argument("line " + std::to_string(line) +
                                    ": a character outside ASCII; strings may write \\u00E9");
  }
  return {};
}

}  // namespace

Result<std::vector<FileSetting>> parse_config_file(std::string_view text) {
  if (Status s = only_ascii(text); !s.ok()) return s;
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const auto& error = parsed.error();
    return Status::invalid_argument("line " + std::to_string(error.source().begin.line) + ": " +
                                    std::string(error.description()));
  }
  std::vector<FileSetting> settings;
  if (Status s = add_table(parsed.table(), 0, settings); !s.ok()) return s;
  return settings;
}

}  // namespace mlops
