// Keeps an eye on the books, beside the workers: fills what is new or was lost as soon as it is
// seen (libs/ledger/seeding.h), and compares one org after the other, all the time, a little at a
// time.
//
// Of all processes that share a store one does this at a time; the others look whether it still
// does. Its share of a thread is bounded: after a comparison that took t it rests for 19 t, so that
// the databases see one reader for at most a twentieth of the time. What it costs follows from that
// and nothing else; how long a round takes follows from how much there is to read, and is told.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/ledger/seeding.h"

namespace quotaplane {

struct BookWatchOptions {
  std::string owner;  // as Seeding's
  // Between looks at the policies and the marks.
  absl::Duration tick = absl::Seconds(1);
  // From the beginning of one round of comparisons to that of the next, at least.
  absl::Duration round_every = absl::Minutes(1);
  // Rest after a comparison, in multiples of what it took.
  int rest = 19;
  // How far behind the ledger may be before an org's books are called unknown.
  absl::Duration patience = absl::Seconds(5);
  // After it was seen that counters have been filled: when every replica surely has the policy too,
  // and they are filled once more.
  absl::Duration settle_after = absl::Seconds(5);
};

// How the books stand, by the last complete round of this process.
struct BookState {
  struct Drift {
    int64_t counters = 0;  // that differ
    int64_t sum = 0;       // of |counter - ledger|, held at the end of int64
    int64_t max = 0;
  };
  bool watching = false;  // this process does it
  bool filled = false;    // no counter waits to be filled from the ledger
  absl::Time checked = absl::InfinitePast();
  absl::Duration took;
  int64_t orgs = 0;
  int64_t unknown_orgs = 0;            // whose ledger was behind, or away
  int64_t counters = 0;                // compared
  std::map<std::string, Drift> drift;  // by unit, of every one that is compared
};

class BookWatch {
 public:
  using PoliciesOf = std::function<std::shared_ptr<const PolicySet>()>;

  // Starts one thread. All must outlive it; a `books->Stop()` makes its end quick.
  BookWatch(Books* books, Seeding* seeding, BookMarks* marks, sql::Database* database,
            PoliciesOf policies, BookWatchOptions options);
  ~BookWatch();

  // Fills what is new in policies that are about to take force, within `patience`. Thread-safe.
  absl::Status SeedAhead(const PolicySet& policies, absl::Duration patience);

  // Thread-safe.
  BookState state() const;

 private:
  void Run();
  // Whether this process is the one that watches.
  bool IsMine();
  void Fill(const PolicySet& policies);
  // The next org of the round, or the end of it.
  void CompareNext(const PolicySet& policies);
  void BeginRound(const PolicySet& policies);
  void EndRound();
  void Settle(const PolicySet& policies, const Seeded& seeded);

  Books* const books_;
  Seeding* const seeding_;
  BookMarks* const marks_;
  sql::Database* const database_;
  const PoliciesOf policies_;
  const BookWatchOptions options_;

  // The thread's own.
  std::string last_error_;
  std::vector<std::string> orgs_;
  size_t next_org_ = 0;
  bool in_round_ = false;
  absl::Time round_began_ = absl::InfinitePast();
  absl::Time rest_until_ = absl::InfinitePast();
  BookState round_;
  // Partitions that wait to be settled: the mark, and since when it has been that one.
  struct Unsettled {
    std::string mark;
    absl::Time since;
  };
  std::map<int, Unsettled> unsettled_;

  mutable absl::Mutex mutex_;
  BookState state_ ABSL_GUARDED_BY(mutex_);
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
