#pragma once
// The open streams of a connection by number: open addressing over numbers that mostly follow one
// another, so that a look-up is one comparison. One thread.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "h2/http2_stream.h"

namespace mlops {

class StreamTable {
 public:
  std::size_t size() const { return size_; }
  Http2Stream* find(std::int32_t id) const {
    for (std::size_t at = home(id);; at = next(at)) {
      Http2Stream* stream = places_[at];
      if (!stream || stream->id == id) return stream;
    }
  }
  void insert(Http2Stream& stream) {  // whose number is not in it
    if (2 * (size_ + 1) > places_.size()) grow();
    place(stream);
    ++size_;
  }
  void erase(std::int32_t id) {
    std::size_t hole = home(id);
    while (places_[hole] && places_[hole]->id != id) hole = next(hole);
    if (!places_[hole]) return;
    --size_;
    // Those behind it move up, unless that puts them before their home.
    for (std::size_t at = next(hole); places_[at]; at = next(at)) {
      const std::size_t from_home = (at - home(places_[at]->id)) & mask();
      if (from_home < ((at - hole) & mask())) continue;
      places_[hole] = places_[at];
      hole = at;
    }
    places_[hole] = nullptr;
  }
  template <class Visit>
  void each(Visit visit) const {
    for (Http2Stream* stream : places_) {
      if (stream) visit(*stream);
    }
  }

 private:
  std::size_t mask() const { return places_.size() - 1; }
  std::size_t home(std::int32_t id) const { return (static_cast<std::uint32_t>(id) >> 1) & mask(); }
  std::size_t next(std::size_t at) const { return (at + 1) & mask(); }
  void place(Http2Stream& stream) {
    std::size_t at = home(stream.id);
    while (places_[at]) at = next(at);
    places_[at] = &stream;
  }
  void grow() {
    std::vector<Http2Stream*> old(places_.size() * 2, nullptr);
    old.swap(places_);
    for (Http2Stream* stream : old) {
      if (stream) place(*stream);
    }
  }

  std::vector<Http2Stream*> places_ = std::vector<Http2Stream*>(16, nullptr);  // a power of two
  std::size_t size_ = 0;
};

}  // namespace mlops
