// The subcommands. Each function adds one to the program; when the command line asks for it,
// `*work` becomes what it does. `globals` is filled in by then, and outlives the work.
#pragma once

#include <CLI/CLI.hpp>

#include "tools/quotactl/globals.h"

namespace quotaplane::quotactl {

// request_commands.cc: before and during a request.
void AddReserve(CLI::App& app, const Globals& globals, Work* work);
void AddCheck(CLI::App& app, const Globals& globals, Work* work);
void AddExtend(CLI::App& app, const Globals& globals, Work* work);

// settle_commands.cc: after it.
void AddCommit(CLI::App& app, const Globals& globals, Work* work);
void AddRelease(CLI::App& app, const Globals& globals, Work* work);
void AddRecord(CLI::App& app, const Globals& globals, Work* work);

// usage_command.cc
void AddUsage(CLI::App& app, const Globals& globals, Work* work);

// replay_command.cc
void AddReplay(CLI::App& app, const Globals& globals, Work* work);

// report_command.cc: what was spent. Adds export_command.cc's, which write files,
// statement_command.cc's, which close months, and reconcile_command.cc's.
void AddReport(CLI::App& app, const Globals& globals, Work* work);
void AddReportExports(CLI::App& report, const Globals& globals, Work* work);
void AddStatements(CLI::App& report, const Globals& globals, Work* work);

// books_command.cc: whether ledger and counters agree, and what puts that right.
void AddVerify(CLI::App& app, const Globals& globals, Work* work);
void AddRebuildCounters(CLI::App& app, const Globals& globals, Work* work);
void AddLedger(CLI::App& app, const Globals& globals, Work* work);

// correct_command.cc: corrections, and erasing a person.
void AddAdjust(CLI::App& app, const Globals& globals, Work* work);
void AddRerate(CLI::App& app, const Globals& globals, Work* work);
void AddEraseUser(CLI::App& app, const Globals& globals, Work* work);

// reconcile_command.cc: a provider's export against the ledger.
void AddReconcile(CLI::App& report, const Globals& globals, Work* work);

// login_command.cc: login and logout, a token for each server.
void AddLogin(CLI::App& app, const Globals& globals, Work* work);

// token_command.cc: makes tokens; no server.
void AddToken(CLI::App& app, const Globals& globals, Work* work);

// What is in force, changed under version control: policy_version_command.cc, policy_try_command.cc
// and price_book_command.cc add theirs to `policy` and `prices`.
void AddPolicyVersions(CLI::App& policy, const Globals& globals, Work* work);
void AddPolicyTrials(CLI::App& policy, const Globals& globals, Work* work);
void AddPriceBooks(CLI::App& prices, const Globals& globals, Work* work);
void AddLimits(CLI::App& app, const Globals& globals, Work* work);
void AddException(CLI::App& app, const Globals& globals, Work* work);
void AddKey(CLI::App& app, const Globals& globals, Work* work);
void AddState(CLI::App& app, const Globals& globals, Work* work);
void AddAudit(CLI::App& app, const Globals& globals, Work* work);

// health_command.cc: whether a server takes calls.
void AddHealth(CLI::App& app, const Globals& globals, Work* work);

// log_command.cc: what servers log.
void AddLog(CLI::App& app, const Globals& globals, Work* work);

// alert_command.cc: what is wrong with spend. Adds silence_command.cc's and delivery_command.cc's.
void AddAlert(CLI::App& app, const Globals& globals, Work* work);
void AddSilences(CLI::App& alert, const Globals& globals, Work* work);
void AddDeliveries(CLI::App& alert, const Globals& globals, Work* work);

// anomaly_command.cc: detectors on files and made-up companies; no server.
void AddAnomaly(CLI::App& app, const Globals& globals, Work* work);

// policy_command.cc, prices_command.cc: what needs a file only, no server.
void AddPolicy(CLI::App& app, const Globals& globals, Work* work);
void AddPrices(CLI::App& app, const Globals& globals, Work* work);

}  // namespace quotaplane::quotactl
