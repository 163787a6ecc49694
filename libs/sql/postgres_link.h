// libpq without its blocking calls: every wait ends by a deadline.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace quotaplane::sql {

using SteadyTime = std::chrono::steady_clock::time_point;

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PostgresResult = std::unique_ptr<PGresult, ClearResult>;

// One connection of libpq's. Any failure to talk to the server closes it for good. One thread at a
// time.
class PostgresLink {
 public:
  // `keywords` and `values` as PQconnectdbParams takes them, each ending with a null pointer.
  static absl::StatusOr<PostgresLink> Connect(const char* const* keywords,
                                              const char* const* values, SteadyTime deadline);

  bool open() const { return connection_ != nullptr; }
  void Close() { connection_.reset(); }
  // Whether the server has closed it, as far as this side has heard; asks no one.
  bool Alive();
  // For the PQsend… family: what they queue, Flush and Next move.
  PGconn* get() const { return connection_.get(); }

  // UNAVAILABLE, after a PQsend… that failed.
  absl::Status Lost(std::string_view name);
  // The next result; null when there is none left. UNAVAILABLE: lost. DEADLINE_EXCEEDED: no answer.
  absl::StatusOr<PostgresResult> Next(std::string_view name, SteadyTime deadline);

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  absl::Status Silent(std::string_view name);

  std::unique_ptr<PGconn, Finish> connection_;
};

}  // namespace quotaplane::sql
