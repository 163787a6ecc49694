// An alert's action in an org that has as many as there may be: the change, over both databases,
// and what a replica makes of the item. All curbs of an org are one item, so each change reads and
// writes all of them.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/control/change.h"
#include "libs/control/curb_rows.h"
#include "libs/control/curbs_store.h"
#include "libs/policy/policy_builder.h"
#include "libs/sql/migrate.h"
#include "libs/testing/fatal.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/temp_dir.h"
#include "services/control/item_convert.h"
#include "tests/bench/machine.h"

namespace quotaplane {
namespace {

constexpr int kChanges = 50;

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) fixtures::Fatal(value.status().ToString());
  return *std::move(value);
}
void Must(const absl::Status& status) {
  if (!status.ok()) fixtures::Fatal(status.ToString());
}

Curb CurbOf(int64_t alert, int64_t now_us) {
  Curb curb;
  curb.alert = alert;
  curb.share_permille = 200;
  curb.scope = {{Dim("team"), absl::StrFormat("team-%03d", alert % 200)},
                {Dim("user"), absl::StrFormat("user-%06d", alert)}};
  curb.limit_id = "user-month";
  curb.from_us = now_us;
  curb.until_us = now_us + int64_t{3'600} * 1'000'000;
  return curb;
}

std::string Milliseconds(std::vector<absl::Duration> times) {
  std::sort(times.begin(), times.end());
  return absl::StrFormat("half within %5.1f ms, the slowest %5.1f ms",
                         absl::ToDoubleMilliseconds(times[times.size() / 2]),
                         absl::ToDoubleMilliseconds(times.back()));
}

void Measure(const std::string& name, const std::string& url, int64_t curbs) {
  sql::DatabaseOptions options;
  options.url = url;
  const std::unique_ptr<sql::Database> database = Must(sql::Database::Open(options));
  Must(sql::Migrate(*database));
  const int64_t now_us = absl::ToUnixMicros(absl::Now());
  {
    const auto transaction = Must(database->Begin());
    for (int64_t alert = 1; alert < curbs; ++alert) {
      Must(WriteCurb(*transaction, "acme", CurbOf(alert, now_us), 1));
    }
    Must(transaction->Commit());
  }
  const ProtoItemCodec codec;
  const CurbStore store(&codec);
  Changes changes(database.get());
  std::vector<absl::Duration> puts, ends, decodes;
  size_t bytes = 0;
  const auto make = [&](const char* action, int i, auto work, std::vector<absl::Duration>* times) {
    ChangeRequest request;
    request.org = "acme";
    request.actor = AlertActor(curbs);
    request.action = action;
    request.request_id = request.request_digest = absl::StrCat(action, "/", i);
    request.now_us = now_us + i;
    const absl::Time began = absl::Now();
    Must(changes
             .Make(request, "alert",
                   [&](sql::Transaction& transaction,
                       int64_t number) -> absl::StatusOr<ChangeRecord> {
                     absl::StatusOr<Changed<Curb>> made = work({transaction, request, number});
                     if (!made.ok()) return made.status();
                     return std::move(made->record);
                   })
             .status());
    times->push_back(absl::Now() - began);
  };
  for (int i = 0; i < kChanges; ++i) {
    make(
        "Put", i,
        [&](const OpenChange& open) { return store.Put(open, CurbOf(curbs, open.request.now_us)); },
        &puts);
    const sql::Rows rows = Must(database->Query(
        {"item", "SELECT body FROM control_items WHERE name = $1"}, {"curbs/acme"}));
    const std::string body(rows[0][0].bytes());
    bytes = body.size();
    const absl::Time began = absl::Now();
    const Curbs built(Must(codec.DecodeCurbs(body)).curbs);
    decodes.push_back(absl::Now() - began);
    make(
        "End", i, [&](const OpenChange& open) { return store.End(open, curbs); }, &ends);
  }
  std::printf("%-8s %lld curbs, an item of %zu bytes\n", name.c_str(),
              static_cast<long long>(curbs), bytes);
  std::printf("  put      %s\n", Milliseconds(std::move(puts)).c_str());
  std::printf("  end      %s\n", Milliseconds(std::move(ends)).c_str());
  std::printf("  replica  %s\n", Milliseconds(std::move(decodes)).c_str());
}

}  // namespace
}  // namespace quotaplane

int main() {
  std::printf("%s\n", quotaplane::bench::CpuModel().c_str());
  for (const int64_t curbs : {int64_t{100}, static_cast<int64_t>(quotaplane::kMaxCurbsPerOrg)}) {
    const quotaplane::fixtures::TempDir directory;
    quotaplane::Measure("SQLite", "sqlite:" + directory.File("control.db"), curbs);
    quotaplane::fixtures::PostgresServer postgres;
    quotaplane::Measure("Postgres", postgres.url(), curbs);
  }
  return 0;
}
