#include "model/text_file.h"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace mlops {

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status found = fs::status(path, error);
  if (!fs::exists(found)) return Status::not_found("'" + path + "' does not exist");
  if (!fs::is_regular_file(found)) {
    return Status::invalid_argument("'" + path + "' is not a regular file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::unavailable("'" + path + "' cannot be read");
  std::string text;
  std::string piece(std::size_t{64} << 10, '\0');
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > bytes_max) {
      return Status::invalid_argument("'" + path + "' is longer than " + std::to_string(bytes_max) +
                                      " bytes");
    }
  }
  if (file.bad()) return Status::unavailable("'" + path + "' cannot be read");
  return text;
}

}  // namespace mlops
