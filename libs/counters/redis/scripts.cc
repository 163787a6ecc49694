#include "libs/counters/redis/scripts.h"

#include <initializer_list>
#include <string>
#include <string_view>

#include "script_sources.inc"

namespace quotaplane {
namespace {

std::string Join(std::initializer_list<std::string_view> parts) {
  std::string joined;
  for (std::string_view part : parts) joined += part;
  return joined;
}

}  // namespace

CounterScripts::CounterScripts()
    : reserve(Join({kPrelude, kRefusal, kReserve})),
      extend(Join({kPrelude, kRefusal, kExtend})),
      commit(Join({kPrelude, kCrossings, kCommit})),
      tell(Join({kPrelude, kCrossings, kTell})),
      read(Join({kPrelude, kRefusal, kRead})),
      settle(std::string(kSettle)),
      due(std::string(kDue)),
      collect(std::string(kCollect)),
      adjust(Join({kPrelude, kAdjust})) {}

std::vector<const redis::Script*> CounterScripts::all() const {
  return {&reserve, &extend, &commit, &tell, &read, &settle, &due, &collect, &adjust};
}

const CounterScripts& GetCounterScripts() {
  static const CounterScripts* const kScripts = new CounterScripts;
  return *kScripts;
}

}  // namespace quotaplane
