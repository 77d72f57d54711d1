#include "model/labels.h"

#include <string_view>

#include "model/text_file.h"

namespace mlops {
namespace {

constexpr std::size_t kBytesMax = std::size_t{64} << 20;
constexpr std::size_t kLinesMax = 1'000'000;

}  // namespace

Result<std::vector<std::string>> read_labels(const std::string& path) {
  const Result<std::string> text = read_file(path, kBytesMax);
  if (!text.ok()) return text.status();
  std::vector<std::string> labels;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (labels.size() == kLinesMax) {
      return Status::invalid_argument("'" + path + "' has more than " + std::to_string(kLinesMax) +
                                      " lines");
    }
    labels.emplace_back(line);
  }
  return labels;
}

}  // namespace mlops
