// What goes into and comes out of a database: NULL, int64, double, text, bytes.
//
// Times are int64 microseconds since the epoch, in BIGINT columns: exact, compared as integers, the
// same in both databases, and no session's time zone has a say. Booleans are the integers 0 and 1.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"

namespace quotaplane::sql {

// kAny: a NULL whose type the statement's context decides.
enum class Type : uint8_t { kAny, kInt, kDouble, kText, kBytes };

// Bytes, told apart from text. A view.
struct Bytes {
  std::string_view data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

// A value, by view: text and bytes belong to somebody else (a parameter's to the caller for the
// time of the call; a result's to the Rows, or for the time of a callback). 24 bytes; pass by
// value.
//
// As a parameter: text is UTF-8 without NUL characters, and a double is a number; anything else is
// refused with INVALID_ARGUMENT before it reaches either database, since they differ about those.
class Value {
 public:
  Value() = default;
  Value(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)
  template <std::integral T>
  requires(std::is_signed_v<T> || sizeof(T) < sizeof(int64_t))
      Value(T number)  // NOLINT(google-explicit-constructor)
      : type_(Type::kInt), null_(false), int_(static_cast<int64_t>(number)) {}
  template <std::floating_point T>
  Value(T number)  // NOLINT(google-explicit-constructor)
      : type_(Type::kDouble), null_(false), double_(number) {}
  Value(std::string_view text)  // NOLINT(google-explicit-constructor)
      : type_(Type::kText), null_(false), size_(Size(text)), data_(text.data()) {}
  Value(const std::string& text)  // NOLINT(google-explicit-constructor)
      : Value(std::string_view(text)) {}
  Value(const char* text) : Value(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)
  Value(Bytes bytes)                                          // NOLINT(google-explicit-constructor)
      : type_(Type::kBytes), null_(false), size_(Size(bytes.data)), data_(bytes.data.data()) {}
  template <typename T>
  Value(const std::optional<T>& value)  // NOLINT(google-explicit-constructor)
      : Value(value.has_value() ? Value(*value) : Null(TypeOf<T>())) {}

  // NULL of a type, for where the context does not tell PostgreSQL which: `$1 IS NULL`.
  static Value Null(Type type) {
    Value value;
    value.type_ = type;
    return value;
  }

  // Of a NULL in a result: kAny.
  Type type() const { return type_; }
  bool is_null() const { return null_; }
  // The value; 0 and "" where it is NULL or of another type (Row::Read is how to be told).
  int64_t integer() const { return !null_ && type_ == Type::kInt ? int_ : 0; }
  double number() const { return !null_ && type_ == Type::kDouble ? double_ : 0; }
  std::string_view text() const { return type_ == Type::kText ? view() : std::string_view(); }
  std::string_view bytes() const { return type_ == Type::kBytes ? view() : std::string_view(); }

  friend bool operator==(const Value& a, const Value& b);
  // NULL first, then by type, then by value; text and bytes by their bytes.
  friend bool operator<(const Value& a, const Value& b);

 private:
  template <typename T>
  static constexpr Type TypeOf() {
    if constexpr (std::is_integral_v<T>) return Type::kInt;
    if constexpr (std::is_floating_point_v<T>) return Type::kDouble;
    if constexpr (std::is_same_v<T, Bytes>) return Type::kBytes;
    return Type::kText;
  }
  static uint32_t Size(std::string_view view);
  std::string_view view() const {
    return null_ ? std::string_view() : std::string_view(data_, size_);
  }

  Type type_ = Type::kAny;
  bool null_ = true;
  uint32_t size_ = 0;
  union {
    int64_t int_ = 0;
    double double_;
    const char* data_;
  };
};

// One row of a result: a view, as its values are.
class Row {
 public:
  explicit Row(std::span<const Value> values) : values_(values) {}

  size_t size() const { return values_.size(); }
  // `column` < size().
  const Value& operator[](size_t column) const { return values_[column]; }

  // Takes the row apart into int64_t, double, std::string_view, std::string, Bytes, or
  // std::optional of those:
  //   int64_t quantity;
  //   std::optional<std::string> reason;
  //   QP_RETURN_IF_ERROR(row.Read(quantity, reason));
  // INTERNAL, naming the column by its number: there are more or fewer of them, one is of another
  // type, or NULL where that was not asked for. Then some may have been assigned.
  template <typename... T>
  absl::Status Read(T&... targets) const {
    if (sizeof...(targets) != size()) return WrongCount(sizeof...(targets));
    size_t column = 0;
    size_t bad = size();
    ((Assign(values_[column], targets) ? ++column : (bad = std::min(bad, column++))), ...);
    return bad == size() ? absl::OkStatus() : WrongType(bad);
  }

 private:
  static bool Assign(const Value& value, int64_t& target);
  static bool Assign(const Value& value, double& target);
  static bool Assign(const Value& value, std::string_view& target);
  static bool Assign(const Value& value, std::string& target);
  static bool Assign(const Value& value, Bytes& target);
  template <typename T>
  static bool Assign(const Value& value, std::optional<T>& target) {
    target.reset();
    if (value.is_null()) return true;
    return Assign(value, target.emplace());
  }
  absl::Status WrongCount(size_t wanted) const;
  absl::Status WrongType(size_t column) const;

  std::span<const Value> values_;
};

// All rows of a result, owned. Movable; views of its values live as long as it does.
class Rows {
 public:
  Rows() = default;
  Rows(Rows&&) = default;
  Rows& operator=(Rows&&) = default;

  size_t size() const { return columns_ == 0 ? 0 : values_.size() / columns_; }
  bool empty() const { return values_.empty(); }
  // `row` < size().
  Row operator[](size_t row) const {
    return Row(std::span(values_).subspan(row * columns_, columns_));
  }

  // Copies. Every row has as many values as the first, at least one.
  void Add(const Row& row);

 private:
  // Blocks do not move when more are added.
  static constexpr size_t kBlockBytes = 16 << 10;
  std::string_view Keep(std::string_view data);

  size_t columns_ = 0;
  std::vector<Value> values_;
  std::vector<std::string> blocks_;
};

}  // namespace quotaplane::sql
