#include "libs/counters/redis/replies.h"

#include <gtest/gtest.h>

#include <random>

#include "libs/counters/redis/layout.h"

namespace quotaplane {
namespace {

WindowSpec Minute() { return *ParseWindow("60s", absl::UTCTimeZone(), 1); }

std::string Doubles(const std::vector<double>& values) {
  std::string bytes;
  for (double value : values) AppendDouble(&bytes, value);
  return bytes;
}

TEST(ReplyReaderTest, ReadsAndStopsAtTheEnd) {
  const std::string bytes = "A" + Doubles({42});
  ReplyReader reader(bytes);
  EXPECT_EQ(reader.Byte(), 'A');
  EXPECT_EQ(reader.Number(), 42);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.Number(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST(ReplyReaderTest, RefusesWhatIsNoInteger) {
  for (double value : {std::numeric_limits<double>::quiet_NaN(),
                       std::numeric_limits<double>::infinity(), 1e300, -1e300}) {
    const std::string bytes = Doubles({value});
    ReplyReader reader(bytes);
    EXPECT_EQ(reader.Number(), 0);
    EXPECT_FALSE(reader.ok());
  }
}

TEST(RefusalTest, TruncatedRepliesAreNoticed) {
  const WindowSpec minute = Minute();
  CounterUse use;
  use.window = &minute;
  use.max_used = 1;
  const std::string whole =
      Doubles({1e15, 0, 5, 5, 1e9, 2, 1, 1e9}) + Doubles(std::vector<double>(kSlots, 0));
  for (size_t size = 0; size <= whole.size(); ++size) {
    ReplyReader reader(std::string_view(whole).substr(0, size));
    int64_t now_us;
    bool stale;
    ReadRefusal(&reader, {use}, &now_us, &stale);
    EXPECT_EQ(reader.ok(), size == whole.size()) << size;
  }
}

TEST(RefusalTest, RandomBytesDoNoHarm) {
  std::mt19937_64 random(7);
  const WindowSpec minute = Minute();
  std::vector<CounterUse> uses(3);
  for (CounterUse& use : uses) use.window = &minute;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 700, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    ReplyReader reader(bytes);
    int64_t now_us;
    bool stale;
    ReadRefusal(&reader, uses, &now_us, &stale);
    EXPECT_TRUE(!reader.ok() || bytes.size() >= 16 + 3 * kHeaderBytes);
  }
}

TEST(SlidingFitsAtTest, WaitsForJustEnoughSlots) {
  const WindowSpec minute = Minute();  // slots of 1 s
  const int64_t head = 1'000;
  std::vector<int64_t> slots(kSlots + 1, 0);
  slots[0] = 3;       // slot 940, leaves when slot 1001 begins
  slots[10] = 4;      // slot 950, leaves with 1011
  slots[kSlots] = 5;  // slot 1000, leaves with 1061
  const auto fits = [&](int64_t held, int64_t max_used) {
    return SlidingFitsAt(minute, head, slots, held, 12, max_used);
  };
  EXPECT_EQ(fits(0, 11), 1'001'000'000);
  EXPECT_EQ(fits(0, 9), 1'001'000'000);
  EXPECT_EQ(fits(0, 8), 1'011'000'000);
  EXPECT_EQ(fits(0, 0), 1'061'000'000);
  EXPECT_EQ(fits(0, -1), kNeverFits);
  EXPECT_EQ(fits(6, 5), 0);  // holds are in the way, nobody knows how long
  EXPECT_EQ(fits(5, 5), 1'061'000'000);
}

TEST(LayoutTest, KeysSpellOutPartitionAndKind) {
  KeyList keys(12);
  keys.Add('x');
  keys.Add('c', "0123456789abcdef");
  EXPECT_EQ(keys.views()[0], "{p12}x");
  EXPECT_EQ(keys.views()[1], "{p12}c0123456789abcdef");
}

// Stored names: a new value here means that every deployed counter is lost.
TEST(LayoutTest, PartitionsArePinned) {
  EXPECT_EQ(PartitionOf("acme", 64), 61);
  EXPECT_EQ(PartitionOf("", 64), 10);
  EXPECT_NE(ReservationDigest("a", "bc"), ReservationDigest("ab", "c"));
}

}  // namespace
}  // namespace quotaplane
