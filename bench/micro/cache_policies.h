#pragma once
// What caches are compared with: textbook LRU and SIEVE (Zhang et al., NSDI 2024) over keys, and
// the traces that part good policies from bad ones.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <list>
#include <random>
#include <unordered_map>
#include <vector>

namespace mlops::micro {

// access() says whether the key was there; afterwards it is.
class LruPolicy {
 public:
  explicit LruPolicy(std::size_t keys_max) : keys_max_(keys_max) {}
  bool access(std::uint64_t key) {
    if (const auto known = places_.find(key); known != places_.end()) {
      order_.splice(order_.begin(), order_, known->second);
      return true;
    }
    if (order_.size() == keys_max_) {
      places_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(key);
    places_[key] = order_.begin();
    return false;
  }

 private:
  const std::size_t keys_max_;
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> places_;
};

class SievePolicy {
 public:
  explicit SievePolicy(std::size_t keys_max) : keys_max_(keys_max) {}
  bool access(std::uint64_t key) {
    if (const auto known = places_.find(key); known != places_.end()) {
      known->second->visited = true;
      return true;
    }
    if (order_.size() == keys_max_) evict();
    order_.push_front({key, false});
    places_[key] = order_.begin();
    return false;
  }

 private:
  struct Item {
    std::uint64_t key;
    bool visited;
  };
  // The hand goes from the oldest to the newest; whom it finds visited is spared once.
  void evict() {
    if (hand_ == order_.end()) hand_ = std::prev(order_.end());
    while (hand_->visited) {
      hand_->visited = false;
      hand_ = hand_ == order_.begin() ? std::prev(order_.end()) : std::prev(hand_);
    }
    const auto victim = hand_;
    hand_ = victim == order_.begin() ? order_.end() : std::prev(victim);
    places_.erase(victim->key);
    order_.erase(victim);
  }

  const std::size_t keys_max_;
  std::list<Item> order_;
  std::list<Item>::iterator hand_ = order_.end();
  std::unordered_map<std::uint64_t, std::list<Item>::iterator> places_;
};

// Keys 0 .. keys - 1, the lower the more often: the i-th comes in proportion to 1 / (i + 1)^skew.
class ZipfKeys {
 public:
  ZipfKeys(std::size_t keys, double skew, std::uint64_t seed) : random_(seed) {
    double sum = 0;
    for (std::size_t i = 0; i < keys; ++i) {
      sum += std::pow(static_cast<double>(i + 1), -skew);
      sums_.push_back(sum);
    }
  }
  std::uint64_t next() {
    const double at = std::uniform_real_distribution<>(0, sums_.back())(random_);
    return static_cast<std::uint64_t>(std::ranges::lower_bound(sums_, at) - sums_.begin());
  }
  std::mt19937_64& random() { return random_; }

 private:
  std::mt19937_64 random_;
  std::vector<double> sums_;
};

struct Trace {
  const char* name;
  std::vector<std::uint64_t> keys;
};

// `requests` each: popular keys; the same among keys that come once; what is popular changes.
inline std::vector<Trace> cache_traces(std::size_t keys, std::size_t requests) {
  std::vector<Trace> traces = {{"zipf", {}}, {"one-hit wonders", {}}, {"popularity shift", {}}};
  ZipfKeys zipf(keys, 0.9, 1);
  std::uint64_t once = keys;
  for (std::size_t i = 0; i < requests; ++i) {
    traces[0].keys.push_back(zipf.next());
    traces[1].keys.push_back(zipf.random()() % 10 < 4 ? ++once : zipf.next());
    const std::uint64_t moved = i * 5 / requests * (keys / 7);  // four times
    traces[2].keys.push_back((zipf.next() + moved) % keys);
  }
  return traces;
}

template <class Access>
double hit_ratio(const Trace& trace, Access access) {
  std::size_t hits = 0;
  for (const std::uint64_t key : trace.keys) hits += access(key) ? 1 : 0;
  return static_cast<double>(hits) / static_cast<double>(trace.keys.size());
}

}  // namespace mlops::micro
