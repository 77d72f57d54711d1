#include "base/processor_identity.h"

#include <algorithm>
#include <array>
#include <fstream>

namespace mlops {
namespace {

// x86's names, then ARM's. Not the microcode nor the speed: kernels are not chosen by them.
constexpr std::array<std::string_view, 11> kKeys = {
    "vendor_id",       "cpu family",  "model",    "model name", "stepping",        "flags",
    "CPU implementer", "CPU variant", "CPU part", "Features",   "CPU architecture"};

// More than the first processor of any machine takes.
constexpr std::size_t kTextMax = std::size_t{64} << 10;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::string processor_identity_from(std::string_view cpuinfo) {
  std::string identity;
  bool begun = false;
  while (!cpuinfo.empty()) {
    const auto end = std::min(cpuinfo.find('\n'), cpuinfo.size());
    const std::string_view line = cpuinfo.substr(0, end);
    cpuinfo.remove_prefix(std::min(end + 1, cpuinfo.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) {
      if (begun) break;  // a blank line ends a processor
      continue;
    }
    const std::string_view key = trimmed(line.substr(0, colon));
    begun = true;
    if (std::ranges::find(kKeys, key) == kKeys.end()) continue;
    if (!identity.empty()) identity += "; ";
    identity.append(key).append(" ").append(trimmed(line.substr(colon + 1)));
  }
  return identity;
}

std::string processor_identity() {
  std::ifstream file("/proc/cpuinfo", std::ios::binary);
  std::string text(kTextMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return processor_identity_from(text);
}

}  // namespace mlops
