// Charges by a policy, as the server makes them, and their books.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "libs/admission/charge.h"
#include "libs/config/policy_reader.h"
#include "libs/ledger/adjuster.h"
#include "libs/ledger/books.h"
#include "libs/ledger/pending_moves.h"
#include "libs/ledger/redis/outbox_state.h"
#include "tests/ledger/ledger_fixture.h"

namespace quotaplane {

inline constexpr char kBooksPolicy[] = R"(
defaults: {on_outage: deny}
limits:
  - {id: user-day, per: [user], unit: usd, amount: 1, window: day, time_zone: Asia/Kolkata}
  - {id: team-month, per: [team], unit: usd, amount: 9, window: month}
  - {id: big-requests, per: [model], when: {model: big}, unit: requests, amount: 9, window: month}
  - {id: ever, per: [], unit: total_tokens, amount: 9, window: lifetime}
  - {id: minute, per: [user], unit: usd, amount: 1, window: 60s}
)";

class BooksFixture : public OutboxTest {
 protected:
  BooksFixture()
      : policy_(*ParsePolicy(kBooksPolicy, "policy.yaml")),
        reader_(MakeReader("one")),
        state_(reader_.client.get(), store_.store().partitions()),
        books_(db_.get(), &store_.store(), &state_),
        moves_(db_.get(), &store_.store()) {}

  // By the policy, as the server charges.
  void Charge(const ChargeRecord& record) {
    CommitCall call;
    call.key = {record.subject.org, record.id};
    call.usage_fingerprint = UsageFingerprint(record);
    call.cost_nano_usd = record.cost_nano_usd;
    call.ledger_record = codec_.Encode(record);
    call.uses = ChargesOf(*policy_, record, record.subject.model);
    const absl::StatusOr<CommitResult> result = store_.Commit(std::move(call));
    ASSERT_TRUE(result.ok()) << result.status();
  }

  std::unique_ptr<LedgerWorker> Worker() {
    return std::make_unique<LedgerWorker>(reader_.outbox.get(), &writer_, &codec_, WorkerOptions());
  }

  std::vector<BookLine> Compare() {
    auto lines = books_.Compare("acme", *policy_, absl::Seconds(20));
    EXPECT_TRUE(lines.ok()) << lines.status();
    return lines.ok() ? *std::move(lines) : std::vector<BookLine>();
  }
  static int64_t Drifting(const std::vector<BookLine>& lines) {
    return std::count_if(lines.begin(), lines.end(),
                         [](const BookLine& line) { return line.drift() != 0; });
  }
  // All balance, and there are some.
  void ExpectBalance() {
    const std::vector<BookLine> lines = Compare();
    EXPECT_FALSE(lines.empty());
    for (const BookLine& line : lines) {
      EXPECT_EQ(line.drift(), 0) << line.limit_id << " " << line.scope << " ledger " << line.ledger
                                 << " counter " << line.counter;
    }
  }
  // What the counter of a limit's scope has; -1 where the books have no such line.
  int64_t CounterOf(const std::string& limit_id, const std::string& scope) {
    for (const BookLine& line : Compare()) {
      if (line.limit_id == limit_id && line.scope == scope) return line.counter;
    }
    return -1;
  }

  int64_t Apply() {
    const absl::StatusOr<int64_t> applied = moves_.Apply("acme", *policy_);
    EXPECT_TRUE(applied.ok()) << applied.status();
    return applied.value_or(-1);
  }
  // Takes back `cost` of line 0.
  absl::Status TakeBack(const std::string& id, const std::string& reservation, int64_t cost,
                        int64_t now_us = kMonthEndUs + 1) {
    Adjustment adjustment;
    adjustment.org = "acme";
    adjustment.id = id;
    adjustment.reservation_id = reservation;
    adjustment.line = 0;
    adjustment.cost_nano_usd = -cost;
    adjustment.quantity = -1;
    adjustment.reason = "counted twice";
    adjustment.actor = "finance";
    return Adjuster(db_.get()).Adjust(adjustment, now_us).status();
  }

  const std::shared_ptr<const Policy> policy_;
  Reader reader_;
  RedisOutboxState state_;
  Books books_;
  PendingMoves moves_;
};

}  // namespace quotaplane
