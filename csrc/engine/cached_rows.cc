// Requests of rows that are looked for one by one: the part of CachedModel that runs what was not
// found and puts the answer together. Read ADR 57.

#include "base/lent_vector.h"
#include "engine/cached_model.h"
#include "request/remembered.h"

namespace mlops {
namespace {

std::size_t input_bytes_of(const Request& request) {
  std::size_t bytes = 0;
  for (const NamedTensor& input : request.inputs) bytes += input.tensor.bytes.size();
  return bytes;
}

}  // namespace

// The rows of a request that were not found, on their way through the model. The request itself
// waits for it, with its own deadline and cancellation.
class CachedModel::RowsCall final : public Pending {
 public:
  RowsCall(CachedModel& owner, PendingRef whole, std::shared_ptr<const RowSearch> rows,
           Request&& missing)
      : owner_(owner), flights_(owner.flights_), whole_(std::move(whole)), rows_(std::move(rows)) {
    request = std::move(missing);
    timeline = whole_->timeline;
    flights_->begin();
  }
  ~RowsCall() override { flights_->end(); }

 private:
  void deliver(Response&& response) noexcept override {
    owner_.take_rows(*whole_, *rows_, std::move(response));
  }

  CachedModel& owner_;  // stays until our end()
  const std::shared_ptr<FlightTable> flights_;
  const PendingRef whole_;
  const std::shared_ptr<const RowSearch> rows_;
};

bool CachedModel::seek_rows(const Request& request, const CacheKey& scope, Sought& sought) const {
  std::optional<RequestRows> rows = RequestRows::cut(request);
  if (!rows) return false;  // none, or the model says why
  const std::int64_t most = info_->request_rows_max;
  if (most > 0 && rows->count() > static_cast<std::size_t>(most)) return false;
  const KeyForm form{{}, terms_.steps};
  std::vector<KeyProof> proofs;
  for (std::size_t i = 0; terms_.verify && i < rows->count(); ++i) {
    std::optional<KeyProof> proof = row_proof(request, *rows, i, form, CacheTerms::kProofBytesMax);
    if (!proof) return false;
    proofs.push_back(*std::move(proof));
  }
  const KeyMaker& maker = *parts_.keys;
  const CacheKey common = maker.rows_scope(scope, request, form);
  if (rows->count() == 1) {
    sought.key = maker.row_key(common, request, *rows, 0, form);
    if (terms_.verify) sought.proof = std::move(proofs.front());
    return true;
  }
  std::vector<CacheKey> keys;
  keys.reserve(rows->count());
  for (std::size_t i = 0; i < rows->count(); ++i) {
    keys.push_back(maker.row_key(common, request, *rows, i, form));
  }
  sought.key = maker.key_of_rows(common, keys);
  sought.rows = std::make_shared<RowSearch>(*std::move(rows), std::move(keys), std::move(proofs));
  return true;
}

// The outputs of all rows, found and run, in the request's order. False, and nothing has changed,
// when they do not fit together.
bool CachedModel::put_together(const Request& request, const RowSearch& rows,
                               Response& response) const {
  LentVector<std::string_view, struct NamesOfRows> names;
  if (!names_of(request, *names)) return false;
  const std::optional<std::size_t> copied = rows.join(*names, response.outputs);
  if (!copied) return false;
  parts_.copies->add(CopySite::cache_hit, rows.found_bytes());
  parts_.copies->add(CopySite::cache_rows, *copied);
  return true;
}

bool CachedModel::find_rows(const Request& request, RowSearch& rows, TimePoint now,
                            Response& response) const {
  rows.look(*parts_.cache, now);
  if (!rows.whole() || !put_together(request, rows, response)) return false;
  name_answer(request, "hit", response);
  return true;
}

// As the model's infer(), of the rows that were not found.
bool CachedModel::run(Flight& flight, Request& request, TimePoint now, Response& response) {
  RowSearch* const rows = flight.sought.rows.get();
  std::optional<Request> missing;
  if (rows && rows->plan()) missing = rows->missing(request);
  if (!missing) return model_->infer(request, now, response);
  parts_.copies->add(CopySite::cache_rows, input_bytes_of(*missing));
  if (!model_->infer(*missing, now, response)) return false;
  if (response.status.ok() && !join(request, *rows, response)) {
    response = Response();
    return model_->infer(request, now, response);
  }
  response.id = request.id;
  return true;
}

// What the model is handed for a request that leads: itself, or the rows of it that were not found.
PendingRef CachedModel::what_runs(const PendingRef& pending, Flight& flight) {
  const std::shared_ptr<RowSearch>& rows = flight.sought.rows;
  std::optional<Request> missing;
  if (rows && rows->plan()) missing = rows->missing(pending->request);
  if (!missing) return pending;
  parts_.copies->add(CopySite::cache_rows, input_bytes_of(*missing));
  flight.part = make_ref<RowsCall>(*this, pending, rows, *std::move(missing));
  return flight.part;
}

// From the answer for the rows that ran to the answer for all. False, and nothing has changed, when
// they do not fit together.
bool CachedModel::join(const Request& request, const RowSearch& rows, Response& response) {
  if (!put_together(request, rows, response)) return false;
  response.id = request.id;
  if (rows.found() > 0) {
    response.parameters.push_back({std::string(kCacheParameter), "partial"});
  }
  recorder_.joined(request, response, rows.count(), parts_.clock->now(),
                   [&](std::size_t row) { return !rows.is_run(row); });
  return true;
}

// On the thread that answered the rows that ran.
void CachedModel::take_rows(Pending& whole, const RowSearch& rows, Response&& response) noexcept {
  if (whole.done()) return;
  if (response.status.ok() && !join(whole.request, rows, response)) {
    const PendingRef again = PendingRef::share(&whole);
    if (model_->submit(again, parts_.clock->now())) return;
    const Ref<AnswerFollower> flight = whole.unfollow();
    if (!flight) return;  // answered meanwhile, which landed it
    send_on(static_cast<Flight&>(*flight));
    parts_.resubmit(again);
    return;
  }
  response.id = whole.request.id;
  whole.complete(std::move(response));
}

}  // namespace mlops
