// How state is saved and restored: one function per class, `template <typename Codec> void
// Code(Codec&)`, names its fields in order, and is run with a StateWriter or a StateReader. So what
// is written and what is read cannot differ.
//
// Numbers are little endian. A reader that runs out of bytes, or meets a number that is not finite,
// fails, and stays failed; it gives zeros from then on.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace quotaplane::anomaly {

// Stored numbers are the bytes of memory, on either side.
static_assert(std::endian::native == std::endian::little);

class StateWriter {
 public:
  static constexpr bool kReading = false;

  template <typename T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>) void operator()(T& number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof(T));
  }
  void operator()(std::string& text) {
    auto size = static_cast<uint32_t>(text.size());
    (*this)(size);
    bytes_.append(text);
  }
  template <typename T>
  requires requires(T& part, StateWriter& self) { part.Code(self); }
  void operator()(T& part) { part.Code(*this); }
  template <typename Array>
  void Each(Array& array) {
    for (auto& element : array) (*this)(element);
  }

  std::string Take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class StateReader {
 public:
  static constexpr bool kReading = true;
  static constexpr uint32_t kMaxTextBytes = 4096;

  explicit StateReader(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>) void operator()(T& number) {
    number = T{};
    if (!ok_ || bytes_.size() < sizeof(T)) return Fail();
    if constexpr (std::is_same_v<T, bool>) {
      number = bytes_[0] != 0;
    } else {
      std::memcpy(&number, bytes_.data(), sizeof(T));
    }
    bytes_.remove_prefix(sizeof(T));
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(number)) {
        number = 0;
        Fail();
      }
    }
  }
  void operator()(std::string& text) {
    uint32_t size = 0;
    (*this)(size);
    text.clear();
    if (!ok_ || size > kMaxTextBytes || size > bytes_.size()) return Fail();
    text.assign(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
  }
  template <typename T>
  requires requires(T& part, StateReader& self) { part.Code(self); }
  void operator()(T& part) { part.Code(*this); }
  template <typename Array>
  void Each(Array& array) {
    for (auto& element : array) (*this)(element);
  }

  void Fail() { ok_ = false; }
  // What a restored class says of its own fields: indices within bounds, counts that agree.
  void Check(bool holds) {
    if (!holds) Fail();
  }
  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace quotaplane::anomaly
