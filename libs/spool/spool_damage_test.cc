// Whatever happens to the files: Open does not fail, nothing comes out that was not put in, and
// what was not hit comes out.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/spool/frame.h"
#include "libs/spool/spool.h"
#include "libs/spool/test_disk.h"
#include "libs/spool/test_support.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::spool {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string ReadFile(const std::string& path) {
  std::ostringstream contents;
  contents << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(contents).str();
}

void WriteFile(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

int DamagedFiles(const std::string& dir) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(dir)) {
    count += entry.path().filename().string().starts_with("damaged-") ? 1 : 0;
  }
  return count;
}

class SpoolDamageTest : public ::testing::Test {
 protected:
  // Two segments: records 1 to 3, then 4 to 6.
  void SetUp() override {
    const auto spool = MustOpen(original_, options_);
    for (const std::string& record : records_) ASSERT_TRUE(AppendAndWait(*spool, record).ok());
    for (const char* segment : {kOld, kTail}) ASSERT_TRUE(fs::exists(original_ + segment));
  }

  // A fresh copy.
  void Restore() {
    fs::remove_all(dir_);
    fs::copy(original_, dir_);
  }

  // Opens, drains, closes; then once more: the second time gives the same, and reports no damage
  // again.
  struct Result {
    std::vector<std::string> records;
    int64_t damaged = 0;
  };
  Result OpenTwice() {
    Result result;
    {
      const auto spool = MustOpen(dir_, options_);
      result.damaged = spool->stats().damaged_records;
      result.records = Drain(*spool);
      EXPECT_EQ(spool->stats().damaged_records, result.damaged);
      EXPECT_EQ(spool->stats().records, static_cast<int64_t>(result.records.size()));
      EXPECT_TRUE(AppendAndWait(*spool, "after").ok());
      EXPECT_THAT(Drain(*spool), ElementsAre("after"));
    }
    const auto spool = MustOpen(dir_, options_);
    EXPECT_EQ(spool->stats().damaged_records, 0);
    std::vector<std::string> again = Drain(*spool);
    EXPECT_FALSE(again.empty());
    EXPECT_EQ(again.back(), "after");
    again.pop_back();
    EXPECT_EQ(again, result.records);
    return result;
  }

  static constexpr const char* kOld = "/0000000000000001.spool";
  static constexpr const char* kTail = "/0000000000000004.spool";
  const fixtures::TempDir temp_;
  UnflushedDisk disk_;
  const SpoolOptions options_ = {.segment_bytes = 100, .file_ops = &disk_};
  const std::string original_ = temp_.File("original");
  const std::string dir_ = temp_.File("spool");
  const std::vector<std::string> records_ = {"one", "second", "3", "fourth one", "5", "six"};
};

TEST_F(SpoolDamageTest, TailCutAtEveryByteKeepsEveryWholeRecord) {
  const auto size = fs::file_size(original_ + kTail);
  for (uintmax_t cut = 0; cut < size; ++cut) {
    SCOPED_TRACE(absl::StrCat("cut at ", cut));
    Restore();
    fs::resize_file(dir_ + kTail, cut);
    std::vector<std::string> expected(records_.begin(), records_.begin() + 3);
    uintmax_t end = 0;
    for (size_t i = 3; i < 6 && (end += 24 + records_[i].size()) <= cut; ++i) {
      expected.push_back(records_[i]);
    }
    const Result result = OpenTwice();
    EXPECT_EQ(result.records, expected);
    EXPECT_EQ(result.damaged, 0);  // as after a crash: never reported
    EXPECT_EQ(DamagedFiles(dir_), 0);
  }
}

TEST_F(SpoolDamageTest, OldSegmentCutAtEveryByteCountsWhatIsMissing) {
  const auto size = fs::file_size(original_ + kOld);
  for (uintmax_t cut = 0; cut < size; ++cut) {
    SCOPED_TRACE(absl::StrCat("cut at ", cut));
    Restore();
    fs::resize_file(dir_ + kOld, cut);
    std::vector<std::string> expected;
    uintmax_t end = 0;
    for (size_t i = 0; i < 3 && (end += 24 + records_[i].size()) <= cut; ++i) {
      expected.push_back(records_[i]);
    }
    const auto missing = static_cast<int64_t>(3 - expected.size());
    expected.insert(expected.end(), records_.begin() + 3, records_.end());
    const Result result = OpenTwice();
    EXPECT_EQ(result.records, expected);
    EXPECT_EQ(result.damaged, missing);
  }
}

TEST_F(SpoolDamageTest, EveryByteFlippedCostsItsRecordOnly) {
  for (const char* segment : {kOld, kTail}) {
    const std::string bytes = ReadFile(original_ + segment);
    for (size_t at = 0; at < bytes.size(); ++at) {
      SCOPED_TRACE(absl::StrCat(segment, " byte ", at));
      Restore();
      std::string damaged = bytes;
      damaged[at] ^= 0x10;
      WriteFile(dir_ + segment, damaged);
      size_t hit = segment == kOld ? 0 : 3;
      for (size_t end = 24 + records_[hit].size(); end <= at; end += 24 + records_[hit].size()) {
        ++hit;
      }
      std::vector<std::string> expected = records_;
      expected.erase(expected.begin() + static_cast<ptrdiff_t>(hit));
      const Result result = OpenTwice();
      EXPECT_EQ(result.records, expected);
      EXPECT_EQ(result.damaged, 1);
      EXPECT_EQ(DamagedFiles(dir_), 1);
    }
  }
}

TEST_F(SpoolDamageTest, QuarantineHoldsTheDamagedBytes) {
  Restore();
  std::string bytes = ReadFile(dir_ + kOld);
  bytes[24 + 3 + 24] ^= 1;  // the first byte of record 2
  WriteFile(dir_ + kOld, bytes);
  const auto spool = MustOpen(dir_, options_);
  std::vector<std::string> saved;
  for (const auto& entry : fs::directory_iterator(dir_)) {
    if (entry.path().filename().string().starts_with("damaged-0000000000000001-27-")) {
      saved.push_back(ReadFile(entry.path()));
    }
  }
  EXPECT_THAT(saved, ElementsAre(bytes.substr(27, 24 + 6)));
}

TEST_F(SpoolDamageTest, MissingSegmentIsCounted) {
  Restore();
  fs::remove(dir_ + kOld);
  const Result result = OpenTwice();
  EXPECT_THAT(result.records, ElementsAre("fourth one", "5", "six"));
  // The first segment there is begins the queue: what was before it may have been acknowledged.
  EXPECT_EQ(result.damaged, 0);

  // One that goes missing in between is noticed.
  Restore();
  {
    const auto spool = MustOpen(dir_, options_);
    for (const char* record : {"7", "8", "9"}) ASSERT_TRUE(AppendAndWait(*spool, record).ok());
  }
  fs::remove(dir_ + kTail);
  const Result gap = OpenTwice();
  EXPECT_THAT(gap.records, ElementsAre("one", "second", "3", "7", "8", "9"));
  EXPECT_EQ(gap.damaged, 3);
}

TEST_F(SpoolDamageTest, DamageWhileOpenIsSteppedOver) {
  Restore();
  const auto spool = MustOpen(dir_, options_);
  const int64_t bytes_before = spool->stats().bytes;
  std::string bytes = ReadFile(dir_ + kOld);
  bytes[24 + 3 + 3] ^= 1;  // the header of record 2
  WriteFile(dir_ + kOld, bytes);
  EXPECT_THAT(Drain(*spool), ElementsAre("one", "3", "fourth one", "5", "six"));
  EXPECT_EQ(spool->stats().damaged_records, 1);
  EXPECT_EQ(spool->stats().records, 5);
  EXPECT_EQ(spool->stats().bytes, bytes_before - (24 + 6));
  EXPECT_EQ(DamagedFiles(dir_), 1);
  spool->Rewind();
  EXPECT_THAT(Drain(*spool), ElementsAre("one", "3", "fourth one", "5", "six"));
  EXPECT_EQ(spool->stats().damaged_records, 1);
}

TEST_F(SpoolDamageTest, ReadingGoesOnInASegmentWhoseEndWasDamaged) {
  const auto spool = MustOpen(dir_, {.file_ops = &disk_});
  for (const std::string& record : records_) ASSERT_TRUE(AppendAndWait(*spool, record).ok());
  fs::resize_file(dir_ + kOld, fs::file_size(dir_ + kOld) - (24 + 3) - (24 + 1));
  EXPECT_THAT(Drain(*spool), ElementsAre("one", "second", "3", "fourth one"));
  EXPECT_EQ(spool->stats().damaged_records, 2);
  fs::resize_file(dir_ + kOld, fs::file_size(dir_ + kOld) + (24 + 3) + (24 + 1));
  ASSERT_TRUE(AppendAndWait(*spool, "seven").ok());
  ASSERT_TRUE(AppendAndWait(*spool, "8").ok());
  EXPECT_THAT(Drain(*spool), ElementsAre("seven", "8"));
  EXPECT_EQ(spool->stats().damaged_records, 2);
  EXPECT_EQ(spool->stats().records, 6);
}

TEST_F(SpoolDamageTest, SegmentGoneWhileOpenIsSteppedOver) {
  Restore();
  const auto spool = MustOpen(dir_, options_);
  fs::remove(dir_ + kOld);
  uint64_t last = 0;
  EXPECT_THAT(Drain(*spool, &last), ElementsAre("fourth one", "5", "six"));
  EXPECT_EQ(spool->stats().damaged_records, 3);
  spool->Acknowledge(last);
  EXPECT_EQ(spool->stats().records, 0);
  EXPECT_EQ(spool->stats().bytes, 0);
}

TEST_F(SpoolDamageTest, DamagedCursorRepeatsRatherThanLoses) {
  {
    const auto spool = MustOpen(original_, options_);
    Drain(*spool);
    spool->Acknowledge(5);
  }
  ASSERT_FALSE(fs::exists(original_ + kOld));
  const std::string cursor = ReadFile(original_ + "/cursor");
  EXPECT_TRUE(cursor.starts_with("acknowledged 5 check ")) << cursor;
  for (size_t at = 0; at <= cursor.size(); ++at) {
    SCOPED_TRACE(at);
    Restore();
    std::string damaged = cursor;
    if (at < cursor.size()) damaged[at] ^= 1;
    WriteFile(dir_ + "/cursor", at < cursor.size() ? damaged : cursor.substr(0, 10));
    EXPECT_THAT(OpenTwice().records, ElementsAre("fourth one", "5", "six"));
  }
  Restore();
  EXPECT_THAT(OpenTwice().records, ElementsAre("six"));
}

TEST_F(SpoolDamageTest, StrangeFilesAreLeftAlone) {
  Restore();
  for (const char* name : {"/1.spool", "/000000000000000x.spool", "/0000000000000009.spool.bak"}) {
    WriteFile(dir_ + name, "not ours");
  }
  EXPECT_EQ(OpenTwice().records, records_);
  EXPECT_EQ(ReadFile(dir_ + "/1.spool"), "not ours");
}

TEST_F(SpoolDamageTest, RubbishFilesOfEverySizeDoNotStopIt) {
  for (const size_t size : {1u, 23u, 24u, 25u, 4096u, 100'000u}) {
    for (const char fill : {'\0', '\xff', 'x'}) {
      Restore();
      WriteFile(dir_ + "/0000000000000007.spool", std::string(size, fill));
      EXPECT_EQ(OpenTwice().records, records_);
    }
  }
}

}  // namespace
}  // namespace quotaplane::spool
