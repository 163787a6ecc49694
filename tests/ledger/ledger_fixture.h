// A ledger on a real database, a store and outbox on a real Redis, and charges to put through them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libs/ledger/ledger_worker.h"
#include "libs/ledger/ledger_writer.h"
#include "libs/ledger/redis/outbox.h"
#include "libs/ledger/redis/outbox_scripts.h"
#include "libs/sql/migrate.h"
#include "libs/sql/test_database.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "services/quota/charge_convert.h"
#include "tests/conformance/store_under_test.h"

namespace quotaplane {

// 2026-03-31 23:59:59.5 UTC.
inline constexpr int64_t kMonthEndUs = 1'775'001'599'500'000;

// A charge of two attempts and three lines; `id` decides the amounts.
inline ChargeRecord ChargeOf(int id, const std::string& team = "search") {
  ChargeRecord record;
  record.id = "r" + std::to_string(id);
  record.subject = {"acme", team, "p1", "u" + std::to_string(id % 7), "k1", "big", {}};
  record.subject.labels = {{"agent", "say \"hi\""}, {"session", "s1"}};
  record.price_version = "2026-03-01";
  record.lines = {
      {0, "big", ServiceTier::kStandard, "input", 100 + id, 3'000'000'000, 300 + 3 * id, false, ""},
      {1, "small", ServiceTier::kBatch, "input", 10, 1'000'000'000, 10, false, ""},
      {1, "small", ServiceTier::kBatch, "output", 5, 5'000'000'000, 25, true, "big"}};
  for (const ChargeLine& line : record.lines) record.cost_nano_usd += line.cost_nano_usd;
  return record;
}

inline SettledCharge SettledOf(int id, int64_t at_us = kMonthEndUs) {
  return {ChargeOf(id), {at_us, 1'000, 7, false, false}};
}

class LedgerTest : public sql::DatabaseTest {
 protected:
  LedgerTest() : writer_(db_.get(), [](const Subject& subject) { return "cc-" + subject.team; }) {
    EXPECT_TRUE(sql::Migrate(*db_).ok());
  }

  int64_t Count(std::string_view sql) { return sql::MustCount(*db_, sql); }
  void ExpectRollupsAgree() {
    for (const char* column : {"cost_nano_usd", "overrun_nano_usd", "quantity"}) {
      const std::string sum = std::string("SELECT COALESCE(SUM(") + column + "), 0) FROM ";
      EXPECT_EQ(Count(sum + "rollup_hour"), Count(sum + "ledger_entries")) << column;
      EXPECT_EQ(Count(sum + "rollup_day"), Count(sum + "ledger_entries")) << column;
    }
    EXPECT_EQ(Count("SELECT COALESCE(SUM(requests), 0) FROM rollup_day"),
              Count("SELECT COUNT(*) FROM ledger_keys"));
  }

  LedgerWriter writer_;
};

// With an outbox that a real commit script fills.
class OutboxTest : public LedgerTest {
 protected:
  OutboxTest() : store_(redis_.unix_url()) { store_.SetNow(kMonthEndUs); }

  void Commit(const ChargeRecord& record) {
    CommitCall call;
    call.key = {record.subject.org, record.id};
    call.usage_fingerprint = UsageFingerprint(record);
    call.cost_nano_usd = record.cost_nano_usd;
    call.ledger_record = codec_.Encode(record);
    const absl::StatusOr<CommitResult> result = store_.Commit(std::move(call));
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->outcome, CommitResult::Outcome::kCharged);
  }

  struct Reader {
    std::unique_ptr<redis::Client> client;
    std::unique_ptr<RedisOutbox> outbox;
  };
  Reader MakeReader(const std::string& name, absl::Duration abandoned = absl::Seconds(30)) {
    redis::ClientOptions options;
    options.url = redis_.unix_url();
    options.silence_timeout = absl::Seconds(10);
    Reader reader;
    reader.client = *redis::Client::Start(options, GetOutboxScripts().all());
    EXPECT_TRUE(reader.client->WaitReady(absl::Seconds(20)).ok());
    RedisOutboxOptions outbox;
    outbox.partitions = store_.store().partitions();
    outbox.reader = name;
    outbox.abandoned_after = abandoned;
    reader.outbox = std::make_unique<RedisOutbox>(reader.client.get(), outbox);
    return reader;
  }

  static LedgerWorkerOptions WorkerOptions() {
    LedgerWorkerOptions options;
    options.pause = absl::Milliseconds(2);
    options.first_retry = absl::Milliseconds(5);
    options.longest_retry = absl::Milliseconds(50);
    options.now_us = [] { return kMonthEndUs + 1; };
    return options;
  }

  bool Reaches(int64_t charges) {
    return fixtures::PollUntil(absl::Seconds(30), [&] {
      return Count("SELECT COUNT(*) FROM ledger_keys") == charges && Waiting("o") == 0;
    });
  }
  // Messages in the outbox ('o') or the quarantine ('q'), of all partitions.
  int64_t Waiting(const char* kind) {
    int64_t sum = 0;
    for (int i = 0; i < store_.store().partitions(); ++i) {
      sum += redis_.Command({"XLEN", "{p" + std::to_string(i) + "}" + kind}).integer;
    }
    return sum;
  }

  const LedgerCodec codec_;
  fixtures::RedisServer redis_;
  StoreUnderTest store_;
};

}  // namespace quotaplane
