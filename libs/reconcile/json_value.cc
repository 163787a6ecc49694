#include "libs/reconcile/json_value.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/absl_view.h"
#include "libs/base/quote.h"
#include "libs/reconcile/amounts.h"

namespace quotaplane::reconcile {
namespace {

using Json = nlohmann::json;
using Kind = JsonValue::Kind;

// Handlers return false to stop.
class Builder : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return Add({}); }
  bool boolean(bool value) override { return Add(Scalar(Kind::kBool, value ? "true" : "false")); }
  bool number_integer(number_integer_t value) override {
    return Add(Scalar(Kind::kNumber, absl::StrCat(value)));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return Add(Scalar(Kind::kNumber, absl::StrCat(value)));
  }
  bool number_float(number_float_t, const string_t& digits) override {
    return Add(Scalar(Kind::kNumber, digits));
  }
  bool string(string_t& text) override { return Add(Scalar(Kind::kText, std::move(text))); }
  bool binary(binary_t&) override { return Refuse("binary values are not JSON"); }
  bool start_object(std::size_t) override { return Open(Kind::kObject); }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(Kind::kList); }
  bool end_array() override { return Close(); }

  bool key(string_t& key) override {
    std::vector<std::string>& keys = open_.back().keys;
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      return Refuse(absl::StrCat("the key ", QuoteForMessage(key), " twice"));
    }
    if (keys.size() == kMaxMembers) {
      return Refuse(absl::StrCat("an object of more than ", kMaxMembers, " members"));
    }
    keys.push_back(std::move(key));
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const Json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
    absl::string_view what = error.what();
    what.remove_prefix(std::min(what.find("] ") + 2, what.size()));
    constexpr size_t kShown = 200;
    return Refuse(absl::StrCat(
        "not valid JSON at byte ", position, ": ",
        absl::StrReplaceAll(absl::CHexEscape(what.substr(0, kShown)), {{"\\'", "'"}})));
  }

  absl::StatusOr<JsonValue> Take() {
    if (!status_.ok()) return status_;
    return std::move(root_);
  }

 private:
  // Looked through for each key.
  static constexpr size_t kMaxMembers = 200;

  static JsonValue Scalar(Kind kind, std::string text) {
    JsonValue value;
    value.kind = kind;
    value.text = std::move(text);
    return value;
  }
  bool Refuse(const std::string& why) {
    status_ = absl::InvalidArgumentError(why);
    return false;
  }
  bool Open(Kind kind) {
    if (open_.size() == kMaxJsonDepth) {
      return Refuse(absl::StrCat("more than ", kMaxJsonDepth, " levels of nesting"));
    }
    open_.emplace_back();
    open_.back().kind = kind;
    return true;
  }
  bool Close() {
    JsonValue done = std::move(open_.back());
    open_.pop_back();
    return Add(std::move(done));
  }
  bool Add(JsonValue value) {
    if (++values_ > kMaxJsonValues) {
      return Refuse(absl::StrCat("more than ", kMaxJsonValues, " values"));
    }
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }

  absl::Status status_;
  JsonValue root_;
  std::vector<JsonValue> open_;  // outermost first
  size_t values_ = 0;
};

}  // namespace

absl::StatusOr<JsonValue> ParseJson(std::string_view json) {
  Builder builder;
  Json::sax_parse(json.begin(), json.end(), &builder);
  return builder.Take();
}

JsonPlace JsonPlace::operator[](const char* key) const {
  static const JsonValue* const kNull = new JsonValue;
  const auto found = std::find(value_->keys.begin(), value_->keys.end(), key);
  const bool there = found != value_->keys.end();
  return JsonPlace(there ? value_->items[found - value_->keys.begin()] : *kNull, *this,
                   absl::StrCat(".", key));
}

absl::StatusOr<std::vector<JsonPlace>> JsonPlace::Items() const {
  if (value_->kind != Kind::kList) return Error("must be a list");
  std::vector<JsonPlace> places;
  places.reserve(value_->items.size());
  for (size_t i = 0; i < value_->items.size(); ++i) {
    places.push_back(JsonPlace(value_->items[i], *this, absl::StrCat("[", i, "]")));
  }
  return places;
}

absl::StatusOr<std::string> JsonPlace::Text() const {
  if (is_null()) return std::string();
  if (value_->kind != Kind::kText) return Error("must be a text");
  return value_->text;
}

absl::StatusOr<bool> JsonPlace::Bool() const {
  if (is_null()) return false;
  if (value_->kind != Kind::kBool) return Error("must be true or false");
  return value_->text == "true";
}

absl::StatusOr<int64_t> JsonPlace::Count() const {
  if (is_null()) return 0;
  if (value_->kind != Kind::kNumber) return Error("must be a whole number");
  const absl::StatusOr<int64_t> count = ParseCount(value_->text);
  if (!count.ok()) return Error(std::string(count.status().message()));
  return *count;
}

absl::Status JsonPlace::Error(std::string_view what) const {
  std::string path = Path();
  if (path.starts_with('.')) path.erase(0, 1);
  return absl::InvalidArgumentError(
      absl::StrCat(path, path.empty() ? "the file " : " ", AbslView(what)));
}

std::string JsonPlace::Path() const {
  return parent_ == nullptr ? std::string() : absl::StrCat(parent_->Path(), key_);
}

}  // namespace quotaplane::reconcile
