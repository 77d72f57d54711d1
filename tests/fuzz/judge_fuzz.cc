// Any bytes as a judge's state. Those that it takes are written again as they were, and the judge
// goes on with them. The checksum and the beginning are made right, or nothing behind them would be
// reached.

#include <cstdlib>
#include <string>

#include "observe/profile_cursor.h"
#include "observe/reference_build.h"
#include "observe/stable_hash.h"
#include "observe/version_judge.h"

namespace {

using namespace mlops;

ReferencePtr small_reference() {
  std::vector<float> values;
  for (int i = 0; i < 2000; ++i) values.push_back(static_cast<float>(i));
  std::vector<StreamReference> streams;
  streams.push_back(numeric_reference({StreamRole::input, "in", 0, "x"}, values, {.bins = 4}));
  return *seal_reference(std::move(streams));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const ReferencePtr reference = small_reference();
  const std::string given(reinterpret_cast<const char*>(data), size);
  VersionJudge judge(reference, {});
  (void)judge.restore(given);
  ProfileWriter head;
  head.raw("MLOPSJDG");
  head.fixed(std::uint32_t{1});
  head.text(reference->id);
  head.raw(given);
  head.fixed(stable_hash(head.bytes()));
  const std::string fresh = judge.bytes();
  if (!judge.restore(head.bytes()).ok()) {
    if (judge.bytes() != fresh) std::abort();
    return 0;
  }
  if (judge.bytes() != head.bytes()) std::abort();
  CountsTable tile = reference->empty_counts();
  tile[0].masses[0] = 512;
  (void)judge.see(tile, {}, RecentRows(1, 0), TimePoint());
  (void)judge.view(0);
  return 0;
}
