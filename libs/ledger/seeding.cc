#include "libs/ledger/seeding.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/orgs.h"

namespace quotaplane {
namespace {

constexpr char kLease[] = "repair";
// Longer than the patience of any comparison; kept while it lasts.
constexpr absl::Duration kLeaseTime = absl::Minutes(2);
constexpr absl::Duration kAskAgain = absl::Milliseconds(50);
constexpr absl::Duration kPatience = absl::Seconds(20);

absl::Status Conflict(std::string_view why) {
  return ReasonedError(absl::StatusCode::kAborted, "REPAIR_CONFLICT", why);
}

std::vector<BookLine> LinesOf(const std::vector<BookLine>& lines, const Policy& policy,
                              const Families& families) {
  absl::flat_hash_set<std::string_view> limits;
  const std::vector<Limit>& all = policy.document().limits;
  for (size_t i = 0; i < all.size(); ++i) {
    if (families.contains(policy.family(i))) limits.insert(all[i].id);
  }
  std::vector<BookLine> kept;
  for (const BookLine& line : lines) {
    if (limits.contains(line.limit_id)) kept.push_back(line);
  }
  return kept;
}

}  // namespace

Seeding::Seeding(Books* books, BookMarks* marks, sql::Database* database, std::string owner)
    : books_(books), marks_(marks), database_(database), owner_(std::move(owner)) {}

absl::Status Seeding::Alone(const std::string& org, absl::Time deadline,
                            absl::FunctionRef<absl::Status(StillAlone)> work) {
  const int partition = marks_->PartitionOfOrg(org);
  // Of this call, since two of one process must not be at it together either.
  const std::string me = absl::StrCat(owner_, "/", ++calls_);
  for (;;) {
    QP_ASSIGN_OR_RETURN(const bool taken, marks_->Take(partition, kLease, me, kLeaseTime));
    if (taken) break;
    if (absl::Now() > deadline) return Conflict("another repair of these books is under way");
    absl::SleepFor(kAskAgain);
  }
  const auto give = absl::MakeCleanup([&] { marks_->Give(partition, kLease, me).IgnoreError(); });
  return work([&]() -> absl::Status {
    QP_ASSIGN_OR_RETURN(const bool kept, marks_->Keep(partition, kLease, me, kLeaseTime));
    return kept ? absl::OkStatus() : Conflict("it took so long that another repair took over");
  });
}

absl::StatusOr<RebuiltOrg> Seeding::Rebuild(const std::string& org, const Policy& policy,
                                            const Families* families, absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  RebuiltOrg rebuilt;
  QP_RETURN_IF_ERROR(Alone(org, deadline, [&](StillAlone still_alone) -> absl::Status {
    QP_ASSIGN_OR_RETURN(rebuilt.lines, books_->Compare(org, policy, deadline - absl::Now()));
    if (families != nullptr) rebuilt.lines = LinesOf(rebuilt.lines, policy, *families);
    QP_RETURN_IF_ERROR(still_alone());
    QP_ASSIGN_OR_RETURN(rebuilt.moved, books_->Repair(org, rebuilt.lines));
    return absl::OkStatus();
  }));
  return rebuilt;
}

Seeding::OrgsByPartition Seeding::ByPartition(const std::vector<std::string>& orgs) const {
  OrgsByPartition parts(marks_->partitions());
  for (const std::string& org : orgs) parts[marks_->PartitionOfOrg(org)].push_back(org);
  return parts;
}

absl::StatusOr<Seeded> Seeding::Seed(const PolicySet& policies, absl::Time deadline) {
  // Most partitions have no org with a policy of its own.
  const std::string of_default = SettledMark(policies, {});
  const OrgsByPartition owns = ByPartition(policies.OrgsWithOwn());
  std::vector<std::string> done;
  for (const std::vector<std::string>& own : owns) {
    done.push_back(own.empty() ? of_default : SettledMark(policies, own));
  }
  QP_ASSIGN_OR_RETURN(const std::vector<std::string> marks, marks_->ReadAll());
  Seeded seeded;
  if (marks == done) return seeded;
  QP_ASSIGN_OR_RETURN(const std::vector<std::string> all, ListAllOrgs(*database_));
  const OrgsByPartition orgs = ByPartition(all);
  absl::Status first;
  for (size_t i = 0; i < marks.size() && absl::Now() < deadline; ++i) {
    if (marks[i] == done[i]) continue;
    const Partition partition{static_cast<int>(i), marks[i], owns[i], orgs[i]};
    first.Update(SeedPartition(partition, policies, deadline, &seeded));
  }
  if (first.ok() && absl::Now() >= deadline) {
    first = absl::DeadlineExceededError("not every counter was filled in time");
  }
  if (!first.ok()) return first;
  return seeded;
}

absl::Status Seeding::SeedPartition(const Partition& partition, const PolicySet& policies,
                                    absl::Time deadline, Seeded* seeded) {
  const FillMark mark(partition.mark);
  const std::string filled = mark.Filled(policies, partition.own, partition.orgs);
  std::vector<std::pair<std::string, Families>> missing;
  for (const std::string& org : partition.orgs) {
    Families families = mark.MissingOf(org, policies);
    if (!families.empty()) missing.emplace_back(org, std::move(families));
  }
  std::string begun = partition.mark;
  if (!mark.filled() && (!missing.empty() || !mark.MissingOfDefault(policies).empty())) {
    // Lost again in the middle of it, the partition must not count as filled: this is lost with it.
    begun = FillingMark(absl::StrCat(owner_, "/", absl::ToUnixNanos(absl::Now())));
    QP_ASSIGN_OR_RETURN(const bool mine, marks_->Replace(partition.number, partition.mark, begun));
    if (!mine) return Conflict("another process fills these counters");
  }
  for (const auto& [org, families] : missing) {
    QP_ASSIGN_OR_RETURN(const int moved, Fill(org, policies, families, deadline));
    seeded->counters += moved;
    ++seeded->orgs;
  }
  if (filled != begun) {
    QP_ASSIGN_OR_RETURN(const bool still, marks_->Replace(partition.number, begun, filled));
    if (!still) return Conflict("the counters were lost again, or another fills them");
  }
  if (filled != SettledMark(policies, partition.own)) seeded->unsettled[partition.number] = filled;
  return absl::OkStatus();
}

absl::StatusOr<int> Seeding::Fill(const std::string& org, const PolicySet& policies,
                                  const Families& families, absl::Time deadline) {
  const absl::Duration left = std::min(deadline - absl::Now(), kPatience);
  QP_ASSIGN_OR_RETURN(const RebuiltOrg rebuilt,
                      Rebuild(org, *policies.For(org).policy, &families, left));
  return rebuilt.moved;
}

absl::Status Seeding::Settle(const PolicySet& policies, int partition, const std::string& mark,
                             absl::Time deadline) {
  QP_ASSIGN_OR_RETURN(const std::vector<std::string> all, ListAllOrgs(*database_));
  const OrgsByPartition orgs = ByPartition(all);
  const FillMark unsettled(mark);
  for (const std::string& org : orgs[partition]) {
    const Families families = unsettled.UnsettledOf(org, policies);
    if (families.empty()) continue;
    QP_RETURN_IF_ERROR(Fill(org, policies, families, deadline).status());
  }
  const std::string settled = SettledMark(policies, ByPartition(policies.OrgsWithOwn())[partition]);
  return marks_->Replace(partition, mark, settled).status();
}

}  // namespace quotaplane
