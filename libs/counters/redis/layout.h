// Where counters live in Redis, and in which bytes.
//
// Keys: a hash tag, a letter, and 16 raw bytes of a digest where there is one.
//   {pN}r<digest of org, id>   reservation   string
//   {pN}c<digest of counter>   header        string, 40 bytes
//   {pN}w<digest of counter>   ring          string, 488 bytes, sliding windows only
//   {pN}x                      expiry index  sorted set: reservation digest by expiry in µs
//   {pN}t<digest of counter>   mark          string: which thresholds were told (crossings.lua);
//                                            only where one was
//   {pN}a                      crossings     stream: c = digest, threshold, committed, occurrence,
//                                            time, 1 where a refusal told it; d = what it is of
//                                            (crossing_stream.h)
//   {pN}d                      dropped       how many crossings nobody read in time
//   {pN}g                      collection    list of counter digests, each once (collect.lua)
//   {pN}j<digest of org, id>   adjustment    string: its fingerprint, and when it moved (TTL)
//   {pN}b                      book mark     string: the families of counters that were filled from
//                                            the ledger (libs/ledger/seeding.h)
//   {pN}f, {pN}f/new           forecasts     hash: pace by counter digest (forecast_table.h; TTL)
//   {pN}l/<name>               lease         string: its owner (TTL)
//   {pN}o                      outbox        stream: r = ledger record, s = outcome (commit.lua);
//                                            without s: refusals (libs/ledger/refusal_sender.h)
// N is the partition, a function of the org alone (PartitionOf, the only place that knows):
// everything a reservation touches shares one Cluster slot.
//
// Values are little-endian doubles (exact to 2^53):
//   header       held, committed in the window, head (slot number, or period start in µs), the
//                head slot's own sum, and when the committed part is dead for sure (µs; 0: never)
//   ring         the head it was written for, then 60 sums, slot s at s mod 60: the slots before
//                that head. A ring that was written for another head than its header's holds
//                nothing that still counts. Only a charge moves a head and its ring; reservations
//                compute where it would be.
//   reservation  'H' request and subject and last-extend fingerprints (3 × 8 bytes), expires,
//                extend sequence, cost, tokens, number of counters n; n digests; n holds; for
//                retries of Reserve its time and the n headers as it left them; after an Extend,
//                first cost, time, digests, holds and headers    (open; no TTL)
//                'C' usage fingerprint, outcome;  'R';  'E' subject fingerprint, cost, tokens
//                                                                      (tombstones; TTL)
//
// Versions of the program side by side share this: one that knows no thresholds neither reads nor
// writes marks, and what its commits pass is told by the next commit of one that does.
//
// Why a separate ring: the header is what nearly every call needs; the ring only when the head
// moves. 40 bytes keep the header in one allocation with its object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libs/counters/counter_store.h"

namespace quotaplane {

// Fixed at the first start of a store.
inline constexpr int kDefaultPartitions = 64;
inline constexpr size_t kHeaderBytes = 40;
inline constexpr size_t kRingBytes = 8 + 8 * kSlots;

int PartitionOf(std::string_view org, int partitions);

// The digest that names a reservation.
Digest ReservationDigest(std::string_view org, std::string_view id);

// Builds the keys of one script call in one buffer. Not thread-safe.
class KeyList {
 public:
  explicit KeyList(int partition);

  void Add(char kind);
  void Add(char kind, std::string_view digest);
  // Views into this object, in order of addition; valid until the next Add.
  const std::vector<std::string_view>& views();

 private:
  std::string tag_;
  std::string buffer_;
  std::vector<size_t> ends_;
  std::vector<std::string_view> views_;
};

// Doubles and raw bytes, packed for one ARGV.
void AppendDouble(std::string* out, double value);
double DoubleAt(std::string_view bytes, size_t offset);

}  // namespace quotaplane
