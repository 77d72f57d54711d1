#pragma once
// What shadows answered beside their primaries, as JSON: the member "shadows" of the open object.

#include <vector>

#include "protocol/json_writer.h"
#include "route/shadow_log.h"

namespace mlops {

void write_shadows_state(JsonWriter& json, const std::vector<ShadowStatus>& shadows);

}  // namespace mlops
