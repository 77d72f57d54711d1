#pragma once
// What is in files, in short: SHA-256 in hexadecimal digits, or a checksum. Blocks on disk.

#include <cstddef>
#include <string>

#include "base/sha256.h"
#include "base/status.h"

namespace mlops {

// not_found, or invalid_argument when it cannot be read to its end.
Status add_file(const std::string& path, Sha256& sha);

// Of files in private folders (base/private_folder.h): refused when others could write them.
Result<std::string> private_file_digest(const std::string& path);
// CRC-32C and size, as text: several times as fast.
Result<std::string> private_file_checksum(const std::string& path);
Result<std::string> read_private_file(const std::string& path, std::size_t bytes_max);

}  // namespace mlops
