#include "store/s3_listing.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace mlops {
namespace {

constexpr std::size_t kDepthMax = 16;

Status malformed(std::string_view what) {
  return Status::unavailable("the object store's answer is not understood: " + std::string(what));
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr std::uint32_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
  out.push_back(static_cast<char>(kLead[more] | (c >> (6 * more))));
  for (int i = more - 1; i >= 0; --i)
    out.push_back(static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3f)));
}

// "amp", "#38", "#x26"
bool append_entity(std::string& out, std::string_view name) {
  constexpr std::pair<std::string_view, char> kNamed[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [known, c] : kNamed) {
    if (name != known) continue;
    out.push_back(c);
    return true;
  }
  if (!name.starts_with('#')) return false;
  const bool hex = name.starts_with("#x");
  name.remove_prefix(hex ? 2 : 1);
  std::uint32_t c = 0;
  const auto [stop, error] =
      std::from_chars(name.data(), name.data() + name.size(), c, hex ? 16 : 10);
  const bool whole = error == std::errc() && stop == name.data() + name.size();
  if (!whole || c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return false;
  append_utf8(out, c);
  return true;
}

// Elements one after the other, with the text that is directly in them.
class Xml {
 public:
  explicit Xml(std::string_view text) : rest_(text) {}

  struct Step {
    bool opened = false;    // else closed
    std::string_view name;  // without a namespace
    std::string text;       // of one that closed
  };
  // False at the end, or when broken().
  bool next(Step& step) {
    while (!broken_ && !rest_.empty()) {
      const std::size_t tag = rest_.find('<');
      if (!take_text(rest_.substr(0, tag))) break;
      if (tag == rest_.npos) break;
      rest_.remove_prefix(tag + 1);
      if (rest_.starts_with('?') || rest_.starts_with("!--")) {
        if (!skip_past(rest_.starts_with('?') ? "?>" : "-->")) break;
        continue;
      }
      return take_tag(step);
    }
    if (!open_.empty()) broken_ = true;
    return false;
  }
  bool broken() const { return broken_; }
  std::size_t depth() const { return open_.size(); }

 private:
  struct Element {
    std::string_view name;
    std::string text;
  };

  bool fail() {
    broken_ = true;
    return false;
  }

  bool skip_past(std::string_view end) {
    const std::size_t at = rest_.find(end);
    if (at == rest_.npos) return fail();
    rest_.remove_prefix(at + end.size());
    return true;
  }

  bool take_text(std::string_view text) {
    if (open_.empty()) return true;
    std::string& out = open_.back().text;
    while (!text.empty()) {
      const std::size_t entity = std::min(text.find('&'), text.size());
      out.append(text.substr(0, entity));
      text.remove_prefix(entity);
      if (text.empty()) return true;
      const std::size_t end = text.find(';');
      if (end == text.npos || !append_entity(out, text.substr(1, end - 1))) return fail();
      text.remove_prefix(end + 1);
    }
    return true;
  }

  // An element that is empty in itself counts as one that opens; its end comes with the next step.
  bool take_tag(Step& step) {
    const std::size_t end = rest_.find('>');
    if (end == rest_.npos) return fail();
    std::string_view tag = rest_.substr(0, end);
    const bool closes = tag.starts_with('/');
    const bool both = !closes && tag.ends_with('/');
    if (closes) tag.remove_prefix(1);
    if (both) tag.remove_suffix(1);
    const std::string_view name = tag.substr(0, tag.find_first_of(" \t\r\n"));
    if (name.empty() || name.starts_with('!')) return fail();
    if (closes) {
      rest_.remove_prefix(end + 1);
      if (open_.empty() || open_.back().name != name) return fail();
      step = {false, local(name), std::move(open_.back().text)};
      open_.pop_back();
      return true;
    }
    if (open_.size() >= kDepthMax) return fail();
    if (both) {
      rest_.remove_prefix(end + 1);
      step = {false, local(name), {}};
      return true;
    }
    rest_.remove_prefix(end + 1);
    open_.push_back({name, {}});
    step = {true, local(name), {}};
    return true;
  }

  static std::string_view local(std::string_view name) {
    const std::size_t colon = name.rfind(':');
    return colon == name.npos ? name : name.substr(colon + 1);
  }

  std::string_view rest_;
  std::vector<Element> open_;
  bool broken_ = false;
};

Status take_field(std::string_view name, std::string&& text, S3Object& object) {
  if (name == "Key") {
    object.key = std::move(text);
  } else if (name == "ETag") {
    object.etag = std::move(text);
  } else if (name == "Size") {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, object.size);
    if (error != std::errc() || stop != end) return malformed("the size of an object");
  }
  return {};
}

}  // namespace

Result<S3Listing> parse_s3_listing(std::string_view xml) {
  S3Listing listing;
  std::optional<S3Object> object;
  bool is_listing = false;
  bool truncated = false;
  Xml reader(xml);
  for (Xml::Step step; reader.next(step);) {
    if (step.opened) {
      if (reader.depth() == 1) is_listing = step.name == "ListBucketResult";
      if (reader.depth() == 2 && step.name == "Contents") object.emplace();
      continue;
    }
    if (object && reader.depth() == 2) {
      if (Status s = take_field(step.name, std::move(step.text), *object); !s.ok()) return s;
    } else if (object && reader.depth() == 1 && step.name == "Contents") {
      if (object->key.empty()) return malformed("an object without a key");
      listing.objects.push_back(*std::exchange(object, std::nullopt));
    } else if (reader.depth() == 1 && step.name == "NextContinuationToken") {
      listing.next = std::move(step.text);
    } else if (reader.depth() == 1 && step.name == "IsTruncated") {
      truncated = step.text == "true";
    }
  }
  if (reader.broken() || !is_listing) return malformed("it is no list of objects");
  if (truncated == listing.next.empty()) {
    if (truncated) return malformed("a list without its continuation");
    listing.next.clear();
  }
  return listing;
}

std::string s3_error_text(std::string_view xml) {
  std::string code;
  std::string message;
  Xml reader(xml);
  for (Xml::Step step; reader.next(step);) {
    if (step.opened || reader.depth() != 1) continue;
    if (step.name == "Code") code = std::move(step.text);
    if (step.name == "Message") message = std::move(step.text);
  }
  if (reader.broken() || code.empty()) return {};
  std::string text = code + ": " + message;
  std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
  return text.substr(0, 300);
}

}  // namespace mlops
