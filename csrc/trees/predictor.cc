#include "trees/predictor.h"

#include <algorithm>
#include <utility>

namespace mlops {
TreePredictor::TreePredictor(Forest forest) : forest_(std::move(forest)) {
  finders_ = choose_finders(forest_);
}

Result<std::unique_ptr<TreePredictor>> TreePredictor::make(Forest forest) {
  std::unique_ptr<TreePredictor> predictor(new TreePredictor(std::move(forest)));
  if (Result<std::unique_ptr<Scorer>> scorer = make_scorer(predictor->forest_); !scorer.ok()) {
    return scorer.status();
  }
  return predictor;
}

Result<std::unique_ptr<TreePredictor::Session>> TreePredictor::make_session() const {
  Result<std::unique_ptr<Scorer>> scorer = make_scorer(forest_);
  if (!scorer.ok()) return scorer.status();
  return std::unique_ptr<Session>(new Session(*this, *std::move(scorer)));
}

TreePredictor::Session::Session(const TreePredictor& predictor, std::unique_ptr<Scorer> scorer)
    : predictor_(predictor), scorer_(std::move(scorer)), leaves_(kTreesAtOnce * kTileRows) {
  const FinderChoice& finders = predictor.finders_;
  std::size_t size = finders.few->scratch_bytes();
  if (finders.many) size = std::max(size, finders.many->scratch_bytes());
  memory_.resize(size + kScratchAlign);
  std::size_t space = memory_.size();
  void* at = memory_.data();
  scratch_ = static_cast<std::byte*>(std::align(kScratchAlign, size, at, space));
}

void TreePredictor::Session::run(const RowTile& tile, const ScoreRoom& room) {
  const auto trees = static_cast<std::uint32_t>(predictor_.forest_.roots.size());
  const LeafFinder& finder = predictor_.finders_.for_rows(tile.count);
  finder.prepare(tile, scratch_);
  scorer_->start(tile.count);
  for (std::uint32_t first = 0; first < trees; first += kTreesAtOnce) {
    const LeafRange range = {first, std::min(trees, first + kTreesAtOnce), leaves_.data(),
                             tile.count};
    finder.find(tile, range, scratch_);
    scorer_->add(range, tile.count);
  }
  scorer_->finish(tile.count, room);
}

}  // namespace mlops
