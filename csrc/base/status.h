#pragma once
// The only error vocabulary of the project: nine codes, a message, and Result<T>.
// Messages are written for the person who sent the request or wrote the file; they carry no
// secrets.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace mlops {

enum class Code : std::uint8_t {
  ok = 0,
  invalid_argument,  // the request or file is wrong and will stay wrong
  not_found,         // no such model, version or file
  already_exists,    // the name is taken; ask for another, or remove what has it
  unavailable,  // exists, but cannot serve now (loading, draining, full); retry elsewhere or later
  resource_exhausted,  // a bound was reached (memory, size); retry later with less
  deadline_exceeded,
  cancelled,
  unimplemented,  // understood, but not supported by this build or model
  internal,       // our defect, or the execution back end's
};

inline constexpr std::size_t kCodes = 10;  // ok included

std::string_view code_name(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // ok
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status invalid_argument(std::string m) { return {Code::invalid_argument, std::move(m)}; }
  static Status not_found(std::string m) { return {Code::not_found, std::move(m)}; }
  static Status already_exists(std::string m) { return {Code::already_exists, std::move(m)}; }
  static Status unavailable(std::string m) { return {Code::unavailable, std::move(m)}; }
  static Status resource_exhausted(std::string m) {
    return {Code::resource_exhausted, std::move(m)};
  }
  static Status deadline_exceeded(std::string m) { return {Code::deadline_exceeded, std::move(m)}; }
  static Status cancelled(std::string m) { return {Code::cancelled, std::move(m)}; }
  static Status unimplemented(std::string m) { return {Code::unimplemented, std::move(m)}; }
  static Status internal(std::string m) { return {Code::internal, std::move(m)}; }

  bool ok() const { return code_ == Code::ok; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  std::string to_string() const;  // "not_found: no model 'x'"

 private:
  Code code_ = Code::ok;
  std::string message_;
};

// A value or the Status that explains its absence. Asking for the value of a failure is a bug.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::in_place_index<0>, std::move(value)) {}
  Result(Status status) : value_(std::in_place_index<1>, std::move(status)) {}

  bool ok() const { return value_.index() == 0; }
  T& value() & { return std::get<0>(value_); }
  const T& value() const& { return std::get<0>(value_); }
  T&& value() && { return std::get<0>(std::move(value_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::get<0>(std::move(value_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Status status() const { return ok() ? Status() : std::get<1>(value_); }

 private:
  std::variant<T, Status> value_;
};

}  // namespace mlops
