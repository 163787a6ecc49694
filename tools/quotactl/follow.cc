#include "tools/quotactl/follow.h"

#include <cstdio>

namespace quotaplane::quotactl {
namespace {

// A stream that lasted so long was a connection: when it breaks, it is worth another.
constexpr absl::Duration kWasConnected = absl::Seconds(1);

// The server, or what it needs, is away or busy; or it was stopped in order.
bool MayPass(const grpc::Status& status) {
  return status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

}  // namespace

void Reopening::Took() {
  connected_ = true;
  told_ = false;
}

bool Reopening::IsWorthIt(const grpc::Status& status, absl::Duration lasted) {
  const bool lasting = lasted > kWasConnected;
  connected_ = connected_ || lasting;
  if (!connected_ || !MayPass(status)) return false;
  // The server ends each stream after a while: nothing is wrong then.
  if (client::ReasonOf(status) == "WATCH_ENDED") {
    told_ = false;
  } else if (!told_ || lasting) {
    std::fputs("the server went away; trying again\n", stderr);
    told_ = true;
  }
  return true;
}

absl::Status WriteLine(const std::string& line) {
  if (std::fputs(line.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    return absl::UnavailableError("stdout: cannot be written");
  }
  return absl::OkStatus();
}

}  // namespace quotaplane::quotactl
