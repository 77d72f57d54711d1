#pragma once
// Which values came most often, by name, in bounded memory: Misra-Gries. A value that made more
// than a 65th of all that was counted is among those kept, and what is said of a value is too low
// by at most error(), which is at most rows / 65. While there were no more than 64 different values
// all of it is exact. Merges in any grouping within the same bound (Agarwal et al. 2013). Not
// thread-safe.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "observe/profile_cursor.h"

namespace mlops {

class FrequentValues {
 public:
  static constexpr std::size_t kKept = 64;

  struct Value {
    std::string text;
    std::uint64_t least = 0;  // rows; at most error() more
  };

  // Of a text longer than kTextMax bytes its beginning is what counts.
  void add(std::string_view text, std::uint64_t rows = 1);
  void merge(const FrequentValues& other);

  std::uint64_t rows() const { return rows_; }
  std::uint64_t error() const { return error_; }
  std::vector<Value> values() const;  // the most frequent first; of equals in order of their text

  void write(ProfileWriter& to) const;
  static FrequentValues read(ProfileReader& from);  // refuses by from.fail()

  friend bool operator==(const FrequentValues&, const FrequentValues&) = default;

 private:
  void shrink();

  std::map<std::string, std::uint64_t, std::less<>> counts_;
  std::uint64_t rows_ = 0;
  std::uint64_t error_ = 0;
};

}  // namespace mlops
