#pragma once
// Files and folders that nobody but this user and root can change: what is read from them may be
// trusted as much as the program itself. Owners and permission bits are looked at, access lists are
// not. Blocks on disk; stateless.

#include <string>

#include "base/status.h"

namespace mlops {

// Makes the folder, and those above it that are missing, for this user alone.
// invalid_argument when somebody else could change it or put another in its place, naming the part
// of the path at which.
Status make_private_folder(const std::string& path);

// The same question about one that exists.
Status check_private_folder(const std::string& path);

// A descriptor to read from. Refuses links, whatever is no regular file, and what others could
// write. The folder that it is in is not looked at.
Result<int> open_private_file(const std::string& path);

}  // namespace mlops
