#include "services/admin/admin_role.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"
#include "libs/sql/migrate.h"
#include "services/admin/admin_parts.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kOpenAgain = absl::Seconds(1);
constexpr absl::Duration kTidyEvery = absl::Minutes(1);
// The publisher, upkeep, and whoever writes down refusals.
constexpr int kOwnConnections = 3;

bool MustNotStart(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status);
}

// Takes away in portions, until there is less than a portion.
template <typename Drop>
void DropAll(const char* what, int portion, Drop drop) {
  while (true) {
    const absl::StatusOr<int> dropped = drop();
    if (!dropped.ok()) {
      LogError("{} that have ended stay for now: {}", what, dropped.status().ToString());
      return;
    }
    if (*dropped < portion) return;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<AdminRole>> AdminRole::Start(const ItemCodec* codec,
                                                            ItemBoard* board,
                                                            AdminRoleOptions options) {
  std::unique_ptr<AdminRole> role(new AdminRole(codec, board, std::move(options)));
  const absl::Status opened = role->Open();
  if (MustNotStart(opened)) return opened;
  if (!opened.ok()) {
    LogError("the control plane's database is away, admin calls wait for it: {}",
             opened.ToString());
  }
  role->upkeep_ = std::thread([raw = role.get()] { raw->Upkeep(); });
  return role;
}

AdminRole::AdminRole(const ItemCodec* codec, ItemBoard* board, AdminRoleOptions options)
    : codec_(codec),
      board_(board),
      options_(std::move(options)),
      calls_({.parts = [this] { return parts(); },
              .store_now_us = options_.store_now_us,
              .board = board},
             options_.calls) {}

AdminRole::~AdminRole() {
  stop_.Notify();
  if (upkeep_.joinable()) upkeep_.join();
}

absl::Status AdminRole::Open() {
  const AdminCallsOptions& calls = options_.calls;
  sql::DatabaseOptions database;
  database.url = options_.database_url;
  // Calls use two at a time at most, and a backtest has a thread more.
  database.max_connections =
      kOwnConnections + 2 * (calls.threads + calls.backtest_threads) + calls.watchers;
  auto opened = std::make_unique<AdminParts>();
  AdminParts* const parts = opened.get();
  QP_ASSIGN_OR_RETURN(parts->database, sql::Database::Open(database));
  sql::Database* const db = parts->database.get();
  QP_RETURN_IF_ERROR(sql::Migrate(*db));
  parts->items = std::make_unique<ItemSource>(db);
  parts->publisher = std::make_unique<Publisher>(parts->items.get(), board_);
  parts->changes =
      std::make_unique<Changes>(db, [publisher = parts->publisher.get()] { publisher->Wake(); });
  parts->policies =
      std::make_unique<PolicyVersions>(db, parts->changes.get(), codec_, options_.default_policy);
  parts->exceptions = std::make_unique<ExceptionStore>(codec_);
  parts->curbs = std::make_unique<CurbStore>(codec_);
  parts->keys = std::make_unique<KeyStore>(codec_);
  parts->prices = std::make_unique<PriceBookStore>(codec_);
  parts->state = std::make_unique<OrgState>(codec_, parts->policies.get());
  parts->audit = std::make_unique<AuditLog>(db);
  absl::MutexLock lock(&mutex_);
  parts_ = std::move(opened);
  return absl::OkStatus();
}

void AdminRole::Upkeep() {
  while (parts() == nullptr) {
    if (stop_.WaitForNotificationWithTimeout(kOpenAgain)) return;
    const absl::Status opened = Open();
    if (opened.ok()) LogInfo("the control plane's database is there");
    if (MustNotStart(opened)) {
      LogCritical("the control plane's database cannot be used: {}", opened.ToString());
      return;
    }
  }
  do {
    TidyUp();
  } while (!stop_.WaitForNotificationWithTimeout(kTidyEvery));
}

void AdminRole::TidyUp() const {
  AdminParts* const opened = parts();
  // What is taken away does not come back: both clocks have to say that its time has come, since
  // one that is wrong by months would take keys that are in force.
  const int64_t now_us = std::min(absl::ToUnixMicros(absl::Now()), options_.store_now_us());
  DropAll("exceptions", 100, [&] {
    return opened->exceptions->DropEnded(*opened->database, *opened->changes, now_us);
  });
  DropAll("curbs", 100,
          [&] { return opened->curbs->DropEnded(*opened->database, *opened->changes, now_us); });
  DropAll("keys", 1'000,
          [&] { return opened->keys->DropEnded(*opened->database, *opened->changes, now_us); });
}

AdminParts* AdminRole::parts() const {
  absl::MutexLock lock(&mutex_);
  return parts_.get();
}

}  // namespace quotaplane
