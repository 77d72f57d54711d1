#pragma once
// What a client sends, cut into frames: the preface, lengths, padding, which stream numbers a frame
// type may carry, and that nothing comes between the parts of a header block. Knows nothing of
// streams. Bytes may come in any pieces; what belongs together and is small is put together again,
// DATA and header blocks are passed on as they come. Keeps at most kKeptBytes. No I/O.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "h2/frame.h"

namespace mlops {

// Anything but `none` ends the connection with that error.
class FrameSink {
 public:
  // SETTINGS, PING, RST_STREAM, WINDOW_UPDATE and PRIORITY, whole and of a length that fits; of
  // GOAWAY the part before the debug data. Frames of unknown types come without their payload.
  virtual Http2Error control(const FrameHead& head, std::span<const std::byte> payload) = 0;
  // DATA or HEADERS begins.
  virtual Http2Error began(const FrameHead& head) = 0;
  // A part of DATA without its padding; `last`: the frame is complete. May be empty.
  virtual Http2Error data(const FrameHead& head, std::span<const std::byte> part, bool last) = 0;
  // A part of the header block which the last HEADERS began. `whole`: it is the block's first and
  // last part. `last`: the block is complete.
  virtual Http2Error block(std::span<const std::byte> part, bool whole, bool last) = 0;

 protected:
  ~FrameSink() = default;
};

class FrameReader {
 public:
  // Settings of a frame; more come from nobody who means well.
  static constexpr std::size_t kSettingsMax = 32;
  // A header block of one frame up to this size comes whole, however it was received.
  static constexpr std::size_t kKeptBytes = 512;
  // Frames that one header block may come in, besides its first.
  static constexpr std::uint32_t kContinuationsMax = 16;

  explicit FrameReader(std::uint32_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

  // All of them, unless an error is returned; the reader is of no use afterwards.
  Http2Error read(std::span<const std::byte> bytes, FrameSink& sink);
  // The first bytes were not HTTP/2's preface.
  bool bad_preface() const { return bad_preface_; }
  bool greeted() const { return preface_seen_ == kHttp2Preface.size(); }

 private:
  enum class Phase : std::uint8_t { preface, head, prefix, body, skip };

  Http2Error read_preface(std::span<const std::byte>& bytes);
  Http2Error read_head(std::span<const std::byte>& bytes, FrameSink& sink);
  Http2Error read_prefix(std::span<const std::byte>& bytes, FrameSink& sink);
  Http2Error read_body(std::span<const std::byte>& bytes, FrameSink& sink);
  Http2Error begin(FrameSink& sink);
  Http2Error check_head() const;
  Http2Error check_control() const;
  Http2Error enter_body(FrameSink& sink);
  Http2Error pass_on(std::span<const std::byte> part, FrameSink& sink);
  bool is_block() const {
    return head_.type == FrameType::headers || head_.type == FrameType::continuation;
  }
  // The next `size` bytes in one piece: where they lie, or gathered. Empty: more must come first.
  std::span<const std::byte> gather(std::span<const std::byte>& bytes, std::size_t size);
  void frame_ended();

  const std::uint32_t frame_bytes_max_;
  Phase phase_ = Phase::preface;
  bool bad_preface_ = false;
  bool settings_seen_ = false;
  std::size_t preface_seen_ = 0;
  FrameHead head_;
  std::size_t left_ = 0;             // of the body, or of what is skipped
  std::size_t padding_ = 0;          // behind it
  std::int32_t block_stream_ = 0;    // whose header block is under way; 0: none
  std::uint32_t continuations_ = 0;  // of it
  bool block_parted_ = false;        // a part of it was passed on
  std::array<std::byte, kKeptBytes> kept_{};
  std::size_t kept_size_ = 0;
};

}  // namespace mlops
