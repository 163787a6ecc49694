// `quotaplane migrate`.
#pragma once

#include <string>

namespace quotaplane {

// Says on standard output from which version to which. Gives the process's exit code.
int MigrateLedger(const std::string& url);

}  // namespace quotaplane
