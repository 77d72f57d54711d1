#pragma once
// Two back ends of one file, of which one is the faster for few rows and the other for many.

#include <memory>

#include "execute/backend.h"

namespace mlops {

// Runs of at least `from_rows` rows (of the first input) go to `many`, the others to `few`, whose
// signature and platform are the model's. `spread` is answer_spread() of both together.
std::unique_ptr<Backend> make_by_rows_backend(std::shared_ptr<Backend> few,
                                              std::shared_ptr<Backend> many, std::int64_t from_rows,
                                              double spread);

}  // namespace mlops
