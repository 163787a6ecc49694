// `quotaplane migrate`.
#pragma once

#include <string>

namespace quotaplane {

struct MigrateOptions {
  std::string ledger;    // URL
  bool dry_run = false;  // says what would be applied, and applies nothing
};

// Says on standard output from which version to which, and which programs work with it. Gives the
// process's exit code.
int MigrateLedger(const MigrateOptions& options);

}  // namespace quotaplane
