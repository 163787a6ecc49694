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

// Many keys change in one step, and with them something else: who sees one of both changed sees the
// other too.
TEST(KeyRingConcurrentTest, AChangeIsSeenWhole) {
  for (const size_t count : {size_t{3}, size_t{2'000}}) {
    KeyRing ring;
    std::vector<NewSecret> secrets;
    for (size_t i = 0; i < count; ++i) secrets.push_back(MakeKey());
    std::atomic<int> other = 0;
    const auto put = [&](int round) {
      std::vector<KeyRing::Change> changes;
      for (const NewSecret& secret : secrets) {
        VirtualKey key;
        key.id = secret.id;
        key.org = "acme";
        key.team = std::to_string(round);
        key.hash = secret.hash;
        changes.push_back({secret.id, key});
      }
      ring.Update(std::move(changes), [&] { other = round; });
    };
    put(0);
    const auto seen = [&](const NewSecret& secret) {
      return std::stoi((*ring.Resolve(secret.text, 1, KeyUse::kSpend))->team);
    };
    std::atomic<bool> stop = false;
    std::atomic<int> mixed = 0, looks = 0;
    std::vector<std::thread> watchers;
    for (int i = 0; i < kResolvers; ++i) {
      watchers.emplace_back([&] {
        while (!stop) {
          const int first = seen(secrets.front());
          const int last = seen(secrets.back());
          const int with = other;
          const int again = seen(secrets.front());
          mixed += first <= last && last <= with && with <= again ? 0 : 1;
          ++looks;
        }
      });
    }
    while (looks < 100) std::this_thread::yield();
    for (int round = 1; round <= 50; ++round) put(round);
    stop = true;
    for (std::thread& watcher : watchers) watcher.join();
    EXPECT_EQ(mixed, 0) << count;
  }
}

}  // namespace
}  // namespace quotaplane
