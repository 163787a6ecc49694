#include "libs/sql/pool.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quotaplane::sql {

Pool::Pool(Connect connect, int max_connections, absl::Duration timeout)
    : connect_(std::move(connect)), max_connections_(max_connections), timeout_(timeout) {}

Pool::~Pool() = default;

absl::StatusOr<Pool::Lease> Pool::Get() {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, absl::ToChronoNanoseconds(timeout_),
                         [&] { return lent_ < max_connections_; })) {
      return absl::ResourceExhaustedError(absl::StrCat("SQL: all ", max_connections_,
                                                       " connections were in use for ",
                                                       absl::FormatDuration(timeout_)));
    }
    ++lent_;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (connection != nullptr && connection->Alive()) return Lease(connection.release(), {this});
  connection.reset();
  absl::StatusOr<std::unique_ptr<Connection>> made = connect_();
  if (!made.ok()) {
    Put(nullptr);
    return made.status();
  }
  return Lease(made->release(), {this});
}

void Pool::Put(Connection* connection) {
  std::unique_ptr<Connection> owned(connection);
  if (owned != nullptr && !owned->Alive()) owned.reset();  // closed outside of the lock
  {
    const std::lock_guard lock(mutex_);
    --lent_;
    if (owned != nullptr) idle_.push_back(std::move(owned));
  }
  freed_.notify_one();
}

}  // namespace quotaplane::sql
