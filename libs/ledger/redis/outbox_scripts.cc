#include "libs/ledger/redis/outbox_scripts.h"

#include "libs/redis/stream_group.h"

namespace quotaplane {
namespace {

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

OutboxScripts::OutboxScripts() : quarantine(kQuarantine) {}

std::vector<const redis::Script*> OutboxScripts::all() const {
  return {&redis::AcknowledgeScript(), &quarantine};
}

const OutboxScripts& GetOutboxScripts() {
  static const OutboxScripts* const kScripts = new OutboxScripts;
  return *kScripts;
}

}  // namespace quotaplane
