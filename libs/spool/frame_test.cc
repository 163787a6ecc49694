#include "libs/spool/frame.h"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quotaplane::spool {
namespace {

using ::testing::ElementsAre;
using Kind = SegmentScanner::Kind;

constexpr uint64_t kFirst = 41;

struct Scan {
  std::vector<std::pair<uint64_t, std::string>> records;
  uint64_t lost = 0;
  int damages = 0;
  bool torn = false;
  size_t end = 0;
};

Scan ScanAll(const std::string& bytes, uint64_t fence) {
  SegmentScanner scanner(bytes, kFirst, fence);
  Scan scan;
  for (;;) {
    const SegmentScanner::Item item = scanner.Next();
    switch (item.kind) {
      case Kind::kRecord:
        scan.records.emplace_back(item.position, item.record);
        continue;
      case Kind::kDamaged:
        scan.lost += item.lost;
        ++scan.damages;
        continue;
      case Kind::kTorn:
        scan.torn = true;
        break;
      case Kind::kEnd:
        break;
    }
    scan.end = item.offset;
    EXPECT_EQ(scanner.Next().kind, Kind::kEnd);
    return scan;
  }
}

// Lengths around the header's, a record that looks like a header, one full of zeros.
std::vector<std::string> SampleRecords() {
  std::string frame;
  AppendFrame(999, "not one of ours", frame);
  return {"a", std::string(23, 'b'), frame, std::string(60, '\0'), std::string(25, 'c'), "last"};
}

struct Sample {
  std::vector<std::string> records = SampleRecords();
  std::string bytes;
  std::vector<size_t> ends;  // of each frame

  Sample() {
    for (size_t i = 0; i < records.size(); ++i) {
      AppendFrame(kFirst + i, records[i], bytes);
      ends.push_back(bytes.size());
    }
  }
  uint64_t fence() const { return kFirst + records.size(); }
};

TEST(FrameTest, WholeSegmentReadsBack) {
  const Sample sample;
  for (const uint64_t fence : {kNoFence, sample.fence()}) {
    const Scan scan = ScanAll(sample.bytes, fence);
    ASSERT_EQ(scan.records.size(), sample.records.size());
    for (size_t i = 0; i < sample.records.size(); ++i) {
      EXPECT_EQ(scan.records[i], std::make_pair(kFirst + i, sample.records[i]));
    }
    EXPECT_EQ(scan.lost, 0u);
    EXPECT_FALSE(scan.torn);
    EXPECT_EQ(scan.end, sample.bytes.size());
  }
}

TEST(FrameTest, EmptySegment) {
  EXPECT_EQ(ScanAll("", kNoFence).lost, 0u);
  EXPECT_EQ(ScanAll("", kFirst).lost, 0u);
  EXPECT_EQ(ScanAll("", kFirst + 3).lost, 3u);
}

TEST(FrameTest, FramesFromTheFenceOnAreVoid) {
  const Sample sample;
  const Scan scan = ScanAll(sample.bytes, kFirst + 2);
  EXPECT_EQ(scan.records.size(), 2u);
  EXPECT_EQ(scan.lost, 0u);
  EXPECT_EQ(scan.end, sample.ends[1]);
}

TEST(FrameTest, CutAtEveryByteIsTornOrCounted) {
  const Sample sample;
  for (size_t size = 0; size <= sample.bytes.size(); ++size) {
    size_t whole = 0;
    while (whole < sample.ends.size() && sample.ends[whole] <= size) ++whole;
    const bool at_border = size == (whole == 0 ? 0 : sample.ends[whole - 1]);

    const Scan open = ScanAll(sample.bytes.substr(0, size), kNoFence);
    EXPECT_EQ(open.records.size(), whole) << size;
    EXPECT_EQ(open.lost, 0u) << size;
    EXPECT_EQ(open.torn, !at_border) << size;
    EXPECT_EQ(open.end, whole == 0 ? 0 : sample.ends[whole - 1]) << size;

    const Scan fenced = ScanAll(sample.bytes.substr(0, size), sample.fence());
    EXPECT_EQ(fenced.records.size(), whole) << size;
    EXPECT_EQ(fenced.lost, sample.records.size() - whole) << size;
  }
}

// The record that was hit is lost and told so; no other is, and nothing is made up.
TEST(FrameTest, EveryBitFlippedCostsOneRecord) {
  const Sample sample;
  for (size_t at = 0; at < sample.bytes.size(); ++at) {
    size_t hit = 0;
    while (sample.ends[hit] <= at) ++hit;
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = sample.bytes;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      for (const uint64_t fence : {kNoFence, sample.fence()}) {
        const Scan scan = ScanAll(bytes, fence);
        EXPECT_EQ(scan.lost, 1u) << at;
        ASSERT_EQ(scan.records.size(), sample.records.size() - 1) << at;
        for (size_t i = 0; i < scan.records.size(); ++i) {
          const size_t original = i < hit ? i : i + 1;
          EXPECT_EQ(scan.records[i], std::make_pair(kFirst + original, sample.records[original]));
        }
      }
    }
  }
}

TEST(FrameTest, BytesCutOutOfTheMiddleAreCounted) {
  const Sample sample;
  for (size_t from = 0; from < sample.ends.size(); ++from) {
    for (size_t to = from + 1; to < sample.ends.size(); ++to) {
      const size_t start = from == 0 ? 0 : sample.ends[from - 1];
      const std::string bytes =
          sample.bytes.substr(0, start) + sample.bytes.substr(sample.ends[to - 1]);
      const Scan scan = ScanAll(bytes, sample.fence());
      EXPECT_EQ(scan.lost, to - from);
      EXPECT_EQ(scan.records.size() + scan.lost, sample.records.size());
    }
  }
}

TEST(FrameTest, TailOfZerosIsTornRubbishIsDamage) {
  const Sample sample;
  const Scan zeros = ScanAll(sample.bytes + std::string(500, '\0'), kNoFence);
  EXPECT_TRUE(zeros.torn);
  EXPECT_EQ(zeros.lost, 0u);
  EXPECT_EQ(zeros.end, sample.bytes.size());
  const Scan rubbish = ScanAll(sample.bytes + std::string(500, '\xee'), kNoFence);
  EXPECT_FALSE(rubbish.torn);
  EXPECT_EQ(rubbish.lost, 1u);
}

TEST(FrameTest, NeverMakesARecordUp) {
  const Sample sample;
  std::mt19937_64 random(20240607);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = sample.bytes;
    for (int cuts = static_cast<int>(random() % 8); cuts >= 0; --cuts) {
      const size_t at = random() % bytes.size();
      const size_t length = random() % 40;
      switch (random() % 3) {
        case 0:
          bytes.erase(at, length);
          break;
        case 1:
          bytes.insert(at, sample.bytes, random() % sample.bytes.size(), length);
          break;
        default:
          bytes[at] = static_cast<char>(random());
      }
      if (bytes.empty()) bytes.push_back('x');
    }
    const uint64_t fence = random() % 2 == 0 ? kNoFence : sample.fence();
    const Scan scan = ScanAll(bytes, fence);
    uint64_t last = kFirst - 1;
    for (const auto& [position, record] : scan.records) {
      ASSERT_GT(position, last);
      ASSERT_LT(position, sample.fence());
      ASSERT_EQ(record, sample.records[position - kFirst]);
      last = position;
    }
    if (fence != kNoFence) {
      EXPECT_EQ(scan.lost + scan.records.size(), sample.records.size());
    }
  }
}

}  // namespace
}  // namespace quotaplane::spool
