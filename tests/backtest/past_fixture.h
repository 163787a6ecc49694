// A ledger with charges of one line, at given times.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/config/policy_reader.h"
#include "tests/ledger/ledger_fixture.h"

namespace quotaplane {

inline constexpr int64_t kUsd = 1'000'000'000;

// "2026-03-01 09:30", UTC.
inline int64_t At(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", text, &time, &error)) << text << error;
  return absl::ToUnixMicros(time);
}

class PastTest : public LedgerTest {
 protected:
  // Adds a charge to those that Write writes; gives its id.
  std::string Spend(const Subject& subject, int64_t usd, int64_t at_us) {
    ChargeRecord record;
    record.id = "r" + std::to_string(++ids_);
    record.subject = subject;
    record.price_version = "v1";
    record.cost_nano_usd = usd * kUsd;
    record.lines = {
        {0, subject.model, ServiceTier::kStandard, "input", usd, 1, usd * kUsd, false, ""}};
    waiting_.push_back({record, {at_us, 0, 0, false, false}});
    return record.id;
  }
  void Write() {
    const auto written = writer_.Write(waiting_, At("2026-12-01 00:00"));
    ASSERT_TRUE(written.ok()) << written.status();
    ASSERT_EQ(written->charges, static_cast<int64_t>(waiting_.size()));
    waiting_.clear();
  }
  // As retention leaves it.
  void DropBefore(int64_t time_us) {
    Must("INSERT INTO ledger_kept (kind, from_us) VALUES ('entries', " + std::to_string(time_us) +
         ")");
    Must("DELETE FROM ledger_entries WHERE occurred_at_us < " + std::to_string(time_us));
  }

  static std::shared_ptr<const Policy> PolicyOf(const std::string& yaml) {
    auto policy = ParsePolicy(yaml, "policy.yaml");
    EXPECT_TRUE(policy.ok()) << policy.status();
    return policy.ok() ? *std::move(policy) : nullptr;
  }

 private:
  int ids_ = 0;
  std::vector<SettledCharge> waiting_;
};

inline Subject Person(const std::string& user, const std::string& team) {
  return {"acme", team, "", user, "", "big", {}};
}

}  // namespace quotaplane
