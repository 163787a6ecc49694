// What org `bench` has: a limit of requests a day by user, with overrides, and keys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/keys/virtual_key.h"

namespace quotaplane::bench {

// What the policy gives a user: that many, or nothing.
inline constexpr int64_t kPlenty = 1'000'000'000;
inline constexpr int64_t kNothing = 0;

// The users of `refused` get nothing, `somebody` and all others plenty; of `overrides` more users
// each has an amount of its own.
std::string PolicyState(int64_t overrides, const std::vector<std::string>& refused);
std::string KeysState(const std::vector<NewSecret>& secrets);

}  // namespace quotaplane::bench
