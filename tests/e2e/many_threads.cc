#include "tests/e2e/many_threads.h"

#include <cstdio>
#include <cstdlib>
#include <latch>
#include <thread>
#include <vector>

namespace quotaplane::fixtures {

void OnThreads(int count, const std::function<void(int)>& body) {
  std::latch start(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      body(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

uint64_t TestSeed(uint64_t otherwise) {
  const char* given = std::getenv("QUOTAPLANE_TEST_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
  std::printf("seed %llu (QUOTAPLANE_TEST_SEED sets another)\n",
              static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace quotaplane::fixtures
