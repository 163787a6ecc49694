#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "libs/base/error.h"
#include "libs/keys/key_ring.h"

namespace quotaplane {
namespace {

constexpr int kResolvers = 3;
constexpr int kOthers = 500;

// A key is revoked while others resolve it: nobody resolves it after the revocation was put, and
// nobody sees anything but the key in force or its end.
TEST(KeyRingConcurrentTest, RevocationWhileOthersResolve) {
  KeyRing ring;
  const NewSecret fresh = MakeKey();
  VirtualKey key;
  key.id = fresh.id;
  key.org = "acme";
  key.hash = fresh.hash;
  ring.Put(key);

  std::atomic<bool> revoked = false;
  std::atomic<int> running = 0;
  std::atomic<int> good = 0, ended = 0, wrong = 0;
  std::vector<std::thread> resolvers;
  for (int i = 0; i < kResolvers; ++i) {
    resolvers.emplace_back([&] {
      ++running;
      // Each sees the end a few times.
      for (int ends = 0; ends < 100;) {
        const bool before = revoked;
        const auto resolved = ring.Resolve(fresh.text, 1, KeyUse::kSpend);
        if (resolved.ok()) {
          wrong += before || (*resolved)->revoked || (*resolved)->org != "acme" ? 1 : 0;
          ++good;
        } else {
          wrong += ReasonOf(resolved.status()) == "KEY_REVOKED" ? 0 : 1;
          ++ends;
          ++ended;
        }
        wrong += ring.Resolve(fresh.text, 1, KeyUse::kSettle).ok() ? 0 : 1;
      }
    });
  }
  while (running < kResolvers || good < 100) std::this_thread::yield();
  // The map grows and shrinks meanwhile.
  std::vector<std::string> ids;
  for (int i = 0; i < kOthers; ++i) {
    const NewSecret other = MakeKey();
    VirtualKey more;
    more.id = other.id;
    more.org = "globex";
    more.hash = other.hash;
    ring.Put(more);
    ids.push_back(other.id);
  }
  key.revoked = true;
  ring.Put(key);
  revoked = true;
  for (const std::string& id : ids) ring.Erase(id);
  for (std::thread& resolver : resolvers) resolver.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(ended, kResolvers * 100);
  EXPECT_EQ(ring.size(), 1u);
}

}  // namespace
}  // namespace quotaplane
