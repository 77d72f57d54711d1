#include "engine/cached_model.h"

#include <algorithm>

#include "base/lent_vector.h"
#include "cache/stored_answer.h"
#include "engine/blocking_call.h"
#include "request/remembered.h"

namespace mlops {
namespace {

// Winding down or losing time is the leader's own misfortune; what else it was told, equal requests
// would be told too.
bool for_others_to_try(Code code) {
  return code == Code::cancelled || code == Code::deadline_exceeded;
}

std::uint64_t rows_in(const Sought& sought) { return sought.rows ? sought.rows->count() : 1; }

CacheKey scope_of(const ModelInfo& info, const CacheParts& parts) {
  return parts.keys->scope({info.name, info.version, std::to_string(parts.load), 0});
}

}  // namespace

CachedModel::CachedModel(std::shared_ptr<Servable> model, std::shared_ptr<const ModelInfo> info,
                         const Watchers& watchers, CacheParts parts, const CacheTerms& terms)
    : model_(std::move(model)),
      info_(std::move(info)),
      parts_(std::move(parts)),
      terms_(terms),
      scope_(scope_of(*info_, parts_)),
      all_outputs_(watchers.drift || watchers.feedback),
      flights_(std::make_shared<FlightTable>(parts_.waiting_max)),
      recorder_(info_, watchers.drift, watchers.feedback, *parts_.clock) {}

CachedModel::~CachedModel() { stop(); }

// Whoever leads a flight is answered by the model's stop(), and that lands it.
void CachedModel::stop() {
  model_->stop();
  flights_->await_calm();
}

ModelStats CachedModel::stats() const {
  ModelStats stats = model_->stats();
  failures_.add_to(stats);
  recorder_.add_to(stats);
  stats.cached = true;
  return stats;
}

void CachedModel::settle_drift() {
  model_->settle_drift();
  recorder_.settle();
}

// Time since the last lap, which ends now.
std::uint64_t CachedModel::lap(TimePoint& since) const {
  const TimePoint now = parts_.clock->now();
  return elapsed_ns(std::exchange(since, now), now);
}

bool CachedModel::seek(const Request& request, TimePoint now, Sought& sought) {
  if (!worth_.wanted()) return false;
  if (request.deadline <= now || request.inputs.empty()) return false;  // the model says why
  // What is watched must be in every answer, or its column would look missing.
  const std::size_t outputs = request.outputs.size();
  if (all_outputs_ && outputs > 0 && outputs != info_->signature.outputs.size()) return false;
  CacheKey scope = scope_;
  scope.low += epoch_.load(std::memory_order_relaxed);
  if (terms_.rows) return seek_rows(request, scope, sought);
  const KeyForm form{{}, terms_.steps};
  if (terms_.verify) {
    std::optional<KeyProof> proof = key_proof(request, form, CacheTerms::kProofBytesMax);
    if (!proof) return false;
    sought.proof = *std::move(proof);
  }
  sought.key = parts_.keys->key(scope, request, form);
  return true;
}

bool CachedModel::find(const Request& request, const Sought& sought, TimePoint now,
                       Response& response) {
  if (sought.rows) return find_rows(request, *sought.rows, now, response);
  Buffer stored;
  auto room = [&](std::size_t size) {
    if (!stored || stored->size() != size) stored = allocate_buffer(size);
    return stored ? stored->data() : nullptr;
  };
  if (!parts_.cache->find(sought.key, now, sought.proof, MakeRoom(room))) return false;
  if (!restore(request, stored, response)) return false;
  parts_.copies->add(CopySite::cache_hit, stored->size());
  return true;
}

bool CachedModel::restore(const Request& request, const Buffer& stored, Response& response) const {
  LentVector<std::string_view, struct NamesOfHit> names;
  if (!names_of(request, *names)) return false;
  if (!restore_answer(stored, *names, response.outputs)) {
    response.outputs.clear();
    return false;
  }
  name_answer(request, "hit", response);
  return true;
}

// In the order in which they are asked for; they live as long as the pin.
bool CachedModel::names_of(const Request& request, std::vector<std::string_view>& names) const {
  const std::vector<TensorSpec>& specs = info_->signature.outputs;
  if (request.outputs.empty()) {
    for (const TensorSpec& spec : specs) names.push_back(spec.name);
  }
  for (const std::string_view name : request.outputs) {
    const auto index = info_->signature.output_index(name);
    if (!index) return false;
    names.push_back(specs[*index].name);
  }
  return true;
}

void CachedModel::name_answer(const Request& request, const char* mark, Response& response) const {
  response.model = info_->name;
  response.version = info_->version;
  response.id = request.id;
  response.model_pin = info_;
  response.parameters.push_back({std::string(kCacheParameter), mark});
}

// Before anybody can answer who leads the flight.
void CachedModel::miss(Flight& flight) {
  if (terms_.rows) {
    const std::uint64_t found = flight.sought.rows ? flight.sought.rows->found() : 0;
    recorder_.rows(found, rows_in(flight.sought) - found);
  }
  const HitRecorder::Miss miss = recorder_.miss();
  flight.timed = miss.stands_for;
  if (miss.due) judge();
}

bool CachedModel::infer(Request& request, TimePoint now, Response& response) {
  Sought sought;
  TimePoint since = now;
  if (!seek(request, now, sought)) return model_->infer(request, now, response);
  const Sought* looked_for = &sought;
  const auto hit = [&] {
    if (!find(request, *looked_for, now, response)) return false;
    const std::uint64_t spent = lap(since);
    recorder_.hit({spent, elapsed_ns(now, since), false}, request, response, now);
    if (terms_.rows) recorder_.rows(rows_in(*looked_for), 0);
    return true;
  };
  if (hit()) return true;
  auto [flight, leads] = flights_->board(sought, *this, now);
  if (!leads) {
    if (!flight->sought.equals(sought)) return model_->infer(request, now, response);
    auto call = make_ref<BlockingCall>(std::move(request));
    call->submitted_at = now;
    if (flights_->wait(*flight, call)) {
      response = call->wait();
      // Too late by its own clock: else expire() has taken it out, and counted it.
      if (!response.status.ok() && flights_->leave(*flight, call)) {
        failures_.add(response.status.code());
      }
      return true;
    }
    request = std::move(call->request);
    return hit() || model_->infer(request, now, response);
  }
  looked_for = &flight->sought;
  // Another flight of this key may have landed since we looked.
  if (hit()) {
    share(*flight, response);
    flights_->end();
    return true;
  }
  miss(*flight);
  if (flight->timed > 0) recorder_.missed(flight->timed, lap(since));
  if (!run(*flight, request, now, response)) {
    send_on(*flight);
    return false;
  }
  arrive(*flight, response);
  return true;
}

void CachedModel::answer(Pending& pending, Response&& response, std::uint64_t rows,
                         TimePoint& since) {
  const std::uint64_t spent = lap(since);
  recorder_.hit({spent, elapsed_ns(pending.submitted_at, since), false}, pending.request, response,
                since);
  if (terms_.rows) recorder_.rows(rows, 0);
  pending.complete(std::move(response));
}

CachedModel::Step CachedModel::board(const PendingRef& pending, Sought& sought, TimePoint now,
                                     Ref<Flight>& flight) {
  auto [boarded, leads] = flights_->board(sought, *this, now);
  flight = std::move(boarded);
  if (leads) return Step::leads;
  if (!flight->sought.equals(sought) || !flights_->wait(*flight, pending)) {
    return Step::passes;
  }
  const TimePoint deadline = pending->request.deadline;
  if (deadline != kNever) parts_.watch->expect(deadline);
  return Step::waits;
}

CachedModel::Step CachedModel::step(const PendingRef& pending, TimePoint now, TimePoint& since,
                                    Ref<Flight>& flight, PendingRef& runs) {
  runs = pending;
  Sought sought;
  if (!seek(pending->request, now, sought)) return Step::passes;
  pending->submitted_at = now;
  Response response;
  if (find(pending->request, sought, now, response)) {
    answer(*pending, std::move(response), rows_in(sought), since);
    return Step::answered;
  }
  const Step boarded = board(pending, sought, now, flight);
  if (boarded == Step::waits) return boarded;
  // Another flight of this key may have landed since we looked.
  const bool leads = boarded == Step::leads;
  const Sought& looked_for = leads ? flight->sought : sought;
  if (find(pending->request, looked_for, now, response)) {
    if (leads) {
      share(*flight, response);
      flights_->end();
    }
    answer(*pending, std::move(response), rows_in(looked_for), since);
    return Step::answered;
  }
  if (leads) {
    miss(*flight);
    recorder_.missed(flight->timed, lap(since));
    runs = what_runs(pending, *flight);
  }
  if (leads && !pending->follow(flight)) {
    // Answered before it began, by its client: others may take its place.
    if (!promote(*flight)) flights_->end();
    return Step::answered;
  }
  return boarded;
}

// The model did not take the leader, which looks for another version now; those who wait do too.
void CachedModel::abandon(Pending& leader, Flight& flight) {
  if (leader.unfollow()) send_on(flight);  // else it was answered meanwhile, and has landed
}

bool CachedModel::submit(const PendingRef& pending, TimePoint now) {
  Ref<Flight> flight;
  PendingRef runs;
  TimePoint since = now;
  const Step done = step(pending, now, since, flight, runs);
  if (done == Step::answered || done == Step::waits) return true;
  if (model_->submit(runs, now)) return true;
  if (done == Step::leads) abandon(*pending, *flight);
  return false;
}

bool CachedModel::submit_turn(std::span<PendingRef> turn, TimePoint now) {
  struct Left {
    std::size_t at;
    PendingRef pending;  // which is not always what runs
    Ref<Flight> flight;  // null: it leads none
  };
  std::vector<Left> left;
  std::vector<PendingRef> rest;
  TimePoint since = now;
  for (std::size_t i = 0; i < turn.size(); ++i) {
    Ref<Flight> flight;
    PendingRef runs;
    const Step done = step(turn[i], now, since, flight, runs);
    if (done == Step::leads || done == Step::passes) {
      rest.push_back(std::move(runs));
      left.push_back({i, std::move(turn[i]), done == Step::leads ? std::move(flight) : nullptr});
    }
    turn[i] = nullptr;
  }
  if (rest.empty() || model_->submit_turn(rest, now)) return true;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (!rest[i]) continue;
    if (left[i].flight) abandon(*left[i].pending, *left[i].flight);
    turn[left[i].at] = std::move(left[i].pending);
  }
  return false;
}

TimePoint CachedModel::expire(TimePoint now) {
  TimePoint next = model_->expire(now);
  std::vector<PendingRef> expired;
  next = std::min(next, flights_->collect_expired(now, expired));
  for (const PendingRef& pending : expired) {
    pending->fail(Status::deadline_exceeded("the deadline passed before an answer was ready"));
    failures_.add(pending->outcome());
  }
  return next;
}

// On the thread that answered the leader: a lane, an event loop, the canceller, the watch.
void CachedModel::land(Flight& flight, const Response& response) noexcept {
  const std::shared_ptr<FlightTable> flights = flights_;  // outlives us once nothing flies
  // Has answered the leader, or does so in vain: nobody asks for these rows any more.
  if (const PendingRef part = std::exchange(flight.part, nullptr)) part->cancel();
  arrive(flight, response);
}

void CachedModel::arrive(Flight& flight, const Response& response) noexcept {
  if (response.status.ok()) {
    keep(flight, response);
    share(flight, response);
  } else if (!for_others_to_try(response.status.code())) {
    for (const PendingRef& pending : flights_->close(flight)) {
      Response failure = Response::failure(pending->request, response.status);
      failure.retry_after_s = response.retry_after_s;
      pending->complete(std::move(failure));
      failures_.add(pending->outcome());
    }
  } else if (promote(flight)) {
    return;
  }
  flights_->end();
}

// Before the flight is closed: whoever finds it gone finds the answer.
void CachedModel::keep(const Flight& flight, const Response& response) {
  const bool timed = flight.timed > 0;
  const bool ages = terms_.ttl > Duration{0};
  const TimePoint now = timed || ages ? parts_.clock->now() : flight.began;
  const TimePoint expires = ages ? now + terms_.ttl : kNever;
  const Sought& sought = flight.sought;
  if (sought.rows) {
    parts_.copies->add(CopySite::cache_put,
                       sought.rows->keep(*parts_.cache, now, expires, response.outputs));
  } else {
    StoredAnswer answer(response.outputs);
    if (parts_.cache->put(sought.key, now, expires, sought.proof, answer.pieces())) {
      parts_.copies->add(CopySite::cache_put, answer.bytes());
    }
  }
  if (!timed) return;
  const auto ran = static_cast<std::int64_t>(elapsed_ns(flight.began, now));
  const auto known = static_cast<std::int64_t>(run_ns_.load(std::memory_order_relaxed));
  run_ns_.store(static_cast<std::uint64_t>(known + (ran - known) / 8), std::memory_order_relaxed);
  recorder_.missed(flight.timed, elapsed_ns(now, parts_.clock->now()));
}

void CachedModel::judge() {
  CacheWork work = recorder_.work();
  work.run_ns = run_ns_.load(std::memory_order_relaxed);
  const auto verdict = worth_.judge(work);
  if (!verdict) return;
  const std::string ratio =
      std::to_string(verdict->hit_ratio * 100).substr(0, 4) + " % of requests";
  parts_.log->log(Severity::info,
                  "model '" + info_->name + "' version " + std::to_string(info_->version) +
                      (verdict->pays ? ": the response cache answers " + ratio + " and pays again"
                                     : ": the response cache answers " + ratio +
                                           " and costs more time than it saves; it " +
                                           "is left out and tried again after " +
                                           std::to_string(CacheWorth::kLeftOut) + " requests"));
}

void CachedModel::share(Flight& flight, const Response& response) {
  const std::vector<PendingRef> waiting = flights_->close(flight);
  for (const PendingRef& pending : waiting) {
    if (pending->done()) {
      failures_.add(pending->outcome());
      continue;
    }
    Response copy = response;
    copy.id = pending->request.id;
    copy.parameters = {{std::string(kCacheParameter), "shared"}};
    const TimePoint now = parts_.clock->now();
    recorder_.hit({0, elapsed_ns(pending->submitted_at, now), true}, pending->request, copy, now);
    pending->complete(std::move(copy));
  }
}

// Lets one who waits lead. False when nobody was left, or the model takes no more: the flight is
// over.
bool CachedModel::promote(Flight& flight) {
  while (const PendingRef next = flights_->next(flight)) {
    const TimePoint now = parts_.clock->now();
    if (next->request.deadline <= now) {
      next->fail(Status::deadline_exceeded("the deadline passed before an answer was ready"));
      failures_.add(next->outcome());
      continue;
    }
    if (!next->follow(Ref<AnswerFollower>::share(&flight))) continue;  // answered meanwhile
    if (model_->submit(next, now)) return true;
    if (!next->unfollow()) return true;  // answered meanwhile, which landed it
    const std::vector<PendingRef> others = flights_->close(flight);
    parts_.resubmit(next);
    for (const PendingRef& pending : others) parts_.resubmit(pending);
    return false;
  }
  return false;
}

void CachedModel::send_on(Flight& flight) {
  const std::shared_ptr<FlightTable> flights = flights_;
  for (const PendingRef& pending : flights->close(flight)) parts_.resubmit(pending);
  flights->end();
}

}  // namespace mlops
