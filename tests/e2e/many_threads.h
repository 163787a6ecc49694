// What tests with many clients share: threads that start together, and a seed that is printed.
#pragma once

#include <cstdint>
#include <functional>

namespace quotaplane::fixtures {

// Runs body(0) … body(count - 1), each on a thread of its own, all released at once; returns when
// all have ended.
void OnThreads(int count, const std::function<void(int)>& body);

// From QUOTAPLANE_TEST_SEED, or `otherwise`; printed.
uint64_t TestSeed(uint64_t otherwise);

}  // namespace quotaplane::fixtures
