// What lies in the Redis of a server, seen past the server.
#pragma once

#include <cstdint>
#include <string>

#include "libs/testing/redis_server.h"

namespace quotaplane::fixtures {

// For tests that kill Redis: whatever it has answered, it has written. With `everysec` it may
// answer first, while a flush takes long; with `always` a slow disk would look like an outage.
RedisOptions DurableRedis();

// Charges in all outboxes; refusals, which wait there too, are not counted.
int64_t OutboxLength(const RedisServer& redis);
// Reservations that wait for their expiry, in all partitions.
int64_t OpenReservations(const RedisServer& redis);
// Redis's own clock.
int64_t RedisNowUs(const RedisServer& redis);

// A time zone in which it is neither the last nor the first hour of a day, so that a test over a
// calendar window does not see it end.
std::string CalmTimeZone();

}  // namespace quotaplane::fixtures
