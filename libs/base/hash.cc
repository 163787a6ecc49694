#include "libs/base/hash.h"

#include <sodium.h>

#include <bit>
#include <cstring>

namespace quotaplane {

static_assert(std::endian::native == std::endian::little, "stored layouts are little endian");

uint64_t Digest::low64() const {
  uint64_t value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

namespace {

template <size_t N>
void Blake2b(std::string_view data, std::array<char, N>* hash) {
  // Until it has looked at the processor, libsodium hashes with its slowest code.
  static const int kReady = sodium_init();
  static_cast<void>(kReady);
  crypto_generichash(reinterpret_cast<unsigned char*>(hash->data()), hash->size(),
                     reinterpret_cast<const unsigned char*>(data.data()), data.size(), nullptr, 0);
}

}  // namespace

Digest HashOf(std::string_view data) {
  Digest digest;
  Blake2b(data, &digest.bytes);
  return digest;
}

Hash256 Hash256Of(std::string_view data) {
  Hash256 hash;
  Blake2b(data, &hash);
  return hash;
}

FieldBuffer& FieldBuffer::Add(std::string_view field) {
  const uint32_t size = static_cast<uint32_t>(field.size());
  buffer_.append(reinterpret_cast<const char*>(&size), sizeof(size));
  buffer_.append(field);
  return *this;
}

FieldBuffer& FieldBuffer::Add(int64_t number) {
  return Add(std::string_view(reinterpret_cast<const char*>(&number), sizeof(number)));
}

}  // namespace quotaplane
