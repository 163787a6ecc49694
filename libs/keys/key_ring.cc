#include "libs/keys/key_ring.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"

namespace quotaplane {
namespace {

absl::Status UnknownKey() {
  return ReasonedError(absl::StatusCode::kUnauthenticated, "KEY_UNKNOWN",
                       "the virtual key is not known");
}

absl::Status Ended(std::string_view reason, const VirtualKey& key, std::string_view how) {
  return ReasonedError(absl::StatusCode::kUnauthenticated, reason,
                       absl::StrCat("the virtual key ", key.id, " ", AbslView(how)));
}

// So many are exchanged while calls wait; for more there is a copy.
constexpr size_t kMaxInPlace = 1'000;

using Keys = absl::flat_hash_map<std::string, std::shared_ptr<const VirtualKey>>;

// Each of `changes` takes its place in `keys`, null none; what was there is in `changes` then.
void Exchange(Keys* changes, Keys* keys) {
  for (auto& [id, key] : *changes) {
    if (key != nullptr) {
      (*keys)[id].swap(key);
    } else if (const auto found = keys->find(id); found != keys->end()) {
      key = std::move(found->second);
      keys->erase(found);
    }
  }
}

}  // namespace

void KeyRing::Put(VirtualKey key) {
  std::string id = key.id;
  Update({{std::move(id), std::move(key)}});
}

void KeyRing::Erase(std::string_view id) { Update({{std::string(id), std::nullopt}}); }

// What goes is freed after the lock. Only this function writes, and by one thread at a time: so it
// may read without the lock.
void KeyRing::Update(std::vector<Change> changes,
                     absl::FunctionRef<void()> together) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Keys kept;
  kept.reserve(changes.size());
  for (Change& change : changes) {
    std::shared_ptr<const VirtualKey> key;
    if (change.key.has_value()) key = std::make_shared<const VirtualKey>(*std::move(change.key));
    kept[change.id].swap(key);
  }
  const bool many = kept.size() > kMaxInPlace;
  Keys next;
  if (many) {
    next = keys_;
    Exchange(&kept, &next);
  }
  MutexLock lock(mutex_);
  many ? keys_.swap(next) : Exchange(&kept, &keys_);
  together();
}

size_t KeyRing::size() const {
  MutexLock lock(mutex_);
  return keys_.size();
}

std::shared_ptr<const VirtualKey> KeyRing::Find(std::string_view id) const {
  MutexLock lock(mutex_);
  const auto found = keys_.find(AbslView(id));
  return found == keys_.end() ? nullptr : found->second;
}

absl::StatusOr<std::shared_ptr<const VirtualKey>> KeyRing::Resolve(std::string_view text,
                                                                   int64_t now_us,
                                                                   KeyUse use) const {
  const absl::StatusOr<KeyText> parsed = ParseKeyText(text);
  if (!parsed.ok()) return UnknownKey();
  std::shared_ptr<const VirtualKey> key = Find(parsed->id);
  static const VirtualKey kNobody;
  const VirtualKey& candidate = key == nullptr ? kNobody : *key;
  // Both comparisons are made in any case, also for an unknown id.
  const bool current = SameHash(candidate.hash, parsed->hash);
  const bool previous = SameHash(candidate.previous_hash, parsed->hash);
  const bool rotated_away = previous && candidate.previous_until_us != 0 && !current;
  if (key == nullptr || (!current && !rotated_away)) return UnknownKey();
  const bool settle = use == KeyUse::kSettle;
  const auto over = [&](int64_t ended_at_us) {
    return ended_at_us != 0 && now_us >= ended_at_us + (settle ? kSettleUs : 0);
  };
  if (key->revoked && (!settle || over(key->revoked_at_us))) {
    return Ended("KEY_REVOKED", *key, "was revoked");
  }
  if (over(key->expires_at_us)) return Ended("KEY_EXPIRED", *key, "has expired");
  if (rotated_away && over(key->previous_until_us)) {
    return Ended("KEY_EXPIRED", *key, "has a newer secret, and this one has expired");
  }
  return key;
}

}  // namespace quotaplane
