#pragma once
// Which processor this is, for what was made or measured on one kind and must not be used on
// another: its model and everything that it says it can do.

#include <string>
#include <string_view>

namespace mlops {

// One line; empty when the system does not say. Reads the system at every call.
std::string processor_identity();

// Pure part: from the text of /proc/cpuinfo, of its first processor.
std::string processor_identity_from(std::string_view cpuinfo);

}  // namespace mlops
