#include "libs/control/saved_items.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane {
namespace {

FollowedPosition At(int64_t position) { return {"epoch", position, position, 1'000 * position}; }

std::map<std::string, std::string> BodiesOf(const ItemBatch& batch) {
  std::map<std::string, std::string> bodies;
  for (const ControlItem& item : batch.items) bodies[item.name] = item.body;
  return bodies;
}

class SavedItemsTest : public testing::Test {
 protected:
  SavedItems::Found Reopen() {
    saved_.reset();
    SavedItems::Found found;
    auto saved = SavedItems::Open(dir(), &found);
    EXPECT_TRUE(saved.ok()) << saved.status();
    saved_ = *std::move(saved);
    return found;
  }
  void Save(const ItemBatch& batch) {
    const absl::Status saved = saved_->Save(batch);
    ASSERT_TRUE(saved.ok()) << saved;
  }
  std::string dir() const { return dir_.File("control"); }
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(dir())) {
      if (entry.path().filename() != "lock") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  const fixtures::TempDir dir_;
  std::unique_ptr<SavedItems> saved_;
};

std::string Contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST_F(SavedItemsTest, NothingSavedIsNothingFound) {
  const SavedItems::Found found = Reopen();
  EXPECT_EQ(found.state.at.epoch, "");
  EXPECT_EQ(found.damage, "");
}

TEST_F(SavedItemsTest, WhatChangedIsAddedToWhatWasThere) {
  Reopen();
  Save({true, At(2), {{"a", 1, "one"}, {"b", 2, "two"}}});
  Save({false, At(4), {{"a", 4, "four"}, {"c", 3, ""}}});
  Save({false, {"epoch", 4, 4, 9'000}, {}});
  const SavedItems::Found found = Reopen();
  EXPECT_EQ(found.damage, "");
  EXPECT_EQ(found.state.at, (FollowedPosition{"epoch", 4, 4, 9'000}));
  EXPECT_EQ(found.state.items,
            (std::vector<ControlItem>{{"b", 2, "two"}, {"c", 3, ""}, {"a", 4, "four"}}));
}

TEST_F(SavedItemsTest, AWholeBatchTakesThePlaceOfEverything) {
  Reopen();
  Save({true, At(2), {{"a", 1, "one"}, {"b", 2, "two"}}});
  Save({true, {"other", 1, 1, 1}, {{"c", 1, "three"}}});
  const SavedItems::Found found = Reopen();
  EXPECT_EQ(found.state.at.epoch, "other");
  EXPECT_EQ(BodiesOf(found.state), (std::map<std::string, std::string>{{"c", "three"}}));
}

TEST_F(SavedItemsTest, ChangesNeedSomethingToBeAddedTo) {
  Reopen();
  EXPECT_TRUE(absl::IsFailedPrecondition(saved_->Save({false, At(1), {{"a", 1, "one"}}})));
}

TEST_F(SavedItemsTest, ASecondProcessIsKeptOut) {
  Reopen();
  SavedItems::Found found;
  EXPECT_TRUE(absl::IsFailedPrecondition(SavedItems::Open(dir(), &found).status()));
}

TEST_F(SavedItemsTest, FilesStayInProportionToWhatTheyHold) {
  Reopen();
  const std::string body(100'000, 'x');
  Save({true, At(1), {{"a", 1, body}}});
  for (int64_t i = 2; i < 200; ++i) Save({false, At(i), {{"a", i, absl::StrCat(i, body)}}});
  EXPECT_LE(Files().size(), 2);
  int64_t bytes = 0;
  for (const std::string& file : Files()) {
    bytes += static_cast<int64_t>(std::filesystem::file_size(file));
  }
  EXPECT_LT(bytes, 10 << 20);
  EXPECT_EQ(bytes, saved_->bytes());
  const SavedItems::Found found = Reopen();
  EXPECT_EQ(found.state.at, At(199));
  EXPECT_EQ(BodiesOf(found.state)["a"], absl::StrCat(199, body));
}

// kill -9 leaves the beginning of an append, of any length.
TEST_F(SavedItemsTest, CutAnywhereItHasWhatWasWholeBefore) {
  Reopen();
  Save({true, At(1), {{"a", 1, "one"}}});
  const size_t first = Contents(Files().back()).size();
  Save({false, At(2), {{"b", 2, "two"}}});
  const size_t second = Contents(Files().back()).size();
  Save({false, At(3), {{"a", 3, "three"}}});
  const std::string name = Files().back();
  const std::string bytes = Contents(name);
  saved_.reset();
  for (size_t size = first; size < bytes.size(); ++size) {
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    Write(name, bytes.substr(0, size));
    const SavedItems::Found found = Reopen();
    EXPECT_EQ(found.state.at, At(size < second ? 1 : 2)) << size;
    EXPECT_EQ(found.damage, "") << size;
    // And it goes on from there.
    Save({false, At(9), {{"z", 9, "nine"}}});
    EXPECT_EQ(Reopen().state.at, At(9)) << size;
    saved_.reset();
  }
}

TEST_F(SavedItemsTest, AnyByteDamagedIsToldAndCostsNothingBeforeIt) {
  Reopen();
  Save({true, At(1), {{"a", 1, "one"}}});
  const size_t first = Contents(Files().back()).size();
  Save({false, At(2), {{"b", 2, "two"}}});
  const size_t second = Contents(Files().back()).size();
  Save({false, At(3), {{"a", 3, "three"}}});
  const std::string name = Files().back();
  const std::string bytes = Contents(name);
  saved_.reset();
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    Write(name, damaged);
    const SavedItems::Found found = Reopen();
    saved_.reset();
    if (at < first) {
      EXPECT_EQ(found.state.at.epoch, "") << at;
    } else {
      EXPECT_EQ(found.state.at, At(at < second ? 1 : 2)) << at;
    }
    if (at < second) {
      EXPECT_NE(found.damage, "") << at;
    }
  }
}

TEST_F(SavedItemsTest, TheFileBeforeTakesThePlaceOfOneThatIsDamaged) {
  Reopen();
  Save({true, At(1), {{"a", 1, "one"}}});
  Save({false, At(2), {{"b", 2, "two"}}});
  Save({true, At(3), {{"a", 1, "one"}, {"b", 3, "three"}}});
  saved_.reset();
  ASSERT_EQ(Files().size(), 2);
  Write(Files().back(), "");
  const SavedItems::Found found = Reopen();
  EXPECT_EQ(found.state.at, At(2));
  EXPECT_EQ(BodiesOf(found.state),
            (std::map<std::string, std::string>{{"a", "one"}, {"b", "two"}}));
  EXPECT_NE(found.damage, "");
  Save({false, At(4), {{"c", 4, "four"}}});
  EXPECT_EQ(Reopen().state.at, At(4));
}

// Like a disk that is full for a while.
class FailingDisk : public spool::FileOps {
 public:
  ssize_t Write(int fd, const char* data, size_t size) override {
    if (!full) return FileOps::Write(fd, data, size);
    errno = ENOSPC;
    return -1;
  }
  bool full = false;
};

TEST_F(SavedItemsTest, AfterAFullDiskAWholeBatchIsNeeded) {
  FailingDisk disk;
  SavedItems::Found found;
  auto saved = SavedItems::Open(dir(), &found, disk);
  ASSERT_TRUE(saved.ok()) << saved.status();
  saved_ = *std::move(saved);
  Save({true, At(1), {{"a", 1, "one"}}});
  disk.full = true;
  EXPECT_TRUE(absl::IsResourceExhausted(saved_->Save({false, At(2), {{"b", 2, "two"}}})));
  EXPECT_TRUE(absl::IsResourceExhausted(saved_->Save({true, At(2), {{"b", 2, "two"}}})));
  disk.full = false;
  EXPECT_TRUE(absl::IsFailedPrecondition(saved_->Save({false, At(3), {{"c", 3, "three"}}})));
  EXPECT_EQ(Reopen().state.at, At(1));
  Save({true, At(3), {{"c", 3, "three"}}});
  EXPECT_EQ(Reopen().state.at, At(3));
}

TEST_F(SavedItemsTest, WhatWasSavedIsFoundThoughTheDiskIsFull) {
  Reopen();
  Save({true, At(1), {{"a", 1, "one"}}});
  saved_.reset();
  FailingDisk disk;
  disk.full = true;
  SavedItems::Found found;
  auto saved = SavedItems::Open(dir(), &found, disk);
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_EQ(found.state.at, At(1));
  EXPECT_NE(found.damage, "");
}

}  // namespace
}  // namespace quotaplane
