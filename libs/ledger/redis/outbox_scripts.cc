#include "libs/ledger/redis/outbox_scripts.h"

namespace quotaplane {
namespace {

// In portions, since Lua's stack is finite.
constexpr char kAcknowledge[] = R"(
local gone = 0
for from = 1, #ARGV, 1000 do
  local to = math.min(from + 999, #ARGV)
  redis.call('XACK', KEYS[1], 'ledger', unpack(ARGV, from, to))
  gone = gone + redis.call('XDEL', KEYS[1], unpack(ARGV, from, to))
end
return gone
)";

constexpr char kQuarantine[] = R"(
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found > 0 then
  local fields = found[1][2]
  fields[#fields + 1] = 'why'
  fields[#fields + 1] = ARGV[2]
  redis.call('XADD', KEYS[2], '*', unpack(fields))
end
redis.call('XACK', KEYS[1], 'ledger', ARGV[1])
redis.call('XDEL', KEYS[1], ARGV[1])
return #found
)";

}  // namespace

OutboxScripts::OutboxScripts() : acknowledge(kAcknowledge), quarantine(kQuarantine) {}

std::vector<const redis::Script*> OutboxScripts::all() const { return {&acknowledge, &quarantine}; }

const OutboxScripts& GetOutboxScripts() {
  static const OutboxScripts* const kScripts = new OutboxScripts;
  return *kScripts;
}

}  // namespace quotaplane
