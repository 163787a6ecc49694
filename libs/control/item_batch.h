// What a replica writes down in one go, as bytes: items, and where it stands after them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/items.h"

namespace quotaplane {

// Where a replica stands.
struct FollowedPosition {
  std::string epoch;
  int64_t position = 0;
  int64_t number = 0;      // it has every change up to this one
  int64_t contact_us = 0;  // when it last knew that it had everything, by its own clock

  friend bool operator==(const FollowedPosition&, const FollowedPosition&) = default;
};

struct ItemBatch {
  bool whole = false;  // these are all items, and no other is there any more
  FollowedPosition at;
  std::vector<ControlItem> items;
};

std::string EncodeBatch(const ItemBatch& batch);
// DATA_LOSS: not such bytes.
absl::StatusOr<ItemBatch> DecodeBatch(std::string_view bytes);

}  // namespace quotaplane
