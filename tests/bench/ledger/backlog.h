// Fills the outbox, byte for byte as the commit script leaves it: XADD of the encoded record and
// the outcome, in the order of time.
#pragma once

#include <cstdint>
#include <string>

#include "libs/admission/admission.h"
#include "tests/bench/ledger/traffic.h"

namespace quotaplane::bench {

// What is in the outbox then, and has to be in the ledger in the end.
struct Backlog {
  int64_t charges = 0;
  int64_t entries = 0;
  int64_t cost_nano_usd = 0;
};

// Puts the first `charges` of `traffic` into the streams of the Redis at that unix socket. Shows
// how far it is. Aborts where Redis refuses one.
Backlog PutBacklog(const std::string& socket_path, const Traffic& traffic, const ChargeCodec& codec,
                   int64_t charges);

// Puts `count` charges of `traffic` there, from number `first` on. Aborts where Redis refuses one.
void PutCharges(const std::string& socket_path, const Traffic& traffic, const ChargeCodec& codec,
                int64_t first, int64_t count);

// How many messages the outbox has.
int64_t Waiting(const std::string& socket_path);

}  // namespace quotaplane::bench
