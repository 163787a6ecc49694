#include "tests/control/control_database.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/sql/migrate.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"

namespace quotaplane::fixtures {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(2);

void Must(const absl::Status& status) {
  if (!status.ok()) Fatal(status.ToString());
}
template <typename T>
T Must(absl::StatusOr<T> value) {
  Must(value.status());
  return *std::move(value);
}

std::unique_ptr<sql::Database> OpenWithSchema(const std::string& url) {
  std::unique_ptr<sql::Database> database = Must(sql::Database::Open({.url = url}));
  Must(sql::Migrate(*database));
  return database;
}

std::unique_ptr<redis::Client> Connect(const std::string& url) {
  redis::ClientOptions options;
  options.url = url;
  options.silence_timeout = absl::Seconds(5);
  std::unique_ptr<redis::Client> client =
      Must(redis::Client::Start(options, GetItemBoardScripts().all()));
  Must(client->WaitReady(kPatience));
  return client;
}

}  // namespace

ControlDatabase::ControlDatabase(const std::string& database_url, const std::string& redis_url)
    : database_(OpenWithSchema(database_url)),
      source_(database_.get()),
      client_(Connect(redis_url)),
      board_(client_.get()),
      publisher_(&source_, &board_) {}

void ControlDatabase::Write(const std::vector<Body>& items) {
  ++number_;
  std::unique_ptr<sql::Transaction> transaction = Must(database_->Begin());
  Must(transaction->Execute({"head", "UPDATE control_head SET number = $1"}, {number_}).status());
  for (const Body& item : items) {
    Must(transaction
             ->Execute({"item",
                        "INSERT INTO control_items (name, number, body) VALUES ($1, $2, $3) ON "
                        "CONFLICT (name) DO UPDATE SET number = excluded.number, body = "
                        "excluded.body"},
                       {item.name, number_, sql::Bytes{item.body}})
             .status());
  }
  Must(transaction->Commit());
  publisher_.Wake();
}

void ControlDatabase::WaitUntilPublished() {
  const bool published = PollUntil(
      kPatience, [&] { return Must(board_.Head(absl::Now() + kPatience)).published == number_; });
  if (!published) Fatal("the changes are not published");
}

void ControlDatabase::WaitForReplicas(size_t replicas) {
  const bool there = PollUntil(kPatience, [&] {
    size_t current = 0;
    for (const ReplicaReport& report : Must(board_.Reports(absl::Now() + kPatience))) {
      if (report.number == number_) ++current;
    }
    return current >= replicas;
  });
  if (!there) Fatal("the replicas do not have the changes");
}

std::string ControlDatabase::version() {
  const bool sqlite = database_->dialect() == sql::Dialect::kSqlite;
  const sql::Rows rows = Must(
      database_->Query({"version", sqlite ? "SELECT sqlite_version()" : "SHOW server_version"}));
  return absl::StrCat(sqlite ? "SQLite " : "PostgreSQL ", std::string(rows[0][0].text()));
}

}  // namespace quotaplane::fixtures
