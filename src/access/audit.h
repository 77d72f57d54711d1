#pragma once
// Administrative calls, made or refused, for whoever has to know later. src/admin writes them down.

#include <string>

#include "access/call_rules.h"
#include "base/clock.h"

namespace mlops {

struct AuditRecord {
  ServerCall call;
  std::string_view door;  // "http", "grpc"
  std::string who;        // the token's name or the JWT's subject; empty: nobody in particular
  std::string peer_name;  // its certificate's subject; empty: it has none
  std::string address;    // where it calls from
  std::string target;     // the model or region; empty: none, or all
  std::string result;     // "200", "PERMISSION_DENIED"
};

class AuditSink {
 public:
  virtual ~AuditSink() = default;
  // Any thread.
  virtual void record(const AuditRecord& record) noexcept = 0;
  // Attempts that were refused before they did anything; too many in a second are only counted.
  virtual void record_refused(const AuditRecord& record, TimePoint now) noexcept = 0;
};

}  // namespace mlops
