#include "libs/ledger/seeding.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/orgs.h"
#include "libs/policy/counter_identity.h"

namespace quotaplane {
namespace {

constexpr char kLease[] = "repair";
// Longer than the patience of any comparison; kept while it lasts.
constexpr absl::Duration kLeaseTime = absl::Minutes(2);
constexpr absl::Duration kAskAgain = absl::Milliseconds(50);
constexpr absl::Duration kPatience = absl::Seconds(20);

// Marks: 'b' and the families' digests in order; or 's' and who is filling the partition.
constexpr char kFilled = 'b';
constexpr char kFilling = 's';
constexpr size_t kDigestBytes = sizeof(Digest::bytes);

bool IsCompared(const Limit& limit) {
  return limit.unit.kind != UnitKind::kConcurrency && limit.window.kind != WindowKind::kSliding;
}

std::string MarkOf(const Families& families) {
  std::vector<std::string_view> sorted;
  for (const Digest& family : families) sorted.push_back(family.view());
  std::sort(sorted.begin(), sorted.end());
  std::string mark(1, kFilled);
  for (const std::string_view one : sorted) mark += one;
  return mark;
}

bool IsFilled(const std::string& mark) { return !mark.empty() && mark[0] == kFilled; }

// Those of `wanted` that the mark does not have.
Families MissingIn(const std::string& mark, const Families& wanted) {
  if (!IsFilled(mark)) return wanted;
  Families missing = wanted;
  for (size_t at = 1; at + kDigestBytes <= mark.size(); at += kDigestBytes) {
    Digest family;
    std::copy_n(mark.begin() + static_cast<ptrdiff_t>(at), kDigestBytes, family.bytes.begin());
    missing.erase(family);
  }
  return missing;
}

absl::Status Conflict(std::string_view why) {
  return ReasonedError(absl::StatusCode::kAborted, "REPAIR_CONFLICT", why);
}

std::vector<BookLine> LinesOf(const std::vector<BookLine>& lines, const Policy& policy,
                              const Families& families) {
  const std::vector<Limit>& all = policy.document().limits;
  const std::vector<Digest> family = CounterFamilies(policy.document());
  absl::flat_hash_set<std::string_view> limits;
  for (size_t i = 0; i < all.size(); ++i) {
    if (families.contains(family[i])) limits.insert(all[i].id);
  }
  std::vector<BookLine> kept;
  for (const BookLine& line : lines) {
    if (limits.contains(line.limit_id)) kept.push_back(line);
  }
  return kept;
}

}  // namespace

Families ComparedFamilies(const Policy& policy) {
  const std::vector<Limit>& limits = policy.document().limits;
  const std::vector<Digest> family = CounterFamilies(policy.document());
  Families families;
  for (size_t i = 0; i < limits.size(); ++i) {
    if (IsCompared(limits[i])) families.insert(family[i]);
  }
  return families;
}

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

absl::StatusOr<Seeding::OrgsByPartition> Seeding::Orgs() {
  QP_ASSIGN_OR_RETURN(const std::vector<std::string> all, ListAllOrgs(*database_));
  OrgsByPartition orgs(marks_->partitions());
  for (const std::string& org : all) orgs[marks_->PartitionOfOrg(org)].push_back(org);
  return orgs;
}

absl::StatusOr<Seeded> Seeding::Seed(const Policy& policy, absl::Time deadline) {
  const Families wanted = ComparedFamilies(policy);
  const std::string done = MarkOf(wanted);
  QP_ASSIGN_OR_RETURN(const std::vector<std::string> marks, marks_->ReadAll());
  Seeded seeded;
  if (std::all_of(marks.begin(), marks.end(), [&](const auto& mark) { return mark == done; })) {
    return seeded;
  }
  QP_ASSIGN_OR_RETURN(const OrgsByPartition orgs, Orgs());
  absl::Status first;
  for (size_t i = 0; i < marks.size() && absl::Now() < deadline; ++i) {
    if (marks[i] == done) continue;
    first.Update(SeedPartition(static_cast<int>(i), marks[i], policy, orgs, deadline, &seeded));
  }
  if (first.ok() && absl::Now() >= deadline) {
    first = absl::DeadlineExceededError("not every counter was filled in time");
  }
  if (!first.ok()) return first;
  return seeded;
}

absl::Status Seeding::SeedPartition(int partition, const std::string& mark, const Policy& policy,
                                    const OrgsByPartition& orgs, absl::Time deadline,
                                    Seeded* seeded) {
  const Families wanted = ComparedFamilies(policy);
  const Families missing = MissingIn(mark, wanted);
  std::string begun = mark;
  if (!missing.empty() && !IsFilled(mark)) {
    // Lost again in the middle of it, the partition must not count as filled: this is lost with it.
    begun = absl::StrCat(std::string(1, kFilling), owner_, "/", absl::ToUnixNanos(absl::Now()));
    QP_ASSIGN_OR_RETURN(const bool mine, marks_->Replace(partition, mark, begun));
    if (!mine) return Conflict("another process fills these counters");
  }
  if (!missing.empty()) {
    QP_ASSIGN_OR_RETURN(const int moved, RebuildAll(orgs[partition], policy, missing, deadline));
    seeded->counters += moved;
    seeded->orgs += static_cast<int>(orgs[partition].size());
  }
  QP_ASSIGN_OR_RETURN(const bool still, marks_->Replace(partition, begun, MarkOf(wanted)));
  if (!still) return Conflict("the counters were lost again, or another fills them");
  if (!missing.empty() && !orgs[partition].empty()) seeded->parts.push_back({partition, missing});
  return absl::OkStatus();
}

absl::StatusOr<int> Seeding::RebuildAll(const std::vector<std::string>& orgs, const Policy& policy,
                                        const Families& families, absl::Time deadline) {
  int moved = 0;
  for (const std::string& org : orgs) {
    const absl::Duration left = std::min(deadline - absl::Now(), kPatience);
    QP_ASSIGN_OR_RETURN(const RebuiltOrg rebuilt, Rebuild(org, policy, &families, left));
    moved += rebuilt.moved;
  }
  return moved;
}

absl::Status Seeding::SeedAgain(const Policy& policy, const Seeded& seeded, absl::Time deadline) {
  QP_ASSIGN_OR_RETURN(const OrgsByPartition orgs, Orgs());
  for (const Seeded::Part& part : seeded.parts) {
    QP_RETURN_IF_ERROR(RebuildAll(orgs[part.partition], policy, part.families, deadline).status());
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
