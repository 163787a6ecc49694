// One call on its way: what goes over the wire, and who waits for the answer until when.
#pragma once

#include <cstdint>
#include <utility>

#include "libs/redis/client.h"
#include "libs/redis/resp.h"

namespace quotaplane::redis {

inline constexpr int kNoSlot = -1;  // for one node, whatever the slots

struct Request {
  ScriptCall call;                 // the encoded command; `tail` is for scripts only
  const Script* script = nullptr;  // set while it is an EVALSHA, which the server may not know
  SteadyTime deadline;
  SteadyTime began = {};  // when it was asked for; of the client's own: never
  Callback done;          // empty once the call has been answered (its late reply is then dropped)
  int slot = kNoSlot;     // Cluster
  bool internal = false;  // the client's own, not counted
  bool asking = false;    // Cluster: preceded by ASKING, whose reply is skipped
  int8_t redirections = 0;  // so far
};

}  // namespace quotaplane::redis
