// Connections, lent to one thread at a time.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/sql/connection.h"

namespace quotaplane::sql {

// Thread-safe. Outlives its leases.
class Pool {
 public:
  using Connect = std::function<absl::StatusOr<std::unique_ptr<Connection>>()>;
  Pool(Connect connect, int max_connections, absl::Duration timeout);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  struct GiveBack {
    Pool* pool = nullptr;
    void operator()(Connection* connection) const { pool->Put(connection); }
  };
  // A connection, given back by its destruction, which must find it outside of a transaction or no
  // longer alive.
  using Lease = std::unique_ptr<Connection, GiveBack>;

  // One that is alive, as far as can be told without asking the server; made anew where there is
  // none. RESOURCE_EXHAUSTED: all are lent for as long as `timeout`; otherwise what `connect` says.
  absl::StatusOr<Lease> Get();

 private:
  void Put(Connection* connection);

  const Connect connect_;
  const int max_connections_;
  const absl::Duration timeout_;
  std::mutex mutex_;
  std::condition_variable freed_;
  int lent_ = 0;
  std::vector<std::unique_ptr<Connection>> idle_;  // the one used last at the end
};

}  // namespace quotaplane::sql
