#pragma once
// A forest that answers rows. Immutable: any thread may use it, each with a Session of its own.

#include <memory>
#include <string>
#include <vector>

#include "trees/finder_choice.h"
#include "trees/scores.h"

namespace mlops {

class TreePredictor {
 public:
  // The memory that one caller at a time works in.
  class Session {
   public:
    // Classes (where the forest has them) and scores of at most kTileRows rows, each of at least
    // Forest::features floats. Never fails; allocates nothing.
    void run(const RowTile& tile, const ScoreRoom& room);

   private:
    friend class TreePredictor;
    Session(const TreePredictor& predictor, std::unique_ptr<Scorer> scorer);

    const TreePredictor& predictor_;
    std::unique_ptr<Scorer> scorer_;
    std::vector<std::uint32_t> leaves_;
    std::vector<std::byte> memory_;
    std::byte* scratch_;  // in memory_, aligned
  };

  // unimplemented for what scores.h does not know.
  static Result<std::unique_ptr<TreePredictor>> make(Forest forest);

  const Forest& forest() const { return forest_; }
  std::string finders() const { return finders_.text(); }
  // The predictor outlives it.
  Result<std::unique_ptr<Session>> make_session() const;

 private:
  explicit TreePredictor(Forest forest);

  const Forest forest_;
  FinderChoice finders_;
};

}  // namespace mlops
