// The counter store's Lua scripts, put together from redis/scripts/*.lua. Each file's head is its
// contract.
#pragma once

#include <vector>

#include "libs/redis/client.h"

namespace quotaplane {

struct CounterScripts {
  CounterScripts();

  redis::Script reserve;
  redis::Script extend;
  redis::Script commit;
  redis::Script tell;
  redis::Script read;
  redis::Script settle;
  redis::Script due;
  redis::Script collect;
  redis::Script adjust;

  // For redis::Client::Start.
  std::vector<const redis::Script*> all() const;
};

// One instance for the process.
const CounterScripts& GetCounterScripts();

}  // namespace quotaplane
