// What a watcher is sent: what is open, in the order of its changes, then what changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/alerts/test_calls.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AlertWatchCallsTest : public AlertCallsTest {
 protected:
  // "A-1", in the order in which they came, until the watcher has nothing to wait for: `idle` runs
  // each time when there is nothing more, and ends it by false.
  std::vector<std::string> Watch(int64_t after_sequence, const std::function<bool()>& idle) {
    std::vector<std::string> seen;
    AlertCall call = CallOf("WatchAlerts", absl::ToUnixMicros(absl::Now()));
    v1::WatchAlertsRequest request;
    request.set_org("acme");
    request.set_after_sequence(after_sequence);
    const absl::Status watched =
        WatchAlerts(call, request, [&](std::unique_ptr<google::protobuf::Message> message) {
          if (message == nullptr) return idle() ? absl::OkStatus() : absl::CancelledError("enough");
          const auto& alert = static_cast<const v1::Alert&>(*message);
          seen.push_back(absl::StrCat(alert.alert_id(), " ", alert.sequence()));
          return absl::OkStatus();
        });
    EXPECT_TRUE(absl::IsCancelled(watched)) << watched;
    return seen;
  }
  // The listing ends with one look whether anybody waits, the changes with the next.
  std::vector<std::string> WatchAtFirst() {
    int looks = 0;
    return Watch(0, [&] { return ++looks < 2; });
  }
  void Over(const std::string& user) {
    now_us_ += 1'000'000;
    Signal over = SignalOf(user);
    over.over = true;
    Record({over});
  }
};
QP_OVER_BOTH_DATABASES(AlertWatchCallsTest);

TEST_P(AlertWatchCallsTest, TheFirstListingIsOfWhatIsOpenInTheOrderOfChanges) {
  Record({SignalOf("alice"), SignalOf("bob"), SignalOf("carol"), SignalOf("dora")});  // 1 to 4
  Signal other = SignalOf("alice");
  other.org = "globex";
  Record({other});  // 5
  Over("bob");      // 6
  now_us_ += 1'000'000;
  Record({SignalOf("alice")});  // told again: 7
  EXPECT_THAT(WatchAtFirst(), ElementsAre("A-3 3", "A-4 4", "A-1 7"));
  // Asked for, what ended comes too.
  EXPECT_THAT(Watch(4, [] { return false; }), ElementsAre("A-2 6", "A-1 7"));
  EXPECT_THAT(Watch(7, [] { return false; }), IsEmpty());
}

TEST_P(AlertWatchCallsTest, WhatChangesDuringTheListingComesAfterIt) {
  Record({SignalOf("alice"), SignalOf("bob")});
  int looks = 0;
  const auto seen = Watch(0, [&] {
    if (++looks == 1) Over("alice");
    return looks < 2;
  });
  EXPECT_THAT(seen, ElementsAre("A-1 1", "A-2 2", "A-1 3"));
}

TEST_P(AlertWatchCallsTest, ManyAreListedOnceEach) {
  std::vector<std::string> want;
  for (int batch = 0; batch < 3; ++batch) {
    std::vector<Signal> signals;
    for (int i = 0; i < 400; ++i) signals.push_back(SignalOf(absl::StrCat("u", batch, "-", i)));
    for (const int64_t number : Record(signals)) {
      want.push_back(absl::StrCat("A-", number, " ", number));
    }
  }
  int looks = 0;
  EXPECT_EQ(Watch(0, [&] { return ++looks < 4; }), want);
}

TEST_P(AlertWatchCallsTest, ResolvedAlertsAreNotReadForIt) {
  Record({SignalOf("alice"), SignalOf("bob")});
  Over("alice");
  EXPECT_THAT(*parts_.alerts->OpenInOrder(*db_, "acme"), ElementsAre(2));
  EXPECT_THAT(*parts_.alerts->OpenInOrder(*db_, "globex"), IsEmpty());
  const std::vector<int64_t> numbers = {1, 2, 3};
  const auto open = parts_.alerts->OpenOf(*db_, "acme", numbers);
  ASSERT_TRUE(open.ok()) << open.status();
  ASSERT_EQ(open->size(), 1);
  EXPECT_EQ((*open)[0].number, 2);
  EXPECT_THAT(*parts_.alerts->OpenOf(*db_, "globex", numbers), IsEmpty());
}

}  // namespace
}  // namespace quotaplane
