#include "libs/config/litellm_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/absl_view.h"
#include "libs/config/yaml_reader.h"

namespace quotaplane {
namespace {

using Json = nlohmann::json;

bool BearsAPrice(const std::string& key) {
  return absl::StrContains(key, "cost") || absl::StrContains(key, "price") ||
         absl::StrContains(key, "pricing");
}

// Depth 1 is the map, 2 a model, 3 a nested value of one. Handlers return false to stop.
class Reader : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return Value(RawPrice::Kind::kOther, "null"); }
  bool boolean(bool value) override {
    return Value(RawPrice::Kind::kOther, value ? "true" : "false");
  }
  bool number_integer(number_integer_t value) override {
    return Value(RawPrice::Kind::kNumber, absl::StrCat(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return Value(RawPrice::Kind::kNumber, absl::StrCat(value));
  }
  bool number_float(number_float_t, const string_t& digits) override {
    return Value(RawPrice::Kind::kNumber, digits);
  }
  bool string(string_t&) override { return Value(RawPrice::Kind::kOther, "a text"); }
  bool binary(binary_t&) override { return Refuse("binary values are not JSON"); }

  bool start_object(std::size_t) override {
    if (open_.empty()) return Open();
    if (open_.size() == 1) {
      if (models_.size() == kMaxPriceMapModels) {
        return Refuse(absl::StrCat("more than ", kMaxPriceMapModels, " models"));
      }
      models_.push_back({keys_.back(), {}});
      return Open();
    }
    return Value(RawPrice::Kind::kObject, "") && Open();
  }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override {
    if (open_.empty()) return Refuse("must be an object of objects (model -> prices), not a list");
    return Value(RawPrice::Kind::kOther, "a list") && Open();
  }
  bool end_array() override { return Close(); }

  bool key(string_t& key) override {
    if (!open_.back().insert(key).second) {
      return Refuse(absl::StrCat("duplicate key ", QuoteForMessage(key), Place()));
    }
    keys_.back() = key;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const Json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
    absl::string_view what = error.what();
    what.remove_prefix(std::min(what.find("] ") + 2, what.size()));
    constexpr size_t kShown = 200;
    const std::string shown =
        absl::StrReplaceAll(absl::CHexEscape(what.substr(0, kShown)), {{"\\'", "'"}});
    return Refuse(absl::StrCat("not valid JSON at byte ", position, ": ", shown));
  }

  absl::Status status() const { return status_; }
  std::vector<RawModel> TakeModels() { return std::move(models_); }

 private:
  std::string Place() const {
    return open_.size() < 2 ? "" : absl::StrCat(" in ", QuoteForMessage(keys_.front()));
  }
  bool Refuse(std::string_view why) {
    status_ = absl::InvalidArgumentError(absl::StrCat("price map: ", AbslView(why)));
    return false;
  }
  bool Open() {
    if (open_.size() == kMaxPriceMapDepth) {
      return Refuse(absl::StrCat("more than ", kMaxPriceMapDepth, " levels of nesting", Place()));
    }
    open_.emplace_back();
    keys_.emplace_back();
    return true;
  }
  bool Close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }
  // A value, or the beginning of one, at the current key.
  bool Value(RawPrice::Kind kind, std::string text) {
    if (open_.empty()) {
      return Refuse(absl::StrCat("must be an object of objects (model -> prices), not ",
                                 text.empty() ? "this" : text));
    }
    if (open_.size() == 1) {
      return Refuse(absl::StrCat("the value of ", QuoteForMessage(keys_.back()),
                                 " must be an object of prices, not ", text));
    }
    std::vector<RawPrice>& prices = models_.back().prices;
    if (open_.size() == 2 && BearsAPrice(keys_.back())) {
      if (++price_count_ > kMaxPriceMapPrices) {
        return Refuse(absl::StrCat("more than ", kMaxPriceMapPrices, " prices"));
      }
      prices.push_back({keys_.back(), kind, std::move(text), {}, true});
    } else if (open_.size() == 3 && BearsAPrice(keys_[1])) {
      RawPrice& parent = prices.back();
      if (kind == RawPrice::Kind::kNumber) {
        parent.members.emplace_back(keys_.back(), std::move(text));
      } else {
        parent.all_numbers = false;
      }
    }
    return true;
  }

  absl::Status status_;
  std::vector<RawModel> models_;
  size_t price_count_ = 0;
  // By open object or list, outermost first: the keys seen (for duplicates), and the latest of
  // them.
  std::vector<absl::flat_hash_set<std::string>> open_;
  std::vector<std::string> keys_;
};

}  // namespace

absl::StatusOr<std::vector<RawModel>> ReadPriceMap(std::string_view json) {
  if (json.size() > kMaxPriceMapBytes) {
    return absl::InvalidArgumentError(absl::StrCat("price map: ", json.size(), " bytes; at most ",
                                                   kMaxPriceMapBytes, " are read"));
  }
  Reader reader;
  Json::sax_parse(json.begin(), json.end(), &reader);
  if (!reader.status().ok()) return reader.status();
  return reader.TakeModels();
}

}  // namespace quotaplane
