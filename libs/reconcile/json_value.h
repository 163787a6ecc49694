// JSON as a tree in which numbers are their digits, and whose values know where they stand.
//
// Read from a stream of events: a tree of the JSON library would turn 0.0614925 into the nearest
// double, keep the last of two equal keys without a word, and recurse as deep as a hostile file
// wants.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace quotaplane::reconcile {

struct JsonValue {
  enum class Kind { kNull, kBool, kNumber, kText, kList, kObject };
  Kind kind = Kind::kNull;
  std::string text;  // kText: itself; kNumber: its digits as written; kBool: "true" or "false"
  std::vector<JsonValue> items;   // kList, and the members of kObject, in the order of the file
  std::vector<std::string> keys;  // kObject: the members' names, as many as items
};

inline constexpr size_t kMaxJsonDepth = 32;
inline constexpr size_t kMaxJsonValues = 20'000'000;

// INVALID_ARGUMENT with the position: not JSON, two equal keys in an object, past the bounds above.
absl::StatusOr<JsonValue> ParseJson(std::string_view json);

// A value and the way to it, for messages: data[3].results[0].output_tokens. Lives on the stack
// below the place that it was made from.
class JsonPlace {
 public:
  explicit JsonPlace(const JsonValue& root) : value_(&root) {}

  // The member; null where there is none, or where it is null.
  JsonPlace operator[](const char* key) const;
  // The items; INVALID_ARGUMENT where it is no list.
  absl::StatusOr<std::vector<JsonPlace>> Items() const;
  const JsonValue& operator*() const { return *value_; }
  bool is_null() const { return value_->kind == JsonValue::Kind::kNull; }

  // Empty where it is null. INVALID_ARGUMENT where it is no text.
  absl::StatusOr<std::string> Text() const;
  absl::StatusOr<bool> Bool() const;  // false where it is null
  // 0 where it is null.
  absl::StatusOr<int64_t> Count() const;
  // INVALID_ARGUMENT: "data[3].results: WHAT".
  absl::Status Error(std::string_view what) const;

 private:
  JsonPlace(const JsonValue& value, const JsonPlace& parent, std::string key)
      : value_(&value), parent_(&parent), key_(std::move(key)) {}
  std::string Path() const;

  const JsonValue* value_;
  const JsonPlace* parent_ = nullptr;
  std::string key_;  // ".name" or "[3]"
};

}  // namespace quotaplane::reconcile
