// The three things that are measured, each on real servers.
#pragma once

#include <cstdint>
#include <string>

#include "libs/sql/database.h"
#include "libs/testing/redis_server.h"
#include "tests/bench/ledger/backlog.h"
#include "tests/bench/ledger/results.h"

namespace quotaplane::bench {

// Lets the program's ledger role empty the outbox into the database, until `charges` of the
// backlog are acknowledged. `database_pid` is the postmaster, or 0. Aborts where nothing moves for
// a minute.
Drain MeasureDrain(const std::string& program, const fixtures::RedisServer& redis,
                   const std::string& ledger_url, pid_t database_pid, const Backlog& backlog,
                   int64_t charges);

// What the program's reports role says about the org's month, and exports of it: times of both, and
// the server's memory.
Month MeasureMonth(const std::string& program, const std::string& ledger_url);

// Aborts unless both rollups are the sums of the entries, each charge has its key, and, where the
// whole backlog was taken, the entries are the backlog.
void CheckBooks(sql::Database& database, const Backlog* whole);

}  // namespace quotaplane::bench
