#include "libs/sql/postgres_link.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "libs/sql/errors.h"

namespace quotaplane::sql {
namespace {

constexpr std::string_view kConnecting = "connect";

void IgnoreNotice(void*, const PGresult*) {}

// libpq's own words, which show hosts, users and databases, but no passwords.
std::string MessageOf(const PGconn* connection) {
  if (connection == nullptr) return "the connection was lost";
  const absl::string_view message = absl::StripTrailingAsciiWhitespace(PQerrorMessage(connection));
  return message.empty() ? "the connection was lost"
                         : absl::StrReplaceAll(message, {{"\n", "; "}, {"\t", ""}});
}

// False at the deadline.
bool WaitFor(int fd, short events, SteadyTime deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd poll_fd = {fd, events, 0};
    const auto timeout_ms = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
    const int ready = ::poll(&poll_fd, 1, timeout_ms);
    if (ready > 0) return true;
    if (ready == 0 && std::chrono::steady_clock::now() >= deadline) return false;
    if (ready < 0 && errno != EINTR) return true;  // libpq finds out what is wrong
  }
}

}  // namespace

absl::StatusOr<PostgresLink> PostgresLink::Connect(const char* const* keywords,
                                                   const char* const* values, SteadyTime deadline) {
  PostgresLink link;
  link.connection_.reset(PQconnectStartParams(keywords, values, /*expand_dbname=*/0));
  PGconn* const connection = link.get();
  if (connection == nullptr) return absl::ResourceExhaustedError("SQL connect: out of memory");
  if (PQstatus(connection) == CONNECTION_BAD) return link.Lost(kConnecting);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!WaitFor(PQsocket(connection), events, deadline)) {
      return DatabaseError(absl::StatusCode::kUnavailable, kConnecting, "",
                           "the server did not answer within the connect timeout");
    }
    state = PQconnectPoll(connection);
    if (state == PGRES_POLLING_FAILED) return link.Lost(kConnecting);
  }
  PQsetNoticeReceiver(connection, IgnoreNotice, nullptr);
  if (PQsetnonblocking(connection, 1) != 0) return link.Lost(kConnecting);
  return link;
}

bool PostgresLink::Alive() {
  // An idle server says little: that it shuts down, before the connection's end, or that a
  // parameter has changed.
  constexpr int kMaxReads = 10;
  for (int i = 0; i < kMaxReads && open(); ++i) {
    pollfd poll_fd = {PQsocket(get()), POLLIN, 0};
    if (::poll(&poll_fd, 1, 0) == 0) return true;
    if (PQconsumeInput(get()) == 0 || PQstatus(get()) != CONNECTION_OK) break;
  }
  Close();
  return false;
}

absl::Status PostgresLink::Lost(std::string_view name) {
  absl::Status status = DatabaseError(absl::StatusCode::kUnavailable, name, "", MessageOf(get()));
  Close();
  return status;
}

absl::Status PostgresLink::Silent(std::string_view name) {
  Close();
  return DatabaseError(absl::StatusCode::kDeadlineExceeded, name, "",
                       "the server did not answer in time");
}

absl::StatusOr<PostgresResult> PostgresLink::Next(std::string_view name, SteadyTime deadline) {
  if (!open()) return Lost(name);
  // What is queued has to leave, while what comes is read: else both sides may wait for the other.
  for (int queued = PQflush(get()); queued != 0; queued = PQflush(get())) {
    if (queued < 0) return Lost(name);
    if (!WaitFor(PQsocket(get()), POLLIN | POLLOUT, deadline)) return Silent(name);
    if (PQconsumeInput(get()) == 0) return Lost(name);
  }
  while (PQisBusy(get()) != 0) {
    if (!WaitFor(PQsocket(get()), POLLIN, deadline)) return Silent(name);
    if (PQconsumeInput(get()) == 0) break;  // an error that was read before the end comes out below
  }
  return PostgresResult(PQgetResult(get()));
}

}  // namespace quotaplane::sql
