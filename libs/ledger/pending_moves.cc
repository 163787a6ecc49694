#include "libs/ledger/pending_moves.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/admission/charge.h"
#include "libs/base/absl_view.h"
#include "libs/base/await.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/ledger_reader.h"

namespace quotaplane {
namespace {

constexpr std::chrono::seconds kStoreTimeout(5);
constexpr int kMovesAtOnce = 100;
// What is killed between the store and the mark has to be found again within this time. One key of
// Redis each, of about 100 bytes.
constexpr absl::Duration kRemember = absl::Hours(24 * 7);

SteadyTime StoreDeadline() { return std::chrono::steady_clock::now() + kStoreTimeout; }

struct Pending {
  Digest move;
  int64_t fingerprint = 0;
};

absl::StatusOr<std::vector<Pending>> ReadPending(sql::Session& session, const std::string& org) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"pending moves",
                     "SELECT move_key, fingerprint FROM ledger_moves WHERE org = $1 AND "
                     "applied_at_us IS NULL ORDER BY recorded_at_us, move_key LIMIT $2"},
                    {org, kMovesAtOnce}));
  std::vector<Pending> pending(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    sql::Bytes key;
    QP_RETURN_IF_ERROR(rows[i].Read(key, pending[i].fingerprint));
    std::copy_n(key.data.begin(), std::min<size_t>(key.data.size(), 16),
                pending[i].move.bytes.begin());
  }
  return pending;
}

bool IsPresent(const WindowSpec& window, int64_t happened_at_us, int64_t now_us) {
  if (window.kind == WindowKind::kLifetime) return true;
  if (window.kind == WindowKind::kSliding) {
    return SlotAt(window, happened_at_us) + kSlots >= SlotAt(window, now_us);
  }
  const Period period = PeriodAt(window, now_us);
  return happened_at_us >= period.start_us && happened_at_us < period.end_us;
}

// What the corrections add to counters whose present period has what they correct. The store looks
// at the periods again, by its clock of then.
std::vector<CounterUse> UsesOf(const Policy& policy, const std::vector<SettledCharge>& corrections,
                               int64_t now_us) {
  std::vector<CounterUse> uses;
  absl::flat_hash_map<Digest, size_t> index;
  for (const SettledCharge& correction : corrections) {
    const int64_t happened_at_us = correction.settlement.occurred_at_us;
    for (CounterUse& use : CorrectionsOf(policy, correction.charge)) {
      if (!IsPresent(*use.window, happened_at_us, now_us)) continue;
      const auto [found, is_new] = index.try_emplace(use.counter, uses.size());
      if (is_new) {
        use.happened_at_us = happened_at_us;
        uses.push_back(use);
      } else {
        CounterUse& sum = uses[found->second];
        sum.charge = std::clamp(sum.charge + use.charge, -kMaxCounterValue, kMaxCounterValue);
        // Of a sliding window, the last to leave it.
        sum.happened_at_us = std::max(sum.happened_at_us, happened_at_us);
      }
    }
  }
  return uses;
}

// Moves the counters, once, and says when that was.
absl::StatusOr<int64_t> MoveCounters(CounterStore* store, const std::string& org,
                                     const Pending& pending, std::vector<CounterUse> uses,
                                     int64_t now_us) {
  if (uses.empty()) return now_us;  // nothing that could move twice
  AdjustCall call;
  call.key = {org, absl::StrCat("move/", absl::BytesToHexString(AbslView(pending.move.view())))};
  // Not of the uses: by another policy they are others, and it is the same move.
  call.fingerprint = static_cast<uint64_t>(pending.fingerprint);
  call.remember_us = absl::ToInt64Microseconds(kRemember);
  call.uses = std::move(uses);
  QP_ASSIGN_OR_RETURN(const AdjustResult moved,
                      Await<AdjustResult>([&](StoreCallback<AdjustResult> done) {
                        store->Adjust(std::move(call), StoreDeadline(), std::move(done));
                      }));
  if (moved.outcome == AdjustResult::Outcome::kMismatch) {
    return absl::InternalError("the counter store knows another move of this key");
  }
  return moved.now_us;
}

absl::StatusOr<int64_t> StoreClock(CounterStore* store, const std::string& org) {
  QP_ASSIGN_OR_RETURN(const ReadResult clock,
                      Await<ReadResult>([&](StoreCallback<ReadResult> done) {
                        store->Read(org, {}, StoreDeadline(), std::move(done));
                      }));
  return clock.now_us;
}

}  // namespace

absl::StatusOr<int64_t> PendingMoves::Apply(const std::string& org, const Policy& policy) {
  int64_t applied = 0;
  for (;;) {
    QP_ASSIGN_OR_RETURN(const std::vector<Pending> all, ReadPending(*database_, org));
    if (all.empty()) return applied;
    QP_ASSIGN_OR_RETURN(const int64_t now_us, StoreClock(store_, org));
    for (const Pending& one : all) {
      QP_ASSIGN_OR_RETURN(const std::vector<SettledCharge> corrections,
                          ReadMove(*database_, org, one.move));
      std::vector<CounterUse> uses = UsesOf(policy, corrections, now_us);
      if (uses.size() > static_cast<size_t>(kMaxCountersPerAdjust)) {
        return absl::FailedPreconditionError(absl::StrCat("a correction moves ", uses.size(),
                                                          " counters, and ", kMaxCountersPerAdjust,
                                                          " are moved at once"));
      }
      QP_ASSIGN_OR_RETURN(const int64_t at_us,
                          MoveCounters(store_, org, one, std::move(uses), now_us));
      QP_ASSIGN_OR_RETURN(
          const int64_t marked,
          database_->Execute({"mark move",
                              "UPDATE ledger_moves SET applied_at_us = $1 WHERE move_key = $2 AND "
                              "applied_at_us IS NULL"},
                             {at_us, sql::Bytes{one.move.view()}}));
      applied += marked;
    }
  }
}

absl::StatusOr<std::vector<std::string>> PendingMoves::Orgs(const std::string& after, int most) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      database_->Query({"orgs of moves",
                        "SELECT DISTINCT org FROM ledger_moves WHERE applied_at_us IS NULL AND "
                        "org > $1 ORDER BY org LIMIT $2"},
                       {after, most}));
  std::vector<std::string> orgs;
  for (size_t i = 0; i < rows.size(); ++i) orgs.emplace_back(rows[i][0].text());
  return orgs;
}

absl::StatusOr<int64_t> PendingMoves::Count() {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      database_->Query(
          {"count moves", "SELECT COUNT(*) FROM ledger_moves WHERE applied_at_us IS NULL"}));
  return rows[0][0].integer();
}

}  // namespace quotaplane
