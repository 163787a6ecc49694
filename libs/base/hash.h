// Names of stored things: 128-bit digests that every replica computes alike.
//
// BLAKE2b (libsodium), cut to 16 bytes: short keys keep Redis memory low, and since callers choose
// ids and labels, the hash has to be one whose collisions nobody can construct. About 0.1 µs for
// the strings hashed here.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace quotaplane {

// 16 raw bytes, used as such inside Redis keys. Ordered and hashable through std::string_view.
struct Digest {
  std::array<char, 16> bytes{};

  std::string_view view() const { return {bytes.data(), bytes.size()}; }
  // The first 8 bytes, little endian: a fingerprint where 64 bits suffice.
  uint64_t low64() const;
  friend bool operator==(const Digest&, const Digest&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Digest& d) {
    return H::combine(std::move(h), d.low64());
  }
};

// Digest of `data`. Thread-safe.
Digest HashOf(std::string_view data);

// 32 raw bytes of the same hash, for what has to stand against somebody who searches for long:
// secrets, and chains of records. Thread-safe.
using Hash256 = std::array<char, 32>;
Hash256 Hash256Of(std::string_view data);

// Builds an unambiguous byte string out of fields: each is preceded by its length, so that
// ("ab","c") and ("a","bc") differ. Not thread-safe.
class FieldBuffer {
 public:
  FieldBuffer& Add(std::string_view field);
  FieldBuffer& Add(int64_t number);
  void Clear() { buffer_.clear(); }
  std::string_view view() const { return buffer_; }
  Digest digest() const { return HashOf(buffer_); }

 private:
  std::string buffer_;
};

}  // namespace quotaplane
