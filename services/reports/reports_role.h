// The reports role of the server: answers ReportService from the ledger's database. Needs nothing
// of the other roles.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/sql/database.h"
#include "services/reports/log_level_watch.h"
#include "services/rpc/stream_call.h"
#include "services/rpc/work_pool.h"

namespace quotaplane {

struct ReportsRoleOptions {
  std::string database_url;  // libs/sql/database.h
  // Threads, and how many calls wait for them; more are refused. Exports have threads of their own,
  // since each may take minutes.
  int query_threads = 2;
  size_t query_queue = 64;
  int export_threads = 2;
  size_t export_queue = 8;
  // Of each statement of a report.
  absl::Duration statement_timeout = absl::Seconds(20);
  // Whether the logs' level is taken from the database: where no control plane brings it.
  bool watch_log_level = false;
};

class ReportsRole {
 public:
  // FAILED_PRECONDITION: the database's schema is newer than this binary, or was changed.
  // INVALID_ARGUMENT: a malformed URL. A database that is away is neither: calls say so until it is
  // there.
  static absl::StatusOr<std::unique_ptr<ReportsRole>> Start(ReportsRoleOptions options);
  // After the server that serves it. Waits for the statements under way.
  ~ReportsRole() = default;

  // What a server needs to serve ReportService. The role must outlive it.
  StreamService service();

 private:
  explicit ReportsRole(ReportsRoleOptions options);
  // Opens it where that has not been done. Blocks.
  absl::StatusOr<sql::Database*> Database() ABSL_LOCKS_EXCLUDED(mutex_);
  void AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events);

  const ReportsRoleOptions options_;
  absl::Mutex mutex_;
  std::unique_ptr<sql::Database> database_ ABSL_GUARDED_BY(mutex_);
  // Last, so that their work ends before what it uses.
  WorkPool queries_;
  WorkPool exports_;
  std::optional<LogLevelWatch> log_level_watch_;
};

}  // namespace quotaplane
