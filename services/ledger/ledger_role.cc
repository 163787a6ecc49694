#include "services/ledger/ledger_role.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/redis/outbox_scripts.h"
#include "libs/sql/migrate.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kOpenAgain = absl::Seconds(1);

bool MustNotStart(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status);
}

RedisOutboxOptions OutboxOptions(const LedgerRoleOptions& options) {
  RedisOutboxOptions outbox;
  outbox.partitions = options.partitions;
  outbox.reader = options.reader;
  return outbox;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LedgerRole>> LedgerRole::Start(const ChargeCodec* codec,
                                                              LedgerRoleOptions options) {
  QP_ASSIGN_OR_RETURN(std::unique_ptr<redis::Client> client,
                      redis::Client::Start(options.redis, GetOutboxScripts().all()));
  std::unique_ptr<LedgerRole> role(new LedgerRole(codec, std::move(options), std::move(client)));
  const absl::Status opened = role->Open();
  if (MustNotStart(opened)) return opened;
  if (!opened.ok()) {
    spdlog::error("the ledger is away, charges wait in the outbox: {}", opened.ToString());
    role->opener_ = std::thread([raw = role.get()] { raw->OpenLater(); });
  }
  return role;
}

LedgerRole::LedgerRole(const ChargeCodec* codec, LedgerRoleOptions options,
                       std::unique_ptr<redis::Client> client)
    : codec_(codec),
      options_(std::move(options)),
      client_(std::move(client)),
      outbox_(client_.get(), OutboxOptions(options_)) {}

LedgerRole::~LedgerRole() {
  stop_.Notify();
  if (opener_.joinable()) opener_.join();
}

absl::Status LedgerRole::Open() {
  sql::DatabaseOptions database_options;
  database_options.url = options_.database_url;
  QP_ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database,
                      sql::Database::Open(database_options));
  QP_RETURN_IF_ERROR(sql::Migrate(*database));
  database_ = std::move(database);
  writer_ = std::make_unique<LedgerWriter>(database_.get(), options_.cost_center_of);
  LedgerWorkerOptions worker;
  worker.now_us = [] { return absl::ToUnixMicros(absl::Now()); };
  worker_ = std::make_unique<LedgerWorker>(&outbox_, writer_.get(), codec_, std::move(worker));
  return absl::OkStatus();
}

void LedgerRole::OpenLater() {
  while (!stop_.WaitForNotificationWithTimeout(kOpenAgain)) {
    const absl::Status opened = Open();
    if (opened.ok()) {
      spdlog::info("the ledger is there");
      return;
    }
    if (MustNotStart(opened)) {
      spdlog::critical("the ledger cannot be used: {}", opened.ToString());
      return;
    }
  }
}

}  // namespace quotaplane
