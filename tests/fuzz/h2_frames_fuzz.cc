// Frames behind a valid preface, for a session that answers with what it was sent: no crash, no
// more streams than may be, and the same answers however the bytes were cut. What a block means
// must not depend on whether it was remembered: a decoder without memory is asked as well.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "h2/echo_handler.h"
#include "h2/frame_bytes.h"

namespace {

using namespace mlops;

constexpr std::uint32_t kStreamsMax = 8;

// Writes down every block's fields by a decoder of its own, as EchoHandler's heads are.
class Reference final : public FrameSink {
 public:
  Http2Error control(const FrameHead&, std::span<const std::byte>) override {
    return Http2Error::none;
  }
  Http2Error began(const FrameHead& head) override {
    stream_ = head.stream;
    begun_ = false;
    return Http2Error::none;
  }
  Http2Error data(const FrameHead&, std::span<const std::byte>, bool) override {
    return Http2Error::none;
  }
  Http2Error block(std::span<const std::byte> part, bool, bool last) override {
    if (!begun_) decoder_.begin(FieldRules::Of::request, 4096);
    begun_ = true;
    if (decoder_.decode(part, false, last) != Http2Error::none) return Http2Error::compression;
    if (!last) return Http2Error::none;
    std::string& text = heads[stream_];
    if (!text.empty()) return Http2Error::none;  // the first block is the head
    const FieldList& fields = decoder_.fields();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      text.append(fields[i].name).append("=").append(fields[i].value).append(";");
    }
    return Http2Error::none;
  }
  std::map<std::int32_t, std::string> heads;

 private:
  BlockDecoder decoder_;
  std::int32_t stream_ = 0;
  bool begun_ = false;
};

struct Outcome {
  std::string log;
  std::string output;
  bool over = false;
  bool operator==(const Outcome&) const = default;
};

Outcome serve(std::string_view bytes, std::size_t piece, const Reference& reference) {
  OutQueue out;
  testing::EchoHandler handler;
  Http2Session session(handler, out,
                       {.streams_max = kStreamsMax,
                        .header_bytes_max = 4096,
                        .control_frames_max = 1000,
                        .out_bytes_max = 1 << 16});
  handler.session = &session;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    session.received(testing::as_span(bytes.substr(at, piece)), TimePoint());
    if (handler.streams.size() > kStreamsMax) std::abort();
  }
  for (const auto& [id, stream] : handler.streams) {
    if (stream->id != id) std::abort();
    if (stream->head.empty()) continue;
    if (reference.heads.at(id) != stream->head) std::abort();
  }
  session.write();
  Outcome outcome{handler.log, out.take_all(), session.over()};
  for (int i = 0; i < 4 && !session.over(); ++i) {
    session.write();
    out.take_all();
  }
  session.goaway();
  session.fail(Http2Error::none);
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string bytes =
      testing::greeting() + std::string(reinterpret_cast<const char*>(data) + 1, size - 1);
  Reference reference;
  FrameReader(1 << 20).read(testing::as_span(bytes), reference);
  const Outcome whole = serve(bytes, bytes.size(), reference);
  const Outcome cut = serve(bytes, 1 + data[0], reference);
  if (!(whole == cut)) std::abort();
  return 0;
}
