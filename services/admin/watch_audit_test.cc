// How long a watcher watches.
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "libs/control/test_control.h"
#include "services/admin/state_calls.h"

namespace quotaplane {
namespace {

class WatchAuditTest : public ControlTest {
 protected:
  WatchAuditTest() {
    parts_.audit = std::make_unique<AuditLog>(db_.get());
    request_.set_org("acme");
  }

  // Of a call that began so long ago.
  absl::Status Watch(absl::Duration ago, const SendChunk& send) {
    AdminCall call = {parts_, caller_, "WatchAudit", absl::ToUnixMicros(absl::Now() - ago), 0};
    return WatchAudit(call, request_, send);
  }

  AdminParts parts_;
  const Caller caller_;
  v1::WatchAuditRequest request_;
};

TEST_P(WatchAuditTest, EndsByItself) {
  const absl::Status ended = Watch(absl::Minutes(10), [](auto) { return absl::OkStatus(); });
  EXPECT_EQ(CodeAndReason(ended), "UNAVAILABLE WATCH_ENDED");
}

TEST_P(WatchAuditTest, UntilThenItWaitsForMore) {
  int asked = 0;
  const absl::Status ended = Watch(absl::Minutes(9), [&](auto row) {
    EXPECT_EQ(row, nullptr);
    return ++asked < 3 ? absl::OkStatus() : absl::CancelledError("gone");
  });
  EXPECT_EQ(ended, absl::CancelledError("gone"));
}

QP_OVER_BOTH_DATABASES(WatchAuditTest);

}  // namespace
}  // namespace quotaplane
