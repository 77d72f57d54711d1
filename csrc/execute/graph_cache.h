#pragma once
// Optimised graphs of models in a folder, kept from one start to the next. An entry is a folder of
// its own:
//   <directory>/graphs/<key>/model.onnx     the optimised graph
//                            weights.bin    what of it is large, mapped into memory when it is
//                            loaded digests        what both must be, and for which key they were
//                            made
// Entries appear whole or not at all, and are used only while nobody else could have written them
// and their digests hold. Any number of processes may share a directory.
// Thread-safe. Blocks on disk.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace mlops {

class GraphCache {
 public:
  // A folder to be filled, then published or given up.
  class Draft {
   public:
    explicit Draft(std::string folder) : folder_(std::move(folder)) {}
    Draft(Draft&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
    Draft& operator=(Draft&&) = delete;
    ~Draft();  // removes what was not published

    std::string model_path() const { return folder_ + "/model.onnx"; }

   private:
    friend class GraphCache;
    std::string folder_;  // empty: published
  };

  static constexpr std::string_view kWeightsName = "weights.bin";

  // Makes the directory when it is missing. invalid_argument when others could change what is in
  // it.
  static Result<std::unique_ptr<GraphCache>> open(const std::string& directory,
                                                  std::uint64_t bytes_max);

  // The graph of an entry whose digests hold. not_found when there is none; anything else says why
  // the one that is there must not be used.
  Result<std::string> find(const std::string& key);
  // nullopt when nothing can be written there, or when about `bytes` more would never fit.
  std::optional<Draft> begin(const std::string& key, std::uint64_t bytes);
  // Makes room, by the entries that were used longest ago. Another process may have been first:
  // then its entry stays.
  Status publish(const std::string& key, Draft draft);
  void forget(const std::string& key);

 private:
  GraphCache(std::string folder, std::uint64_t bytes_max)
      : folder_(std::move(folder)), bytes_max_(bytes_max) {}

  std::string entry(const std::string& key) const { return folder_ + "/" + key; }
  void make_room(std::uint64_t bytes);

  const std::string folder_;
  const std::uint64_t bytes_max_;
  std::atomic<unsigned> drafts_ = 0;  // numbers their names
  std::mutex room_;                   // one thread at a time removes what is old
};

}  // namespace mlops
