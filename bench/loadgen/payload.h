// The rows a run sends: raw tensor bytes read from files, one fixed-size row after the other.
//
// Every input file holds the same number of rows; request i carries row i of each. Values are never
// generated here: what is sent is exactly what the caller wrote, so that outputs can be checked
// against a reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mlops::loadgen {

struct InputSpec {
  std::string name;
  std::string datatype;             // KServe name of a fixed-size type: FP32, INT64, ...
  std::vector<std::int64_t> shape;  // of one request, batch axis included
  std::string path;
};

// Bytes of one element of a KServe datatype; 0 for unknown ones and for BYTES, whose rows have no
// fixed size.
std::size_t element_bytes(std::string_view datatype);
std::size_t row_bytes(const InputSpec& input);  // 0 when the datatype or the shape is not usable

class Payload {
 public:
  // Reads the files. A std::string explains what is wrong with them.
  static std::variant<Payload, std::string> load(std::vector<InputSpec> inputs);

  std::size_t rows() const { return rows_; }
  const std::vector<InputSpec>& inputs() const { return inputs_; }
  std::span<const char> row(std::size_t input, std::size_t row) const;

 private:
  std::vector<InputSpec> inputs_;
  std::vector<std::string> bytes_;
  std::size_t rows_ = 0;
};

// A string that holds the file, or an error message in the second member.
struct FileText {
  std::string text;
  std::string error;
};
FileText read_file(const std::string& path);

}  // namespace mlops::loadgen
