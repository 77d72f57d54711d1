// The part of GrpcConnection that answers everything but inference: at once, aside when it blocks,
// and Health.Watch again and again.

#include "grpc/grpc_connection.h"

namespace mlops {

void GrpcConnection::run_aside(GrpcStream& stream) {
  const std::span<const std::byte> bytes = stream.message.message();
  auto errand =
      make_ref<GrpcErrand>(*this, link_.turn(), stream, service_.parts, *stream.head->method,
                           std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  errand->audited = audit_record(stream);
  errand->audit = service_.audit;
  if (!service_.errands->take(errand)) {
    return refuse(stream,
                  Status::unavailable("too many administrative requests wait; retry later"));
  }
  stream.errand = std::move(errand);
}

void GrpcConnection::errand_done(Errand& errand) noexcept {
  auto& done = static_cast<GrpcErrand&>(errand);
  done.stream->errand = nullptr;  // `done` lives until its letter is opened
  reply_message(*done.stream, done.answer);
}

void GrpcConnection::reply_message(GrpcStream& stream, const Result<std::string>& message) {
  if (!message.ok()) return refuse(stream, message.status());
  stream.reply.set_message(*message);
  reply(stream);
}

Result<std::string> GrpcConnection::answer_cold(const GrpcStream& stream) const {
  const std::span<const std::byte> bytes = stream.message.message();
  const std::string_view message(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!service_.state.ready(service_.parts.engine)) {
    // The engine does not know that the process is still loading its repository, or is leaving.
    if (*stream.head->method == GrpcMethod::server_ready) return std::string();  // ready = false
    if (*stream.head->method == GrpcMethod::health_check) {
      const Result<std::string> service = decode_health_service(message);
      if (!service.ok()) return service.status();
      if (health_of(*service, service_.parts.engine) == ServingStatus::serving) {
        return encode_health(ServingStatus::not_serving);
      }
    }
  }
  return answer_grpc_cold(*stream.head->method, message, service_.parts);
}

ServingStatus GrpcConnection::health(const std::string& service) const {
  const ServingStatus status = health_of(service, service_.parts.engine);
  const bool hidden =
      status == ServingStatus::serving && !service_.state.ready(service_.parts.engine);
  return hidden ? ServingStatus::not_serving : status;
}

void GrpcConnection::watch(GrpcStream& stream) {
  const std::span<const std::byte> bytes = stream.message.message();
  Result<std::string> service =
      decode_health_service({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!service.ok()) return refuse(stream, service.status());
  stream.watched = std::move(*service);
  stream.watched_status = health(stream.watched);
  stream.streams = true;
  ++watching_;
  stream.reply.set_message(encode_health(stream.watched_status));
  reply(stream);
}

}  // namespace mlops
