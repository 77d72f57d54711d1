#include "config_file.h"

#include <algorithm>
#include <charconv>

namespace {

struct BrokenAssumption {};

[[noreturn]] void end_parse() { throw BrokenAssumption(); }

}  // namespace

// toml++ 3.3 asserts things that wrong text can make untrue, which is undefined behaviour where
// assertions are off. Here they are always on, and end the parse.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) ((expression) ? void() : end_parse())
#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

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

// toml++ 3.3 has no answer for some characters outside ASCII; settings need none, and strings can
// escape them.
Status check_line(std::string_view line) {
  for (const char c : line) {
    if (c == '\t' || c == '\r' || (c >= ' ' && c < 127)) continue;
    return Status::invalid_argument(
        "a character outside printable ASCII; strings may write \\u00E9");
  }
  return {};
}

Status check_lines(std::string_view text) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (Status s = check_line(line); !s.ok()) {
      return Status::invalid_argument("line " + std::to_string(number) + ": " + s.message());
    }
  }
  return {};
}

}  // namespace

Result<std::vector<FileSetting>> parse_config_file(std::string_view text) {
  if (Status s = check_lines(text); !s.ok()) return s;
  std::vector<FileSetting> settings;
  try {
    const toml::table table = toml::parse(text);
    if (Status s = add_table(table, 0, settings); !s.ok()) return s;
  } catch (const toml::parse_error& error) {
    return Status::invalid_argument("line " + std::to_string(error.source().begin.line) + ": " +
                                    std::string(error.description()));
  } catch (const BrokenAssumption&) {
    return Status::invalid_argument("this is not TOML");
  }
  return settings;
}

}  // namespace mlops
