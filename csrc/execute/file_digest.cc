#include "execute/file_digest.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "base/crc32c.h"
#include "base/private_folder.h"

namespace mlops {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;

struct OpenedFile {
  int fd;
  ~OpenedFile() { ::close(fd); }
};

// Hands over the file's bytes in pieces, until `take` wants no more.
template <class Take>
Status read_all(int fd, const std::string& path, Take take) {
  std::vector<std::byte> piece(kPiece);
  for (;;) {
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return Status::invalid_argument("'" + path + "': " + std::generic_category().message(errno));
    }
    if (got == 0) return {};
    if (!take(std::span(piece).first(static_cast<std::size_t>(got)))) {
      return Status::invalid_argument("'" + path + "' is too long");
    }
  }
}

Status add_bytes(int fd, const std::string& path, Sha256& sha) {
  return read_all(fd, path, [&sha](std::span<const std::byte> bytes) {
    sha.add(bytes);
    return true;
  });
}

}  // namespace

Status add_file(const std::string& path, Sha256& sha) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Status::not_found("no file " + path);
  const OpenedFile file{fd};
  return add_bytes(file.fd, path, sha);
}

Result<std::string> private_file_digest(const std::string& path) {
  const Result<int> fd = open_private_file(path);
  if (!fd.ok()) return fd.status();
  const OpenedFile file{*fd};
  Sha256 sha;
  if (Status s = add_bytes(file.fd, path, sha); !s.ok()) return s;
  return to_hex(sha.finish());
}

Result<std::string> private_file_checksum(const std::string& path) {
  const Result<int> fd = open_private_file(path);
  if (!fd.ok()) return fd.status();
  const OpenedFile file{*fd};
  Crc32c sum;
  std::uint64_t size = 0;
  const auto take = [&](std::span<const std::byte> bytes) {
    sum.add(bytes);
    size += bytes.size();
    return true;
  };
  if (Status s = read_all(file.fd, path, take); !s.ok()) return s;
  return std::to_string(sum.value()) + " " + std::to_string(size);
}

Result<std::string> read_private_file(const std::string& path, std::size_t bytes_max) {
  const Result<int> fd = open_private_file(path);
  if (!fd.ok()) return fd.status();
  const OpenedFile file{*fd};
  std::string text;
  const auto take = [&](std::span<const std::byte> bytes) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return text.size() <= bytes_max;
  };
  if (Status s = read_all(file.fd, path, take); !s.ok()) return s;
  return text;
}

}  // namespace mlops
