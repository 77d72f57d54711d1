#include "execute/ort_status.h"

#include <algorithm>
#include <initializer_list>

namespace mlops {
namespace {

constexpr std::size_t kMessageBytesMax = 320;

bool contains(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [text](std::string_view word) { return contains(text, word); });
}

bool is_out_of_memory(std::string_view text) {
  return contains_any(text, {"Failed to allocate memory", "bad_alloc", "bad allocation"});
}

constexpr std::string_view kSourcePath = "/onnxruntime_src/";
constexpr std::string_view kNestedError = "[ONNXRuntimeError] : ";

// How much of `text` is "/onnxruntime_src/x.cc:12 void f(int) const [with T = int] a == b was
// false. ": neither the C++ nor the condition says anything to somebody who has a model.
std::size_t source_location_length(std::string_view text) {
  constexpr std::string_view kCondition = " was false. ";
  if (const std::size_t at = text.find(kCondition); at != std::string_view::npos) {
    return at + kCondition.size();
  }
  std::size_t end = text.find(") ");
  if (end == std::string_view::npos) end = text.find(' ');
  if (end == std::string_view::npos) return text.size();
  end = text.find(' ', end) + 1;
  if (text.substr(end).starts_with("const ")) end += std::string_view("const ").size();
  if (text.substr(end).starts_with("[with ")) {
    const std::size_t close = text.find("] ", end);
    end = close == std::string_view::npos ? text.size() : close + 2;
  }
  return end;
}

// "[ONNXRuntimeError] : 1 : FAIL : ", the code of an error inside an error.
std::size_t nested_error_length(std::string_view text) {
  const std::size_t number = text.find(" : ", kNestedError.size());
  const std::size_t name = number == std::string_view::npos ? number : text.find(" : ", number + 3);
  return name == std::string_view::npos ? kNestedError.size() : name + 3;
}

std::string without_source_locations(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t path = text.find(kSourcePath);
    const std::size_t nested = text.find(kNestedError);
    const std::size_t at = std::min(path, nested);
    out.append(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at);
    text.remove_prefix(at == path ? source_location_length(text) : nested_error_length(text));
  }
}

// Owns `status`, hands out what it says.
struct Failure {
  OrtErrorCode code = ORT_OK;
  std::string text;
};

Failure take(const OrtApi& api, OrtStatus* status) {
  Failure failure{api.GetErrorCode(status), api.GetErrorMessage(status)};
  api.ReleaseStatus(status);
  return failure;
}

}  // namespace

std::string shorten_ort_message(std::string_view text) {
  std::string out = without_source_locations(text);
  // Names in a hostile file may hold anything; a message is one printable line.
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  out.erase(
      std::unique(out.begin(), out.end(), [](char a, char b) { return a == ' ' && b == ' '; }),
      out.end());
  while (out.ends_with(' ')) out.pop_back();
  if (out.size() > kMessageBytesMax) {
    out.resize(kMessageBytesMax);
    // Not in the middle of a UTF-8 sequence.
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0x80) out.pop_back();
    out += "…";
  }
  return out;
}

Code load_error_code(OrtErrorCode code, std::string_view text) {
  if (is_out_of_memory(text)) return Code::resource_exhausted;
  if (code == ORT_NO_SUCHFILE || contains(text, "External data path does not exist")) {
    return Code::not_found;
  }
  if (code == ORT_NOT_IMPLEMENTED ||
      contains_any(text, {"is not a registered function/op", "No Op registered for",
                          "Unsupported model IR version", "only *guarantees* support",
                          "not currently registered or supported"})) {
    return Code::unimplemented;
  }
  if (code == ORT_EP_FAIL || code == ORT_ENGINE_ERROR) return Code::internal;
  return Code::invalid_argument;
}

Code run_error_code(OrtErrorCode code, std::string_view text) {
  if (is_out_of_memory(text)) return Code::resource_exhausted;
  if (contains(text, "terminate flag")) return Code::cancelled;
  if (code == ORT_INVALID_ARGUMENT) return Code::invalid_argument;
  if (code == ORT_NOT_IMPLEMENTED) return Code::unimplemented;
  if (code == ORT_EP_FAIL || code == ORT_ENGINE_ERROR) return Code::internal;
  // The graph was accepted at load and a CPU kernel depends on nothing but its inputs, so a kernel
  // that gives up does so because of the data: an index out of range, shapes that do not go
  // together, a string that is no number. The codes that kernels use do not tell these apart (most
  // say FAIL).
  if (contains(text, "returned while running")) return Code::invalid_argument;
  return Code::internal;
}

bool is_refused_preallocation(std::string_view text) {
  return contains_any(text,
                      {"The output OrtValue provided for", "OrtValue shape verification failed",
                       "Got invalid dimensions for output", "Invalid rank for output"});
}

Status ort_failure(const OrtApi& api, OrtStatus* status) {
  if (!status) return {};
  const Failure failure = take(api, status);
  const Code code = is_out_of_memory(failure.text) ? Code::resource_exhausted : Code::internal;
  return {code, "onnxruntime: " + shorten_ort_message(failure.text)};
}

Status ort_load_failure(const OrtApi& api, OrtStatus* status, std::string_view what) {
  if (!status) return {};
  const Failure failure = take(api, status);
  std::string_view text = failure.text;
  // "Load model from <path> failed:": `what` says that, and the path may be long.
  constexpr std::string_view kFailed = " failed:";
  if (const std::size_t end = text.find(kFailed);
      text.starts_with("Load model from ") && end != std::string_view::npos) {
    text.remove_prefix(end + kFailed.size());
  }
  return {load_error_code(failure.code, failure.text),
          std::string(what) + ": " + shorten_ort_message(text)};
}

Status ort_run_failure(const OrtApi& api, OrtStatus* status) {
  if (!status) return {};
  const Failure failure = take(api, status);
  const Code code = run_error_code(failure.code, failure.text);
  const std::string text = shorten_ort_message(failure.text);
  return {code, code == Code::resource_exhausted ? "not enough memory: " + text : text};
}

}  // namespace mlops
