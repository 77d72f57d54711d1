#pragma once
// Remembers what trials of a model found, <directory>/execution/<key>.txt, so that a second start
// tries nothing. Thread-safe, also between processes: files are written aside and renamed. Nothing
// here fails: a file that cannot be read, that others could have written, that is damaged or about
// something else is as if it were not there, and one that cannot be written is not.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "engine/execution_wish.h"

namespace mlops {

struct ExecutionVerdict {
  enum class By : std::uint8_t { onnxruntime, openvino, openvino_bf16 };
  By by = By::onnxruntime;
  std::int64_t from_rows = 1;  // ONNX Runtime runs what has fewer
  std::string reason;          // one line, for people
  // ONNX Runtime runs what holds a float beyond it, an infinity or a NaN; 0: no such limit.
  std::int64_t magnitude_max = 0;

  friend bool operator==(const ExecutionVerdict&, const ExecutionVerdict&) = default;
};

class ExecutionCache {
 public:
  // Empty: remembers nothing.
  explicit ExecutionCache(const std::string& directory)
      : folder_(directory.empty() ? std::string() : directory + "/execution") {}

  std::optional<ExecutionVerdict> find(const std::string& key) const;
  void keep(const std::string& key, const ExecutionVerdict& verdict) const;

 private:
  std::string path_of(const std::string& key) const { return folder_ + "/" + key + ".txt"; }

  const std::string folder_;
};

// Everything that a verdict depends on, as hexadecimal digits: what is in the files, the processor,
// what was asked for, and the versions of all that ran. Fails as reading does.
Result<std::string> execution_key(const std::vector<std::string>& files, const ExecutionWish& wish,
                                  const std::vector<std::string>& versions);

// Pure parts, for tests and the fuzzer. The text of another version, for another key, or changed in
// any byte is no verdict.
std::string verdict_text(std::string_view key, const ExecutionVerdict& verdict);
std::optional<ExecutionVerdict> parse_verdict(std::string_view text, std::string_view key);

}  // namespace mlops
