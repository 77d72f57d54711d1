#include "protocol/compression.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace mlops {
namespace {

constexpr int kWindowBits = 15;
constexpr int kGzipBits = 16;  // added to the window's
constexpr int kLevel = 1;      // a reply waits for it
constexpr std::size_t kFirstBytes = std::size_t{16} << 10;

int window_bits(Coding coding) {
  return coding == Coding::gzip ? kWindowBits + kGzipBits : kWindowBits;
}

uInt as_uint(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

// zlib never writes to its input, but says so only when asked in its own language.
Bytef* input_of(std::span<const std::byte> bytes) {
  return reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "gzip;q=0.5": the weight in thousandths, 1000 without one, -1 when it is none.
int weight_of(std::string_view parameters) {
  parameters = trim(parameters);
  if (parameters.empty()) return 1000;
  if (!parameters.starts_with("q=") && !parameters.starts_with("Q=")) return -1;
  const std::string_view number = parameters.substr(2);
  double weight = 0;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), weight);
  if (error != std::errc() || stop != number.data() + number.size()) return -1;
  return weight >= 0 && weight <= 1 ? static_cast<int>(weight * 1000) : -1;
}

Status broken() { return Status::invalid_argument("the compressed request could not be read"); }

class Inflater {
 public:
  explicit Inflater(Coding coding) { ready_ = inflateInit2(&stream_, window_bits(coding)) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Result<Buffer> run(Coding coding, std::span<const std::byte> bytes, std::size_t bytes_max,
                     SlabPool& pool) {
    if (!ready_) return no_memory();
    const std::size_t room = bytes_max + 1;  // one byte too many shows that there are too many
    if (Status grown = grow(std::min(room, std::max(kFirstBytes, 4 * bytes.size())), pool);
        !grown.ok()) {
      return grown;
    }
    while (true) {
      const int result = step(bytes);
      if (filled_ > bytes_max) return too_large(bytes_max);
      if (result == Z_STREAM_END) {
        if (bytes.empty()) return std::move(out_);
        if (coding != Coding::gzip || inflateReset(&stream_) != Z_OK) return broken();
        continue;
      }
      if (result != Z_OK && result != Z_BUF_ERROR) return broken();
      if (filled_ == out_->size()) {
        if (Status grown = grow(std::min(room, 2 * out_->size()), pool); !grown.ok()) return grown;
      } else if (bytes.empty()) {
        return broken();  // it ends before its end
      }
    }
  }
  std::size_t filled() const { return filled_; }

 private:
  int step(std::span<const std::byte>& bytes) {
    const uInt given = as_uint(bytes.size());
    const uInt space = as_uint(out_->size() - filled_);
    stream_.next_in = input_of(bytes);
    stream_.avail_in = given;
    stream_.next_out = reinterpret_cast<Bytef*>(out_->data() + filled_);
    stream_.avail_out = space;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    bytes = bytes.subspan(given - stream_.avail_in);
    filled_ += space - stream_.avail_out;
    return result;
  }

  Status grow(std::size_t size, SlabPool& pool) {
    Buffer larger = pool.acquire(size);
    if (!larger) return no_memory();
    if (filled_ > 0) std::memcpy(larger->data(), out_->data(), filled_);
    out_ = std::move(larger);
    return {};
  }

  static Status no_memory() {
    return Status::resource_exhausted("no memory is left for decompressed requests");
  }
  static Status too_large(std::size_t bytes_max) {
    return Status::invalid_argument(
        "the decompressed request exceeds the maximum allowed input size of " +
        std::to_string(bytes_max) + " bytes. Use --http-max-input-size to increase the limit.");
  }

  z_stream stream_{};
  bool ready_ = false;
  Buffer out_;
  std::size_t filled_ = 0;
};

}  // namespace

std::string_view coding_name(Coding coding) {
  if (coding == Coding::gzip) return "gzip";
  return coding == Coding::deflate ? "deflate" : "identity";
}

std::optional<Coding> coding_named(std::string_view name) {
  const auto is = [name](std::string_view known) {
    return std::ranges::equal(name, known, [](char a, char b) {
      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
    });
  };
  if (is("gzip") || is("x-gzip")) return Coding::gzip;
  if (is("deflate")) return Coding::deflate;
  if (is("identity") || name.empty()) return Coding::identity;
  return std::nullopt;
}

Coding preferred_coding(std::string_view accept) {
  Coding best = Coding::identity;
  int best_weight = 0;
  while (!accept.empty()) {
    const std::size_t comma = std::min(accept.find(','), accept.size());
    const std::string_view item = accept.substr(0, comma);
    accept.remove_prefix(std::min(comma + 1, accept.size()));
    const std::size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = trim(item.substr(0, semicolon));
    const int weight = weight_of(item.substr(std::min(semicolon + 1, item.size())));
    const auto coding = name == "*" ? Coding::gzip : coding_named(name);
    if (!coding || name.empty() || weight <= best_weight) continue;
    best = *coding;
    best_weight = weight;
  }
  return best;
}

bool accepts_coding(std::string_view accept, Coding coding) {
  while (!accept.empty()) {
    const std::size_t comma = std::min(accept.find(','), accept.size());
    if (trim(accept.substr(0, comma)) == coding_name(coding)) return true;
    accept.remove_prefix(std::min(comma + 1, accept.size()));
  }
  return false;
}

Result<Buffer> decompress(Coding coding, std::span<const std::byte> bytes, std::size_t bytes_max,
                          SlabPool& pool, std::size_t& size) {
  size = 0;
  if (coding == Coding::identity) return Status::internal("there is nothing to decompress");
  Inflater inflater(coding);
  Result<Buffer> out = inflater.run(coding, bytes, bytes_max, pool);
  size = inflater.filled();
  return out;
}

std::string compress(Coding coding, std::span<const std::span<const std::byte>> pieces) {
  std::size_t total = 0;
  for (const auto& piece : pieces) total += piece.size();
  if (coding == Coding::identity || total < kCompressedBytesMin || total > kCompressedBytesMax) {
    return {};
  }
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, window_bits(coding), 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return {};
  }
  std::string out(total - 1, '\0');  // whatever needs more gains nothing
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = as_uint(out.size());
  bool taken = true;
  for (const auto& piece : pieces) {
    if (piece.empty() || !taken) continue;
    stream.next_in = input_of(piece);
    stream.avail_in = as_uint(piece.size());
    taken = deflate(&stream, Z_NO_FLUSH) == Z_OK && stream.avail_in == 0;
  }
  const int result = taken ? deflate(&stream, Z_FINISH) : Z_BUF_ERROR;
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return result == Z_STREAM_END ? out : std::string();
}

}  // namespace mlops
