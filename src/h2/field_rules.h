#pragma once
// Whether a request's header fields, and those of its trailers, are what RFC 9113 section 8 allows:
// one field after the other, then complete(). Pure.

#include <cstdint>
#include <optional>
#include <string_view>

namespace mlops {

class FieldRules {
 public:
  enum class Of : std::uint8_t { request, trailers };

  explicit FieldRules(Of of) : of_(of) {}

  void field(std::string_view name, std::string_view value);
  // False: the request is malformed.
  bool complete() const;
  std::optional<std::uint64_t> content_length() const { return content_length_; }

 private:
  bool pseudo(std::string_view name, std::string_view value);
  bool regular(std::string_view name, std::string_view value);
  bool path_fits() const;

  Of of_;
  bool malformed_ = false;
  bool regular_seen_ = false;  // no pseudo-header may follow
  bool method_ = false;
  bool scheme_ = false;
  bool path_ = false;
  bool authority_ = false;
  bool host_ = false;          // the field that stood for :authority in HTTP/1
  bool connect_ = false;       // :method
  bool options_ = false;       // :method
  bool http_ = false;          // :scheme is http or https
  bool path_rooted_ = false;   // it begins with '/'
  bool path_is_star_ = false;  // "*", which OPTIONS alone may ask for
  std::optional<std::uint64_t> content_length_;
};

}  // namespace mlops
