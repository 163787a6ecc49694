// What the ledger role is made of once its database is open.
#pragma once

#include <memory>

#include "libs/ledger/adjuster.h"
#include "libs/ledger/book_watch.h"
#include "libs/ledger/books.h"
#include "libs/ledger/erasure.h"
#include "libs/ledger/ledger_worker.h"
#include "libs/ledger/ledger_writer.h"
#include "libs/ledger/pending_moves.h"
#include "libs/ledger/rerate.h"
#include "libs/ledger/seeding.h"
#include "libs/ledger/upkeep.h"
#include "libs/sql/database.h"
#include "services/ledger/spend_watch.h"

namespace quotaplane {

// In the order in which they are made: later ones use earlier ones. The last four have threads.
struct LedgerParts {
  // Ends the comparisons under way, so that the threads that wait for them end soon.
  ~LedgerParts() {
    if (books != nullptr) books->Stop();
  }

  std::unique_ptr<sql::Database> database;
  std::unique_ptr<LedgerWriter> writer;
  std::unique_ptr<Books> books;
  std::unique_ptr<Seeding> seeding;
  std::unique_ptr<Adjuster> adjuster;
  std::unique_ptr<Rerater> rerater;
  std::unique_ptr<Erasure> erasure;
  std::unique_ptr<PendingMoves> moves;
  std::unique_ptr<Upkeep> upkeep;
  std::unique_ptr<BookWatch> watch;
  std::unique_ptr<SpendWatch> spend;
  std::unique_ptr<LedgerWorker> worker;
};

}  // namespace quotaplane
