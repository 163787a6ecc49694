#include "services/rpc/work_pool.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"

namespace quotaplane {
namespace {

TEST(WorkPool, RefusesMoreThanItsQueueHolds) {
  WorkPool pool(1, 2);
  absl::Notification started, go;
  absl::BlockingCounter done(3);
  ASSERT_TRUE(pool.Add([&] {
    started.Notify();
    go.WaitForNotification();
    done.DecrementCount();
  }));
  started.WaitForNotification();
  EXPECT_TRUE(pool.Add([&] { done.DecrementCount(); }));
  EXPECT_TRUE(pool.Add([&] { done.DecrementCount(); }));
  EXPECT_FALSE(pool.Add([] {}));
  go.Notify();
  done.Wait();
}

TEST(WorkPool, ItsEndWaitsForWorkUnderWayAndDropsTheRest) {
  absl::Notification started, go;
  std::atomic<int> ran = 0;
  std::thread release;
  {
    WorkPool pool(1, 8);
    ASSERT_TRUE(pool.Add([&] {
      started.Notify();
      go.WaitForNotification();
      ++ran;
    }));
    started.WaitForNotification();
    // The one thread is busy until `go`: this waits in the queue, or is refused once it ends.
    ASSERT_TRUE(pool.Add([&] { ran += 100; }));
    release = std::thread([&] {
      while (pool.Add([&] { ran += 100; })) continue;
      go.Notify();
    });
  }
  release.join();
  EXPECT_EQ(ran % 100, 1);
}

}  // namespace
}  // namespace quotaplane
