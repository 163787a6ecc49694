// Tokens that were verified a short while ago, so that a call costs a hash and not a signature.
// Bounded: two halves, of which the older is dropped when the younger is full. Not thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <utility>

#include "libs/auth/key_set.h"
#include "libs/auth/role.h"
#include "libs/base/hash.h"

namespace quotaplane {

// Hashes of secrets, which nobody can choose: any eight of their bytes will do.
struct Hash256Hash {
  size_t operator()(const Hash256& hash) const {
    size_t value;
    std::memcpy(&value, hash.data(), sizeof(value));
    return value;
  }
};

class VerifiedTokens {
 public:
  static constexpr size_t kMax = 10'000;

  struct Token {
    std::shared_ptr<const Principal> principal = nullptr;
    int64_t not_before_us = 0;
    int64_t expires_at_us = 0;
    // What it was verified with: good only as long as the issuer has these keys.
    std::shared_ptr<const KeySet> keys = nullptr;
    const void* issuer = nullptr;  // whose they are
  };

  // Null where there is none. Valid until the next call.
  const Token* Find(const Hash256& hash) {
    if (const auto found = young_.find(hash); found != young_.end()) return &found->second;
    const auto found = old_.find(hash);
    if (found == old_.end()) return nullptr;
    Token token = std::move(found->second);
    old_.erase(found);
    return Add(hash, std::move(token));
  }

  const Token* Add(const Hash256& hash, Token token) {
    if (young_.size() >= kMax / 2) {
      old_ = std::move(young_);
      young_.clear();
    }
    return &(young_[hash] = std::move(token));
  }

  size_t size() const { return young_.size() + old_.size(); }

 private:
  std::unordered_map<Hash256, Token, Hash256Hash> young_;
  std::unordered_map<Hash256, Token, Hash256Hash> old_;
};

}  // namespace quotaplane
