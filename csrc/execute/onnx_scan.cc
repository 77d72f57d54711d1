#include "execute/onnx_scan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace mlops {
namespace {

constexpr int kDepthMax = 100;                    // protobuf's own limit
constexpr std::uint64_t kStringBytesMax = 65536;  // names and paths; longer ones are an attack

// The messages of onnx.proto that lead to what we look for.
enum class Message : std::uint8_t {
  none,
  model,
  graph,
  function,
  node,
  attribute,
  tensor,
  sparse_tensor,
  external_entry,
  graph_value,  // ValueInfoProto of a graph input or output
};

struct Child {
  Message parent;
  std::uint32_t field;
  Message message;
};

constexpr Child kChildren[] = {
    {Message::model, 7, Message::graph},
    {Message::model, 25, Message::function},
    {Message::graph, 1, Message::node},
    {Message::graph, 5, Message::tensor},
    {Message::graph, 11, Message::graph_value},
    {Message::graph, 12, Message::graph_value},
    {Message::graph, 15, Message::sparse_tensor},
    {Message::function, 7, Message::node},
    {Message::function, 11, Message::attribute},
    {Message::node, 5, Message::attribute},
    {Message::attribute, 5, Message::tensor},
    {Message::attribute, 6, Message::graph},
    {Message::attribute, 10, Message::tensor},
    {Message::attribute, 11, Message::graph},
    {Message::attribute, 22, Message::sparse_tensor},
    {Message::attribute, 23, Message::sparse_tensor},
    {Message::sparse_tensor, 1, Message::tensor},
    {Message::sparse_tensor, 2, Message::tensor},
    {Message::tensor, 13, Message::external_entry},
};

// Operators whose answers are drawn. (Dropout is one in training only; what is exported to serve is
// not, and ONNX Runtime runs it as the identity.)
constexpr std::string_view kRandomOperators[] = {
    "Bernoulli",        "Multinomial",   "RandomNormal",
    "RandomNormalLike", "RandomUniform", "RandomUniformLike",
};

Message child_of(Message parent, std::uint32_t field) {
  for (const Child& child : kChildren) {
    if (child.parent == parent && child.field == field) return child.message;
  }
  return Message::none;
}

// pread through a window rather than mmap: a file that is overwritten during the scan then gives
// wrong bytes, not a SIGBUS.
class FileWindow {
 public:
  explicit FileWindow(int fd) : fd_(fd) {}

  bool read(std::uint64_t offset, void* out, std::size_t size) {
    auto* at = static_cast<char*>(out);
    while (size > 0) {
      if (offset < start_ || offset >= start_ + filled_) {
        if (!refill(offset)) return false;
      }
      const std::size_t skip = static_cast<std::size_t>(offset - start_);
      const std::size_t take = std::min(size, filled_ - skip);
      std::memcpy(at, window_.data() + skip, take);
      at += take;
      offset += take;
      size -= take;
    }
    return true;
  }

 private:
  bool refill(std::uint64_t offset) {
    ssize_t got = -1;
    do {
      got = ::pread(fd_, window_.data(), window_.size(), static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    start_ = offset;
    filled_ = got > 0 ? static_cast<std::size_t>(got) : 0;
    return filled_ > 0;
  }

  int fd_;
  std::uint64_t start_ = 0;
  std::size_t filled_ = 0;
  std::array<char, 16384> window_;
};

// Protobuf wire format, one range of the file: a tag, then a number or a nested range.
struct Field {
  std::uint32_t number = 0;
  bool is_range = false;
  std::uint64_t begin = 0;  // of a range
  std::uint64_t end = 0;    // of a range; otherwise where the next field starts
};

class Scanner {
 public:
  explicit Scanner(int fd) : file_(fd) {}

  bool model(std::uint64_t size) { return walk(Message::model, 0, size, 0); }
  OnnxScan take() { return std::move(scan_); }

 private:
  std::optional<std::uint64_t> varint(std::uint64_t& at, std::uint64_t end) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      std::uint8_t byte = 0;
      if (at >= end || !file_.read(at, &byte, 1)) return std::nullopt;
      ++at;
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  // The field at `at`, which must lie before `end`.
  std::optional<Field> field(std::uint64_t at, std::uint64_t end) {
    const auto tag = varint(at, end);
    if (!tag || (*tag >> 3) == 0 || *tag > UINT32_MAX) return std::nullopt;
    Field field{static_cast<std::uint32_t>(*tag >> 3), false, at, at};
    std::uint64_t length = 0;
    switch (*tag & 7U) {
      case 0:
        if (!varint(at, end)) return std::nullopt;
        field.end = at;
        return field;
      case 1:
        length = 8;
        break;
      case 5:
        length = 4;
        break;
      case 2: {
        const auto claimed = varint(at, end);
        if (!claimed) return std::nullopt;
        length = *claimed;
        field.is_range = true;
        field.begin = at;
        break;
      }
      default:
        return std::nullopt;  // groups: ONNX never had any
    }
    if (length > end - at) return std::nullopt;
    field.end = at + length;
    return field;
  }

  std::optional<std::string> text(const Field& range) {
    const std::uint64_t size = range.end - range.begin;
    if (size > kStringBytesMax) return std::nullopt;
    std::string out(static_cast<std::size_t>(size), '\0');
    if (!file_.read(range.begin, out.data(), out.size())) return std::nullopt;
    return out;
  }

  bool walk(Message message, std::uint64_t begin, std::uint64_t end, int depth) {
    if (depth > kDepthMax) return false;
    if (message == Message::external_entry) return external_entry(begin, end);
    if (message == Message::graph_value) return graph_value(begin, end);
    for (std::uint64_t at = begin; at < end;) {
      const auto next = field(at, end);
      if (!next) return false;
      const Message child = next->is_range ? child_of(message, next->number) : Message::none;
      if (child != Message::none && !walk(child, next->begin, next->end, depth + 1)) return false;
      if (message == Message::node && next->is_range && next->number == 4 && !operator_of(*next)) {
        return false;
      }
      at = next->end;
    }
    return true;
  }

  // NodeProto's op_type. Long ones are none of ours.
  bool operator_of(const Field& range) {
    if (range.end - range.begin > 64) return true;
    auto name = text(range);
    if (!name) return false;
    if (std::ranges::find(kRandomOperators, *name) != std::end(kRandomOperators)) {
      scan_.random_operators.insert(*std::move(name));
    }
    return true;
  }

  // StringStringEntryProto: key = 1, value = 2.
  bool external_entry(std::uint64_t begin, std::uint64_t end) {
    std::string key;
    std::string value;
    for (std::uint64_t at = begin; at < end;) {
      const auto next = field(at, end);
      if (!next) return false;
      at = next->end;
      if (!next->is_range || next->number > 2) continue;
      auto content = text(*next);
      if (!content) return false;
      (next->number == 1 ? key : value) = *std::move(content);
    }
    if (key == "location") scan_.external_files.insert(std::move(value));
    return true;
  }

  // ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type = 1; its shape = 2.
  bool graph_value(std::uint64_t begin, std::uint64_t end) {
    std::string name;
    bool has_shape = false;
    for (std::uint64_t at = begin; at < end;) {
      const auto next = field(at, end);
      if (!next) return false;
      at = next->end;
      if (!next->is_range) continue;
      if (next->number == 1) {
        auto content = text(*next);
        if (!content) return false;
        name = *std::move(content);
      } else if (next->number == 2 && !find_shape(next->begin, next->end, 2, has_shape)) {
        return false;
      }
    }
    if (!has_shape) scan_.shapeless.insert(std::move(name));
    return true;
  }

  // Two levels below a ValueInfoProto's type: first field 1 (tensor_type), then field 2 (shape).
  bool find_shape(std::uint64_t begin, std::uint64_t end, int levels, bool& found) {
    for (std::uint64_t at = begin; at < end;) {
      const auto next = field(at, end);
      if (!next) return false;
      at = next->end;
      if (!next->is_range) continue;
      if (levels == 2 && next->number == 1 && !find_shape(next->begin, next->end, 1, found)) {
        return false;
      }
      if (levels == 1 && next->number == 2) found = true;
    }
    return true;
  }

  FileWindow file_;
  OnnxScan scan_;
};

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

Result<OnnxScan> scan_onnx_file(const std::string& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to would wait forever.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) return Status::not_found("no file " + path);
    return Status::invalid_argument("cannot open " + path + ": " +
                                    std::generic_category().message(error));
  }
  struct stat info {};
  if (::fstat(file.fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    return Status::invalid_argument(path + " is not a regular file");
  }
  if (info.st_size == 0) return Status::invalid_argument(path + " is empty");
  Scanner scanner(file.fd);
  if (!scanner.model(static_cast<std::uint64_t>(info.st_size))) {
    return Status::invalid_argument(path + " is not an ONNX model, or it is truncated or corrupt");
  }
  return scanner.take();
}

}  // namespace mlops
