// The Lua scripts of the outbox's readers. Each step is atomic: a message is in the stream, or put
// aside, or gone.
#pragma once

#include <vector>

#include "libs/redis/client.h"

namespace quotaplane {

struct OutboxScripts {
  OutboxScripts();

  // KEYS [1] outbox, [2] quarantine.  ARGV [1] id, [2] why.  Moves the message, if it
  // is still there; replies 1 if it was.
  redis::Script quarantine;

  // For redis::Client::Start; with it redis::AcknowledgeScript().
  std::vector<const redis::Script*> all() const;
};

// One instance for the process.
const OutboxScripts& GetOutboxScripts();

}  // namespace quotaplane
