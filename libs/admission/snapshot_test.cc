#include "libs/admission/snapshot.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace quotaplane {
namespace {

std::shared_ptr<const Policy> SomePolicy() { return *Policy::Build({}); }

SnapshotHolder SomeHolder() {
  absl::StatusOr<std::shared_ptr<const PriceBook>> prices = PriceBook::Build("v1", {});
  return SnapshotHolder({std::make_shared<const PolicySet>(SomePolicy()), *prices});
}

TEST(SnapshotHolderTest, AChangeOfOnePartLeavesTheOther) {
  SnapshotHolder holder = SomeHolder();
  const std::shared_ptr<const Snapshot> first = holder.Get();
  holder.UpdatePolicies(
      [](const PolicySet& present) { return present.WithPolicy("acme", 1, SomePolicy()); });
  const std::shared_ptr<const Snapshot> second = holder.Get();
  EXPECT_EQ(second->policies->For("acme").version, 1);
  EXPECT_EQ(second->prices, first->prices);
  EXPECT_EQ(first->policies->For("acme").version, 0);
  holder.SetPrices(*PriceBook::Build("v1", {}));
  EXPECT_EQ(holder.Get()->policies, second->policies);
  EXPECT_NE(holder.Get()->prices, second->prices);
}

// Files, and the control plane, change parts of it at the same time: none is lost, and readers see
// whole snapshots.
TEST(SnapshotHolderTest, NoChangeIsLost) {
  constexpr int kWriters = 3, kChanges = 50;
  SnapshotHolder holder = SomeHolder();
  std::atomic<bool> done = false;
  std::thread reader([&] {
    size_t most = 0;
    while (!done) {
      const size_t orgs = holder.Get()->policies->OrgsWithOwn().size();
      EXPECT_GE(orgs, most);
      most = orgs;
    }
  });
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      const std::shared_ptr<const Policy> policy = SomePolicy();
      for (int i = 0; i < kChanges; ++i) {
        const std::string org = std::to_string(writer) + "/" + std::to_string(i);
        holder.UpdatePolicies(
            [&](const PolicySet& present) { return present.WithPolicy(org, 1, policy); });
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  EXPECT_EQ(holder.Get()->policies->OrgsWithOwn().size(), size_t{kWriters} * kChanges);
}

}  // namespace
}  // namespace quotaplane
