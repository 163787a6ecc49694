// Counters filled from the ledger: after a loss of the store, and for limits that are new.
//
// Which counters have been filled is written down beside them, for each partition: the families
// (libs/policy/counter_identity.h) of all limits that count calendar periods or lifetimes. A policy
// with a family that is not there has a new limit; a partition with no mark has lost its counters,
// or never had any. Both are answered alike: compare, and move what differs. That is exact whatever
// is charged meanwhile (libs/ledger/books.h), so it may be done before a policy takes force, and
// again after.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/ledger/book_marks.h"
#include "libs/ledger/books.h"
#include "libs/sql/database.h"

namespace quotaplane {

using Families = absl::flat_hash_set<Digest>;

// Of the limits whose books are compared.
Families ComparedFamilies(const Policy& policy);

struct RebuiltOrg {
  std::vector<BookLine> lines;  // as they were before
  int moved = 0;
};

// What one call of Seed filled.
struct Seeded {
  struct Part {
    int partition = 0;
    Families families;
  };
  std::vector<Part> parts;
  int orgs = 0;
  int counters = 0;  // that were moved
};

// Thread-safe. Blocks.
class Seeding {
 public:
  // All must outlive it. `owner` names this process among all that share the store.
  Seeding(Books* books, BookMarks* marks, sql::Database* database, std::string owner);

  // Compares the org's books and moves the counters that differ; only those of `families`, if
  // given. Nobody else does so in this partition at the same time. ABORTED, reason REPAIR_CONFLICT:
  // somebody else is at it all the time, or took over in the middle of it; then nothing was moved.
  // Otherwise as Books.
  absl::StatusOr<RebuiltOrg> Rebuild(const std::string& org, const Policy& policy,
                                     const Families* families, absl::Duration patience);

  // Runs `work` while nobody repairs counters of the org's partition. `work` gets a function that
  // says whether that still holds. ABORTED as above; otherwise what `work` returns.
  using StillAlone = absl::FunctionRef<absl::Status()>;
  absl::Status Alone(const std::string& org, absl::Time deadline,
                     absl::FunctionRef<absl::Status(StillAlone)> work);

  // Fills what the marks do not have, and marks it. The first error; then some may have been
  // filled, and the next call goes on. Without anything to do it reads the marks and that is all.
  absl::StatusOr<Seeded> Seed(const Policy& policy, absl::Time deadline);
  // Once more what an earlier call filled: for what was charged by replicas that did not have the
  // policy yet.
  absl::Status SeedAgain(const Policy& policy, const Seeded& seeded, absl::Time deadline);

 private:
  using OrgsByPartition = std::vector<std::vector<std::string>>;

  absl::StatusOr<OrgsByPartition> Orgs();
  // One partition: `mark` is what it has now.
  absl::Status SeedPartition(int partition, const std::string& mark, const Policy& policy,
                             const OrgsByPartition& orgs, absl::Time deadline, Seeded* seeded);
  absl::StatusOr<int> RebuildAll(const std::vector<std::string>& orgs, const Policy& policy,
                                 const Families& families, absl::Time deadline);

  Books* const books_;
  BookMarks* const marks_;
  sql::Database* const database_;
  const std::string owner_;
  std::atomic<int64_t> calls_ = 0;
};

}  // namespace quotaplane
