// Counters filled from the ledger: after a loss of the store, and for limits that are new.
//
// Which counters have been filled is written down beside them, for each partition, by family and
// org (fill_marks.h). A policy with a family that is not there has a new limit; a partition with no
// mark has lost its counters, or never had any. Both are answered alike: compare, and move what
// differs. That is exact whatever is charged meanwhile (libs/ledger/books.h), so it may be done
// before a policy takes force, and again after, when every replica surely has it: the marks say
// what waits for that, so that it is done whoever is killed. What is new in one org's own policy is
// filled for that org alone.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/ledger/book_marks.h"
#include "libs/ledger/books.h"
#include "libs/ledger/fill_marks.h"
#include "libs/policy/policy_set.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct RebuiltOrg {
  std::vector<BookLine> lines;  // as they were before
  int moved = 0;
};

struct Seeded {
  // What one call of Seed filled.
  int orgs = 0;
  int counters = 0;  // that were moved
  // Partitions, with their marks, that wait to be settled, whoever filled them.
  std::map<int, std::string> unsettled;
};

// Thread-safe. Blocks.
class Seeding {
 public:
  // All must outlive it. `owner` names this process among all that share the store.
  Seeding(Books* books, BookMarks* marks, sql::Database* database, std::string owner);

  // Compares the org's books by `policy` and moves the counters that differ; only those of
  // `families`, if given. Nobody else does so in this partition at the same time. ABORTED, reason
  // REPAIR_CONFLICT: somebody else is at it all the time, or took over in the middle of it; then
  // nothing was moved. Otherwise as Books.
  absl::StatusOr<RebuiltOrg> Rebuild(const std::string& org, const Policy& policy,
                                     const Families* families, absl::Duration patience);

  // Runs `work` while nobody repairs counters of the org's partition. `work` gets a function that
  // says whether that still holds. ABORTED as above; otherwise what `work` returns.
  using StillAlone = absl::FunctionRef<absl::Status()>;
  absl::Status Alone(const std::string& org, absl::Time deadline,
                     absl::FunctionRef<absl::Status(StillAlone)> work);

  // Fills what the marks do not have, and marks it. The first error; then some may have been
  // filled, and the next call goes on. Without anything to do it reads the marks and that is all.
  absl::StatusOr<Seeded> Seed(const PolicySet& policies, absl::Time deadline);
  // Fills once more what the mark of this partition has as unsettled, for what was charged by
  // replicas that did not have the policy yet, and marks it settled. Nothing where the partition
  // has another mark by now.
  absl::Status Settle(const PolicySet& policies, int partition, const std::string& mark,
                      absl::Time deadline);

 private:
  using OrgsByPartition = std::vector<std::vector<std::string>>;
  struct Partition {
    int number = 0;
    const std::string& mark;
    const std::vector<std::string>& own;  // orgs with a policy of their own
    const std::vector<std::string>& orgs;
  };

  OrgsByPartition ByPartition(const std::vector<std::string>& orgs) const;
  absl::Status SeedPartition(const Partition& partition, const PolicySet& policies,
                             absl::Time deadline, Seeded* seeded);
  // Some families of one org.
  absl::StatusOr<int> Fill(const std::string& org, const PolicySet& policies,
                           const Families& families, absl::Time deadline);

  Books* const books_;
  BookMarks* const marks_;
  sql::Database* const database_;
  const std::string owner_;
  std::atomic<int64_t> calls_ = 0;
};

}  // namespace quotaplane
