#pragma once
// The model repository extension over HTTP: bodies of index, load and unload.

#include <string>
#include <string_view>

#include "base/status.h"
#include "protocol/server_parts.h"

namespace mlops {

// An empty body says nothing in all three.
Result<bool> decode_index_request(std::string_view body);   // only models that are ready
Result<bool> decode_unload_request(std::string_view body);  // dependents too
Result<LoadRequest> decode_load_request(const std::string& model, std::string_view body);

// What load parameters mean, whichever door they came by.
Status set_load_config(LoadRequest& request, std::string_view json);
Status add_load_file(LoadRequest& request, std::string_view parameter, std::string content);

// What both doors do then. Without a repository there is what the engine serves, and no control.
// The last two block.
std::vector<IndexEntry> index_entries(const ServerParts& parts, bool ready_only);
Status load_model(const ServerParts& parts, LoadRequest request);
Status unload_model(const ServerParts& parts, const std::string& model, bool dependents);

std::string repository_index_json(const std::vector<IndexEntry>& entries);

}  // namespace mlops
