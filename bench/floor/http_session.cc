// HTTP/1.1 half of the floor: keep-alive, Content-Length bodies, pipelining by accident. No routes:
// a POST is an inference, anything else gets an empty 200.
#include <algorithm>
#include <charconv>

#include "floor/infer_echo.h"
#include "floor/session.h"

namespace mlops::floor {
namespace {

constexpr std::size_t kRequestBytesMax = 16 << 20;

struct Head {
  std::size_t body_bytes = 0;
  std::size_t json_bytes = 0;
};

bool same_name(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() &&
         std::equal(a.begin(), a.end(), lower.begin(),
                    [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

bool read_size(std::string_view text, std::size_t& value) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{};
}

bool parse_head(std::string_view head, Head& parsed) {
  for (std::size_t at = head.find("\r\n"); at != head.npos;) {
    const std::size_t begin = at + 2;
    at = head.find("\r\n", begin);
    const std::string_view line = head.substr(begin, at == head.npos ? at : at - begin);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return false;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 1);
    if (same_name(name, "content-length") && !read_size(value, parsed.body_bytes)) return false;
    if (same_name(name, "inference-header-content-length") && !read_size(value, parsed.json_bytes))
      return false;
  }
  return parsed.json_bytes <= parsed.body_bytes && parsed.body_bytes <= kRequestBytesMax;
}

class HttpSession final : public Session {
 public:
  bool on_bytes(std::string_view bytes, std::string& out) override {
    if (pending_.empty()) {
      const bool good = take_requests(bytes, out);
      pending_.assign(bytes);
      return good;
    }
    pending_ += bytes;
    std::string_view rest = pending_;
    const bool good = take_requests(rest, out);
    pending_.erase(0, pending_.size() - rest.size());
    return good;
  }

 private:
  bool take_requests(std::string_view& in, std::string& out) {
    for (;;) {
      const std::size_t end = in.find("\r\n\r\n");
      if (end == in.npos) return in.size() <= kRequestBytesMax;
      Head head;
      if (!parse_head(in.substr(0, end), head)) return false;
      if (in.size() < end + 4 + head.body_bytes) return true;
      if (!answer(in, in.substr(end + 4, head.body_bytes), head, out)) return false;
      in.remove_prefix(end + 4 + head.body_bytes);
    }
  }

  bool answer(std::string_view request, std::string_view body, const Head& head, std::string& out) {
    if (!request.starts_with("POST ")) {
      out += "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
      return true;
    }
    EchoTensor tensor;
    if (!parse_infer_json(body.substr(0, head.json_bytes), body.substr(head.json_bytes), tensor,
                          shape_))
      return false;
    append_http_reply(out, tensor);
    return true;
  }

  std::string pending_;
  std::string shape_;
};

}  // namespace

std::unique_ptr<Session> make_http_session() { return std::make_unique<HttpSession>(); }

}  // namespace mlops::floor
