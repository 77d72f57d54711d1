#include "execute/by_rows_backend.h"

#include <utility>

namespace mlops {
namespace {

class ByRowsExecutor final : public Executor {
 public:
  ByRowsExecutor(std::unique_ptr<Executor> few, std::unique_ptr<Executor> many,
                 std::int64_t from_rows)
      : few_(std::move(few)), many_(std::move(many)), from_rows_(from_rows) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    const bool many =
        !inputs.empty() && inputs[0].shape.rank() > 0 && inputs[0].shape[0] >= from_rows_;
    return (many ? *many_ : *few_).run(inputs, outputs);
  }

  void interrupt() override {
    few_->interrupt();
    many_->interrupt();
  }

 private:
  const std::unique_ptr<Executor> few_;
  const std::unique_ptr<Executor> many_;
  const std::int64_t from_rows_;
};

class ByRowsBackend final : public Backend {
 public:
  ByRowsBackend(std::shared_ptr<Backend> few, std::shared_ptr<Backend> many, std::int64_t from_rows,
                double spread)
      : few_(std::move(few)), many_(std::move(many)), from_rows_(from_rows), spread_(spread) {}

  const Signature& signature() const override { return few_->signature(); }
  std::string_view platform() const override { return few_->platform(); }
  double answer_spread() const override { return spread_; }
  std::optional<std::uint64_t> runs_set_aside() const override { return many_->runs_set_aside(); }
  Result<std::unique_ptr<Executor>> make_executor() override {
    Result<std::unique_ptr<Executor>> few = few_->make_executor();
    if (!few.ok()) return few.status();
    Result<std::unique_ptr<Executor>> many = many_->make_executor();
    if (!many.ok()) return many.status();
    return std::unique_ptr<Executor>(
        std::make_unique<ByRowsExecutor>(*std::move(few), *std::move(many), from_rows_));
  }

 private:
  const std::shared_ptr<Backend> few_;
  const std::shared_ptr<Backend> many_;
  const std::int64_t from_rows_;
  const double spread_;
};

}  // namespace

std::unique_ptr<Backend> make_by_rows_backend(std::shared_ptr<Backend> few,
                                              std::shared_ptr<Backend> many, std::int64_t from_rows,
                                              double spread) {
  return std::make_unique<ByRowsBackend>(std::move(few), std::move(many), from_rows, spread);
}

}  // namespace mlops
