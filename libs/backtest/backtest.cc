#include "libs/backtest/backtest.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "libs/backtest/past_stream.h"
#include "libs/backtest/replay.h"
#include "libs/backtest/window_start.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/retention.h"

namespace quotaplane {
namespace {

struct History {
  int64_t first_us = INT64_MAX;     // of the org
  int64_t complete_us = INT64_MIN;  // from when on there is all
};

absl::StatusOr<History> LookUp(sql::Session& session, std::string_view org) {
  History history;
  QP_ASSIGN_OR_RETURN(const Kept kept, ReadKept(session));
  history.complete_us = kept.entries_from_us;
  QP_ASSIGN_OR_RETURN(history.first_us, FirstEntryUs(session, org));
  return history;
}

// The start of the longest window that `from_us` is in, and which of them began too early.
int64_t CountedFrom(const Policy& policy, int64_t from_us, const History& history,
                    std::vector<std::string>* undercounted) {
  const int64_t lifetime_us = history.complete_us == INT64_MIN ? history.first_us : INT64_MIN;
  int64_t counted_from_us = from_us;
  for (const Limit& limit : policy.document().limits) {
    if (limit.unit.kind == UnitKind::kConcurrency) continue;
    const int64_t start_us = WindowStartUs(limit.window, from_us, lifetime_us);
    if (start_us < history.complete_us) undercounted->push_back(limit.id);
    counted_from_us = std::min(counted_from_us, start_us);
  }
  return std::max(counted_from_us, history.complete_us);
}

}  // namespace

absl::StatusOr<BacktestResult> RunBacktest(sql::Database& database, const BacktestArgs& args,
                                           BacktestCallback callback) {
  QP_ASSIGN_OR_RETURN(
      const std::unique_ptr<sql::Transaction> snapshot,
      database.Begin({.isolation = sql::Isolation::kRepeatableRead, .read_only = true}));
  QP_ASSIGN_OR_RETURN(const History history, LookUp(*snapshot, args.org));
  const int64_t from_us = std::min(std::max(args.from_us, history.complete_us), args.to_us);
  std::vector<std::string> undercounted;
  const int64_t counted_from_us = CountedFrom(*args.policy, from_us, history, &undercounted);

  Replay replay(args.policy);
  UsedDimensions used;
  used.Add(*args.policy);
  BacktestProgress progress;
  // Nothing is to be read before the first entry.
  const int64_t begin_us = std::min(std::max(counted_from_us, history.first_us), args.to_us);
  const auto take = [&](const PastBatch& batch) -> absl::Status {
    for (const PastCharge& charge : batch.charges) {
      QP_RETURN_IF_ERROR(charge.at_us < from_us ? replay.Count(charge)
                                                : replay.Judge(charge).status());
    }
    progress.entries += batch.entries;
    const int64_t done_us = batch.charges.back().at_us - begin_us;
    progress.progress = static_cast<double>(done_us) / static_cast<double>(args.to_us - begin_us);
    return absl::OkStatus();
  };
  QP_RETURN_IF_ERROR(TakePast(*snapshot, {args.org, begin_us, args.to_us}, used, take,
                              [&] { return callback(progress); }));
  BacktestResult result = replay.Result();
  result.from_us = from_us;
  result.to_us = args.to_us;
  result.counted_from_us = counted_from_us;
  result.entries = progress.entries;
  result.limits_undercounted = std::move(undercounted);
  return result;
}

}  // namespace quotaplane
