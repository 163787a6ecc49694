#include "libs/control/item_batch.h"

#include <gtest/gtest.h>

namespace quotaplane {
namespace {

ItemBatch Example() {
  return {true,
          {"epoch", 7, 5, 1'700'000'000'000'000},
          {{"key/a", 3, std::string("\0\xff body", 7)}, {"policy/acme", 5, ""}}};
}

TEST(ItemBatch, ComesBackAsItWas) {
  for (const bool whole : {true, false}) {
    ItemBatch batch = Example();
    batch.whole = whole;
    const absl::StatusOr<ItemBatch> back = DecodeBatch(EncodeBatch(batch));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->whole, whole);
    EXPECT_EQ(back->at, batch.at);
    EXPECT_EQ(back->items, batch.items);
  }
}

TEST(ItemBatch, EveryPrefixIsRefusedOrShorter) {
  const std::string bytes = EncodeBatch(Example());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const absl::StatusOr<ItemBatch> back = DecodeBatch(bytes.substr(0, size));
    if (back.ok()) {
      EXPECT_LT(back->items.size(), Example().items.size()) << size;
    } else {
      EXPECT_TRUE(absl::IsDataLoss(back.status())) << back.status();
    }
  }
}

TEST(ItemBatch, AnotherFormatIsRefused) {
  std::string bytes = EncodeBatch(Example());
  bytes[0] = 2;
  EXPECT_TRUE(absl::IsDataLoss(DecodeBatch(bytes).status()));
}

}  // namespace
}  // namespace quotaplane
