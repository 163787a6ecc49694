// Items' bodies, both ways (proto/quotaplane/v1/control.proto). Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/keys/virtual_key.h"
#include "libs/policy/curbs.h"
#include "libs/policy/policy.h"
#include "libs/policy/raises.h"

namespace quotaplane {

struct PolicyItem {
  std::string org;
  int64_t version = 0;
  PolicyDocument document;
};
struct RaisesItem {
  std::string org;
  std::vector<Raise> raises;
};
struct CurbsItem {
  std::string org;
  std::vector<Curb> curbs;
};
struct PricesItem {
  struct Book {
    int64_t number = 0;
    int64_t active_from_us = 0;
    std::string yaml;
  };
  std::vector<Book> books;
};

// Names of items.
std::string PolicyItemName(std::string_view org);
std::string RaisesItemName(std::string_view org);
std::string CurbsItemName(std::string_view org);
std::string KeyItemName(std::string_view key_id);
inline constexpr std::string_view kPricesItemName = "prices";

class ItemCodec {
 public:
  virtual ~ItemCodec() = default;
  virtual std::string EncodePolicy(std::string_view org, int64_t version,
                                   const PolicyDocument& document) const = 0;
  virtual std::string EncodeRaises(const RaisesItem& item) const = 0;
  virtual std::string EncodeCurbs(const CurbsItem& item) const = 0;
  virtual std::string EncodeKey(const VirtualKey& key) const = 0;
  virtual std::string EncodePrices(const PricesItem& item) const = 0;
  // DATA_LOSS: not such a body.
  virtual absl::StatusOr<PolicyItem> DecodePolicy(std::string_view body) const = 0;
  virtual absl::StatusOr<RaisesItem> DecodeRaises(std::string_view body) const = 0;
  virtual absl::StatusOr<CurbsItem> DecodeCurbs(std::string_view body) const = 0;
  virtual absl::StatusOr<VirtualKey> DecodeKey(std::string_view body) const = 0;
  virtual absl::StatusOr<PricesItem> DecodePrices(std::string_view body) const = 0;
};

}  // namespace quotaplane
