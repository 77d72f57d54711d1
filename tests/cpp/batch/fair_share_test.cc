// Shares of simulated processors. Turns take what the simulation says; nothing here has threads.
#include "batch/fair_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <queue>
#include <random>

namespace mlops {
namespace {

struct Model {
  double weight = 1;
  unsigned lanes = 1;
  std::function<double()> cost_us;
  bool backlogged = true;

  FairShare::Account account{weight};
  unsigned busy = 0;
  double used_us = 0;
  int turns = 0;
};

class Machine {
 public:
  explicit Machine(unsigned processors) : processors_(processors), share_(processors) {}

  Model& add(double weight, unsigned lanes, std::function<double()> cost_us) {
    models_.push_back(std::make_unique<Model>(Model{weight, lanes, std::move(cost_us)}));
    return *models_.back();
  }
  void wake(Model& model) {
    model.backlogged = true;
    share_.ready(model.account);
    fill();
  }
  void start() {
    for (const auto& model : models_) {
      if (model->backlogged) share_.ready(model->account);
    }
    fill();
  }
  void run_until(double us) {
    while (!under_way_.empty() && under_way_.top().ends_us <= us) finish_one();
  }
  // One turn ends and others begin. What began, in order, is in `began`.
  void finish_one() {
    const Turn turn = under_way_.top();
    under_way_.pop();
    now_us_ = turn.ends_us;
    Model& model = *turn.model;
    --model.busy;
    model.used_us += turn.cost_us;
    if (model.backlogged) share_.ready(model.account);
    share_.finished(model.account, Duration(static_cast<std::int64_t>(turn.cost_us * 1000)));
    fill();
  }
  double now_us() const { return now_us_; }
  std::vector<Model*> began;

 private:
  struct Turn {
    double ends_us;
    double cost_us;
    Model* model;
    bool operator<(const Turn& other) const { return ends_us > other.ends_us; }
  };

  void fill() {
    while (under_way_.size() < processors_) {
      FairShare::Account* next = share_.take();
      if (!next) return;
      Model& model = **std::ranges::find_if(
          models_, [&](const auto& candidate) { return &candidate->account == next; });
      const double cost = model.cost_us();
      under_way_.push({now_us_ + cost, cost, &model});
      ++model.turns;
      began.push_back(&model);
      if (model.backlogged && ++model.busy < model.lanes) share_.ready(model.account);
    }
  }

  unsigned processors_;
  FairShare share_;
  std::vector<std::unique_ptr<Model>> models_;
  std::priority_queue<Turn> under_way_;
  double now_us_ = 0;
};

// From 0 to `count` - 1.
unsigned below(std::mt19937& random, unsigned count) {
  return std::uniform_int_distribution<unsigned>(0, count - 1)(random);
}

std::function<double()> always(double us) {
  return [us] { return us; };
}

std::function<double()> between(std::mt19937& random, double low, double high) {
  return [&random, low, high] { return std::uniform_real_distribution<double>(low, high)(random); };
}

// What a model can use at most is its lanes; what is left is divided among the others.
std::vector<double> fair_shares(const std::vector<Model*>& models, double processors) {
  std::vector<double> shares(models.size(), 0);
  std::vector<bool> capped(models.size(), false);
  for (bool changed = true; changed;) {
    changed = false;
    double left = processors;
    double weights = 0;
    for (std::size_t i = 0; i < models.size(); ++i) {
      if (capped[i]) left -= models[i]->lanes;
      if (!capped[i]) weights += models[i]->weight;
    }
    for (std::size_t i = 0; i < models.size(); ++i) {
      if (capped[i]) continue;
      shares[i] = left * models[i]->weight / weights;
      if (shares[i] <= models[i]->lanes) continue;
      shares[i] = models[i]->lanes;
      capped[i] = changed = true;
    }
  }
  return shares;
}

TEST(FairShare, BackloggedModelsGetTheirWeightsWhateverTheirBatchesCost) {
  for (const unsigned processors : {1U, 2U, 4U}) {
    for (const double ratio : {1.0, 2.0, 5.0}) {
      for (const double cost : {10.0, 300.0, 20'000.0}) {
        SCOPED_TRACE(std::to_string(processors) + " processors, weight " + std::to_string(ratio) +
                     ", cost " + std::to_string(cost));
        Machine machine(processors);
        Model& heavy = machine.add(ratio, processors, always(cost));
        Model& light = machine.add(1, processors, always(100));
        machine.start();
        machine.run_until(100 * (cost + 100));
        EXPECT_NEAR(heavy.used_us / (heavy.used_us + light.used_us), ratio / (ratio + 1), 0.02);
      }
    }
  }
}

// Any number of models, weights, lanes, costs and processors.
TEST(FairShare, RandomModelsGetWhatTheirWeightsAndLanesAllow) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const unsigned processors = 1 + below(random, 4);
    Machine machine(processors);
    std::vector<Model*> models;
    const std::size_t count = 2 + below(random, 5);
    for (std::size_t i = 0; i < count; ++i) {
      const double low = std::pow(10.0, 1 + below(random, 3));
      models.push_back(&machine.add(1 + below(random, 4), 1 + below(random, processors),
                                    between(random, low, low * (1 + below(random, 3)))));
    }
    machine.start();
    machine.run_until(3e5);
    const std::vector<double> fair = fair_shares(models, processors);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_NEAR(models[i]->used_us / machine.now_us(), fair[i], 0.05 * processors)
          << "model " << i << " of weight " << models[i]->weight << ", " << models[i]->lanes
          << " lanes";
    }
  }
}

TEST(FairShare, WhoWakesUpIsServedWithinOneBatchOfEachOther) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const unsigned processors = 1 + below(random, 3);
    Machine machine(processors);
    const std::size_t count = 1 + below(random, 6);
    for (std::size_t i = 0; i < count; ++i) {
      machine.add(1 + below(random, 4), processors,
                  between(random, 10, 10 * (1 + below(random, 1000))));
    }
    Model& sleeper = machine.add(1, 1, always(50));
    sleeper.backlogged = false;
    machine.start();
    for (int wake = 0; wake < 20; ++wake) {
      machine.run_until(machine.now_us() + 1000 + below(random, 100'000));
      const int before = sleeper.turns;
      machine.began.clear();
      machine.wake(sleeper);
      std::size_t finished = 0;
      while (sleeper.turns == before && finished++ < 100) machine.finish_one();
      sleeper.backlogged = false;  // and sleeps again
      for (Model* model : machine.began) {
        EXPECT_EQ(std::ranges::count(machine.began, model), 1);
      }
      EXPECT_EQ(sleeper.turns, before + 1);
    }
  }
}

// It has one lane and the weight of nine: it gets its processor. Who wakes up beside it must not
// be served alone until it has caught up with all that was never used.
TEST(FairShare, WhatCannotBeUsedIsNotSavedUp) {
  Machine machine(2);
  Model& narrow = machine.add(9, 1, always(100));
  Model& wide = machine.add(1, 2, always(100));
  Model& late = machine.add(1, 2, always(100));
  late.backlogged = false;
  machine.start();
  machine.run_until(2e5);
  EXPECT_NEAR(narrow.used_us, 2e5, 1e3);
  EXPECT_NEAR(wide.used_us, 2e5, 1e3);
  const double before = wide.used_us;
  machine.wake(late);
  machine.run_until(2e5 + 2000);
  EXPECT_GT(wide.used_us - before, 200);
}

TEST(FairShare, AnIdleMachineForgives) {
  Machine machine(1);
  Model& first = machine.add(1, 1, always(1e6));
  Model& second = machine.add(1, 1, always(100));
  second.backlogged = false;
  machine.start();
  first.backlogged = false;
  machine.run_until(2e6);  // it had the machine for a second while nobody else wanted it
  machine.wake(second);
  first.cost_us = always(100);
  machine.wake(first);
  machine.run_until(machine.now_us() + 1000);
  EXPECT_GE(first.turns, 5);
}

TEST(FairShare, WithdrawnIsNotTaken) {
  FairShare share(1);
  FairShare::Account account(1);
  share.ready(account);
  EXPECT_TRUE(share.any_ready());
  share.withdraw(account);
  EXPECT_FALSE(share.any_ready());
  EXPECT_EQ(share.take(), nullptr);
}

}  // namespace
}  // namespace mlops
