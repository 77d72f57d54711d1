#pragma once
// From an ensemble's configuration and the models that serve to an ensemble that is ready to.

#include <memory>

#include "engine/options.h"
#include "engine/pipeline.h"
#include "engine/served_ensemble.h"

namespace mlops {

// Fails when a member does not serve or does not fit. The arguments but `source` outlive it.
Result<std::shared_ptr<ServedEnsemble>> load_ensemble(const ModelSource& source,
                                                      const ModelCatalog& catalog,
                                                      Pipeline& pipeline, const Clock& clock);

}  // namespace mlops
