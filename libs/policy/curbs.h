// What alerts have done to scopes: frozen or throttled, each with an end.
//
// A curb's scope is a value for some dimensions; it concerns every subject of the org that has all
// of them (none: every subject). It holds from `from_us` to before `until_us` by the counter
// store's clock, and ends by itself.
//
//   freeze    refuses the subject: Reserve, Extend and Check are denied, whatever the limits say.
//             Commit, Release and Record go on: what was used is charged
//   throttle  takes the amount of each limit that counts within the scope down to a share: of those
//             whose `per` has every dimension of the scope (the org is always part of it), so that
//             nobody else's share becomes smaller by it; or of `limit_id` alone. Of several, the
//             lowest amount counts. Applies after exceptions: to the amount that they gave.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "libs/policy/policy.h"

namespace quotaplane {

struct Curb {
  int64_t alert = 0;  // 17: of A-17
  bool freeze = false;
  int share_permille = 0;  // of a throttle: 1 to 999
  // Each dimension once, with a value, in any order. One that is not so concerns nobody.
  std::vector<std::pair<Dimension, std::string>> scope;
  std::string limit_id;  // of a throttle, or empty
  int64_t from_us = 0;
  int64_t until_us = 0;

  friend bool operator==(const Curb&, const Curb&) = default;
};

inline constexpr size_t kMaxCurbsPerOrg = 10'000;
// Sets of dimensions that the scopes of an org's curbs have: each costs a look-up of every call.
inline constexpr size_t kMaxCurbShapes = 32;

std::string AlertName(int64_t alert);  // "A-17"
// For people: "frozen by alert A-17", "throttled to 12.5 % by alert A-17".
std::string CurbDeedWords(const Curb& curb);
// The same and up to when, to the second that is not before its end: "frozen by alert A-17 until
// 2026-11-26 15:00 UTC", "… until 2026-11-26 15:00:30 UTC".
std::string CurbWords(const Curb& curb);
// "{org=acme, user=alice}", as limits' scopes are written.
std::string CurbScopeString(const Curb& curb, std::string_view org);

// Immutable; share it between threads.
class Curbs {
 public:
  Curbs() = default;
  explicit Curbs(std::vector<Curb> curbs);
  // What it is looked up by are views of its list.
  Curbs(const Curbs&) = delete;
  Curbs& operator=(const Curbs&) = delete;

  // The freeze that concerns the subject and ends last; null if none does. O(number of sets of
  // dimensions that curbs have), not of curbs, save for those of one scope that have ended and are
  // still here, or have not begun. Valid as long as this object. Thread-safe.
  const Curb* Freeze(const Subject& subject, std::string_view model, int64_t now_us) const;

  // The throttle that leaves the least of `limit` to the subject, of several the one that ends
  // last; null if none does. Likewise.
  const Curb* Throttle(const Limit& limit, const Subject& subject, std::string_view model,
                       int64_t now_us) const;

  bool empty() const { return list_.empty(); }
  const std::vector<Curb>& list() const { return list_; }

 private:
  // Values of a shape's dimensions, in their order; of a throttle of one limit, also that.
  using Key = absl::InlinedVector<absl::string_view, 4>;
  // Positions in list_, in the order in which they are to be taken.
  using ByKey = absl::flat_hash_map<Key, std::vector<uint32_t>>;
  // Those whose scopes have the same dimensions.
  struct Shape {
    std::vector<Dimension> dimensions;  // ascending, each once
    ByKey freezes;
    ByKey throttles;            // of every limit
    ByKey throttles_of_limits;  // of one
  };

  void Add(uint32_t position);
  // Of those under the key, the first that holds; null if none does.
  const Curb* FirstHolding(const ByKey& by_key, const Key& key, int64_t now_us) const;

  std::vector<Curb> list_;
  std::vector<Shape> shapes_;
};

// amount * share / 1000, rounded down; at least 0.
int64_t ThrottledAmount(int64_t amount, const Curb& throttle);

}  // namespace quotaplane
