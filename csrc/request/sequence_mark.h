#pragma once
// Which sequence a request belongs to, out of its reserved parameters. Only models that keep state
// between requests look; everybody else pays nothing.

#include <cstdint>
#include <string>
#include <variant>

#include "request/request.h"

namespace mlops {

using SequenceId = std::variant<std::uint64_t, std::string>;  // 0 and "": no sequence

struct SequenceMark {
  SequenceId id;
  bool start = false;
  bool end = false;

  bool has_id() const;
};

// From `sequence_id` (an integer or a string), `sequence_start` and `sequence_end`. Values of other
// types count as absent: the doors have checked them.
SequenceMark sequence_mark(const Request& request);

std::string to_string(const SequenceId& id);

}  // namespace mlops
