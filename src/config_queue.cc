// Flags of what models share, and of what every model may take, and is to achieve, unless its
// configuration says otherwise.

#include "config.h"
#include "config_flag.h"

namespace mlops {
namespace {

constexpr std::uint64_t kDayUs = 86'400'000'000;
constexpr std::size_t kMost = std::size_t{1} << 50;

constexpr Flag kQueueFlags[] = {
    {"--compute-threads", "N",
     "batches that compute at a time off the event loops, all models together (default: usable "
     "cores)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.compute_threads, v, 1U, 1024U);
     }},
    {"--max-inflight-requests", "N", "of one model, waiting and running (default 0: no limit)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.model_limits.inflight_requests_max, v, std::size_t{0}, kMost);
     }},
    {"--max-input-bytes", "BYTES", "inputs of one model's requests in flight (default 0: no limit)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.model_limits.input_bytes_max, v, std::size_t{0}, kMost);
     }},
    {"--slo-p99-us", "MICROSECONDS",
     "99 of 100 requests of a model are answered within this; what cannot be is refused at once "
     "(default 0: no objective)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.model_limits.slo_p99_us, v, std::uint64_t{0}, kDayUs);
     }},
};

}  // namespace

std::span<const Flag> queue_flags() { return kQueueFlags; }

}  // namespace mlops
