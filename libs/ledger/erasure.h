// Erases a person: a random pseudonym takes the place of the user's name, everywhere in the ledger,
// and no total changes.
//
// Replaced, in one transaction: user_name in entries, refusals and sums; where it equals the name,
// also the API key and the values of labels, whoever's entry or refusal they stand on; in the
// person's own entries the name where it is part of the reservation id or of the reason of a
// correction. Kept: what cannot be known to name a person (team, project, an API key of another
// name), and the audit's actors. Entries stay findable by their reservation id, since its digest is
// what names a charge.
//
// What is on its way (outbox, spool) is written under the pseudonym, if it was accepted before the
// erasure (or, of a refusal, was counted for a minute that began before it): the ledger keeps a
// digest of the name, with a salt of this database, for that, and so that a second erasure finds
// the same pseudonym. Whoever has the database and a guess at the name can confirm it: this is a
// pseudonym, as the law calls it. Use by the same name after the erasure is a new person's, until
// it is erased too.
//
// What else in the database has names is replaced in the same transaction by whoever knows it:
// alerts and what comes of them (AlsoErase).
//
// Live counters know names by digests alone. They follow (books.h): what the name has in present
// calendar periods and lifetimes goes to the pseudonym; sliding windows let go by themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/admission/admission.h"
#include "libs/ledger/books.h"
#include "libs/ledger/erasure_sql.h"
#include "libs/ledger/outbox.h"
#include "libs/policy/policy.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct ErasureRequest {
  std::string org;
  std::string user;   // 1 to 128 bytes, no control characters
  std::string actor;  // as Adjustment's
};

// What stands beside the ledger: after its rows, before the commit. Returns how many rows changed.
using AlsoErase =
    std::function<absl::StatusOr<int64_t>(sql::Transaction& transaction, const Person& person)>;

struct ErasureOutcome {
  std::string pseudonym;  // "erased-" and 16 hexadecimal digits
  // Had been erased before, and there was nothing new.
  bool replayed = false;
  int64_t entries = 0;   // changed
  int64_t counters = 0;  // moved
  // Records that were put aside and still have the name: somebody has to delete or mend them
  // (the stream {pN}q of the org's partition). Those that nobody can read are counted too.
  int64_t quarantined = 0;
};

// Thread-safe as its parts are. Blocks; writers of the ledger wait meanwhile (charges stay in the
// outbox): about a minute for ten million entries of the org.
class Erasure {
 public:
  // All must outlive it.
  Erasure(sql::Database* database, Books* books, OutboxState* outbox, const ChargeCodec* codec,
          AlsoErase also = nullptr)
      : database_(database),
        books_(books),
        outbox_(outbox),
        codec_(codec),
        also_(std::move(also)) {}

  // `policy` is the one in force; `now_us` the counter store's clock, as far as it is known;
  // `patience` how long to wait for charges in the outbox. INVALID_ARGUMENT (a FieldError on org,
  // user, actor): a rule is broken, or `user` is a pseudonym already. Others are the database's,
  // and leave the ledger as it was or erased as a whole. If the store is away, or the ledger behind
  // (DEADLINE_EXCEEDED), the ledger is erased and the counters are not: call again.
  absl::StatusOr<ErasureOutcome> Erase(const ErasureRequest& request, const Policy& policy,
                                       int64_t now_us, absl::Duration patience);

 private:
  sql::Database* const database_;
  Books* const books_;
  OutboxState* const outbox_;
  const ChargeCodec* const codec_;
  const AlsoErase also_;
};

}  // namespace quotaplane
