#include "tests/bench/hotpath/counter_memory.h"

#include <chrono>
#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/bench/hotpath/client.h"
#include "tests/bench/hotpath/load.h"
#include "tests/bench/hotpath/population.h"
#include "tests/bench/hotpath/server.h"

namespace quotaplane::bench {
namespace {

constexpr int kInFlight = 16;
// A key takes between one and two 8-byte slots of the hash table, which doubles when it is full.
// Where in that cycle a measurement ends is chance; the dearest place counts.
constexpr double kSlotBytesPerKey = 16;

class Measurement {
 public:
  Measurement(const std::string& program, const std::string& assets, CounterKind kind, int users)
      : server_(program,
                absl::StrCat(assets, kind == CounterKind::kSliding ? "/sliding_counter.yaml"
                                                                   : "/calendar_counter.yaml"),
                absl::StrCat(assets, "/prices.yaml")),
        population_(users, "memory"),
        client_(server_.target(), 1) {
    // Ids of equal length throughout.
    reservations_.next = 1'000'000;
    // What a server allocates once, on its first requests, is no counter's.
    const Population first(100, "first");
    Reservations some;
    some.end = 1'000;
    RunClosed(&client_, first, Operation::kPair, kInFlight, kNoTimeLimit, &some);
  }

  struct Growth {
    double bytes = 0;  // without the hash tables' slots
    double keys = 0;
    Growth operator+(const Growth& other) const { return {bytes + other.bytes, keys + other.keys}; }
  };
  // One pair per user, each the same.
  Growth Pass() {
    const Server::Memory before = server_.RedisMemory();
    reservations_.end = reservations_.next + population_.users();
    RunClosed(&client_, population_, Operation::kPair, kInFlight, kNoTimeLimit, &reservations_);
    const Server::Memory after = server_.RedisMemory();
    return {static_cast<double>((after.used - after.slots) - (before.used - before.slots)),
            static_cast<double>(after.keys - before.keys)};
  }

 private:
  static constexpr double kNoTimeLimit = 3600;

  Server server_;
  Population population_;
  Client client_;
  Reservations reservations_;
};

}  // namespace

CounterMemory MeasureCounterMemory(const std::string& program, const std::string& assets,
                                   CounterKind kind, int users) {
  Measurement measurement(program, assets, kind, users);
  Measurement::Growth with_counters = measurement.Pass();
  int passes = 1;
  if (kind == CounterKind::kSliding) {
    // Past the end of the slot (1 s) in which the last user was charged.
    std::this_thread::sleep_for(std::chrono::milliseconds(1'100));
    with_counters = with_counters + measurement.Pass();
    ++passes;
  }
  const Measurement::Growth without = measurement.Pass();
  CounterMemory result;
  result.keys = (with_counters.keys - passes * without.keys) / users;
  result.bytes =
      (with_counters.bytes - passes * without.bytes) / users + kSlotBytesPerKey * result.keys;
  return result;
}

}  // namespace quotaplane::bench
