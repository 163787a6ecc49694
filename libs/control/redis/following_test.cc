// The way of items from the database to replicas, whatever happens to the board: it is lost, late,
// doubled, out of order, incomplete, or goes back.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <future>
#include <random>
#include <set>
#include <thread>

#include "libs/control/redis/test_following.h"

namespace quotaplane {
namespace {

using Bodies = std::map<std::string, std::string>;

class FollowingTest : public testing::TestWithParam<bool> {
 protected:
  // Everything that the database has, and nothing that it never had.
  void ExpectArrives(const RecordingSink& sink, const ItemDatabase& database) {
    EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return sink.items() == database.last(); }));
    for (const ControlItem& item : sink.applied()) {
      EXPECT_TRUE(database.Had(item)) << item.name << " " << item.number;
    }
  }

  const fixtures::TempDir dir_;
  BoardStore store_{GetParam()};
  const std::unique_ptr<redis::Client> client_ = BoardClient(store_.url());
  RedisItemBoard board_{client_.get()};
};

INSTANTIATE_TEST_SUITE_P(Topologies, FollowingTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Cluster" : "Standalone"; });

// A publisher that was stopped in between: what it would put, as it read it from the database.
struct LatePut {
  std::string epoch;
  ItemBoard::Put put;
};

std::vector<LatePut> ReadPuts(RedisItemBoard& board, const ItemSource& source) {
  auto head = board.Head(Soon());
  EXPECT_TRUE(head.ok()) << head.status();
  if (head->epoch.empty()) {
    EXPECT_TRUE(board.Begin("", Soon()).ok());
    head = board.Head(Soon());
  }
  const auto page = source.Read({head->published + 1, ""});
  EXPECT_TRUE(page.ok()) << page.status();
  std::vector<LatePut> puts;
  int64_t published = head->published;
  for (size_t at = 0; at < page->size();) {
    const int64_t number = (*page)[at].number;
    ItemBoard::Put put;
    put.from = published;
    put.to = published = number;
    for (; at < page->size() && (*page)[at].number == number; ++at) {
      put.items.push_back((*page)[at]);
    }
    puts.push_back({head->epoch, put});
  }
  // Of a board that has all that there is.
  if (puts.empty() && !head->complete) {
    puts.push_back({head->epoch, {published, published, head->sum, true, {}}});
  }
  return puts;
}

TEST_P(FollowingTest, PutsInAnyOrderWithLossesInTheMiddle) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t n) { return random() % n; };

  ItemDatabase database;
  RecordingSink sink;
  std::vector<LatePut> late;
  std::vector<std::string> earlier;
  {
    const Follower follower(&board_, dir_.File("control"), &sink, FastFollower());
    for (int step = 0; step < 1'500; ++step) {
      const uint64_t choice = below(100);
      if (choice < 25) {
        std::vector<std::pair<std::string, std::string>> bodies;
        for (uint64_t i = 0; i <= below(3); ++i) {
          const std::string name = absl::StrCat("item/", i, below(7));
          bodies.emplace_back(name, below(8) == 0 ? "" : absl::StrCat("body ", step));
        }
        database.Change(bodies);
      } else if (choice < 35) {
        // Of some publisher; there may be several at it.
        for (LatePut& put : ReadPuts(board_, *database.source())) late.push_back(std::move(put));
      } else if (choice < 97) {
        if (late.empty()) continue;
        // Mostly the next one; now and then any, and now and then it comes again later.
        const size_t at = below(4) == 0 ? below(late.size()) : 0;
        const LatePut put = late[at];
        if (below(4) != 0) late.erase(late.begin() + static_cast<std::ptrdiff_t>(at));
        if (late.size() > 200) late.erase(late.begin(), late.begin() + 100);
        const absl::Status added = board_.Add(put.epoch, put.put, Soon()).status();
        ASSERT_TRUE(added.ok() || absl::IsAborted(added)) << added;
      } else if (choice == 97) {
        earlier = store_.Copy();
      } else if (choice == 98 && !earlier.empty()) {
        store_.GoBackTo(earlier);
      } else if (choice == 99 && below(4) == 0) {
        store_.Lose();
        earlier.clear();
      }
    }
    const Publisher publisher(database.source(), &board_, FastPublisher());
    ExpectArrives(sink, database);
    EXPECT_TRUE(sink.went_back().empty());
  }
  // And so it is on disk.
  RecordingSink again;
  store_.Lose();
  const Follower follower(&board_, dir_.File("control"), &again, FastFollower());
  EXPECT_EQ(again.items(), database.last());
}

TEST_P(FollowingTest, ThreePublishersTwoReplicasAndABoardThatIsLost) {
  ItemDatabase database;
  RecordingSink sinks[2];
  std::vector<std::unique_ptr<Follower>> followers;
  for (int i = 0; i < 2; ++i) {
    followers.push_back(std::make_unique<Follower>(&board_, dir_.File(absl::StrCat("c", i)),
                                                   &sinks[i], FastFollower(absl::StrCat("r", i))));
  }
  std::vector<std::unique_ptr<Publisher>> publishers;
  for (int i = 0; i < 3; ++i) {
    publishers.push_back(std::make_unique<Publisher>(database.source(), &board_, FastPublisher()));
  }
  for (int change = 0; change < 300; ++change) {
    database.Change({{absl::StrCat("item/", change % 40), absl::StrCat("body ", change)}});
    publishers[change % 3]->Wake();
    if (change % 100 == 50) store_.Lose();
  }
  for (const RecordingSink& sink : sinks) {
    ExpectArrives(sink, database);
    EXPECT_TRUE(sink.went_back().empty());
  }
  // They say so themselves.
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] {
    const auto reports = board_.Reports(Soon());
    return reports.ok() && reports->size() == 2 && (*reports)[0].number == database.number() &&
           (*reports)[1].number == database.number();
  }));
  EXPECT_EQ(publishers[0]->status().failures, 0);
}

// More than a page, and than a put, of one change.
TEST_P(FollowingTest, AChangeOfManyItems) {
  ItemDatabase database;
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 2'500; ++i) many.emplace_back(absl::StrCat("key/", i), "x");
  database.Change(many);
  database.Change({{"policy/acme", std::string(5 << 20, 'p')}});
  RecordingSink sink;
  const Publisher publisher(database.source(), &board_, FastPublisher());
  const Follower follower(&board_, "", &sink, FastFollower());
  ExpectArrives(sink, database);
}

// A filled position is no proof: the board went back, and came forth again with other items,
// between two looks.
// What a replica is handed at once has no change of which it lacks an item, however many puts the
// change takes, and whether it is new or read with all the rest.
TEST_P(FollowingTest, AChangeIsSeenWholeOrNotAtAll) {
  constexpr int kItems = 3 * static_cast<int>(kMaxPutItems);
  // After each hand-over all items have to be of the same change.
  class WholeSink : public RecordingSink {
   public:
    void Apply(const std::vector<ControlItem>& items) override {
      RecordingSink::Apply(items);
      std::set<int64_t> numbers;
      for (const auto& [name, item] : this->items()) numbers.insert(item.number);
      if (numbers.size() > 1 || this->items().size() != kItems) ++mixed;
    }
    std::atomic<int> mixed = 0;
  };
  ItemDatabase database;
  WholeSink sink;
  Publisher publisher(database.source(), &board_, FastPublisher());
  const std::unique_ptr<redis::Client> other = BoardClient(store_.url());
  RedisItemBoard its_board(other.get());
  Follower follower(&its_board, "", &sink, FastFollower());
  const int changes = 30;
  for (int change = 1; change <= changes; ++change) {
    std::vector<std::pair<std::string, std::string>> bodies;
    for (int i = 0; i < kItems; ++i) bodies.emplace_back(absl::StrCat("key/", i), "body");
    database.Change(bodies);
    publisher.Wake();
    if (change % 10 == 5) store_.Lose();
    // Sometimes it has this one before the next comes, sometimes not.
    if (change % 2 == 0) ExpectArrives(sink, database);
  }
  ExpectArrives(sink, database);
  EXPECT_EQ(sink.mixed, 0);
}

TEST_P(FollowingTest, APartOfAChangeWaitsForTheRest) {
  ItemDatabase database;
  database.Change({{"key/a", "1"}, {"key/b", "1"}});
  database.Change({{"key/a", "2"}, {"key/b", "2"}});
  const auto epoch = board_.Begin("", Soon());
  ASSERT_TRUE(epoch.ok()) << epoch.status();
  const auto put = [&](int64_t from, int64_t to, std::vector<ControlItem> items) {
    const auto head = board_.Add(*epoch, {from, to, std::nullopt, true, std::move(items)}, Soon());
    ASSERT_TRUE(head.ok()) << head.status();
  };
  put(0, 1, {{"key/a", 1, "1"}, {"key/b", 1, "1"}});
  RecordingSink sink;
  Follower follower(&board_, "", &sink, FastFollower());
  ASSERT_TRUE(follower.WaitForBoard(kAmple));
  put(1, 1, {{"key/a", 2, "2"}});
  const int64_t looks = follower.status().looks;
  ASSERT_TRUE(fixtures::PollUntil(kAmple, [&] { return follower.status().looks > looks + 5; }));
  EXPECT_EQ(sink.items().at("key/a").number, 1);
  EXPECT_EQ(follower.status().at.number, 1);
  put(1, 2, {{"key/b", 2, "2"}});
  ExpectArrives(sink, database);
}

TEST_P(FollowingTest, ABoardThatWentBackAndWasFilledDifferently) {
  ItemDatabase database;
  database.Change({{"a", "1"}});
  database.Change({{"b", "2"}});
  RecordingSink sink;
  std::string epoch = *board_.Begin("", Soon());
  const auto& items = database.last();
  ASSERT_TRUE(board_.Add(epoch, {0, 1, {}, true, {items.at("a")}}, Soon()).ok());
  const auto earlier = store_.Copy();
  ASSERT_TRUE(board_.Add(epoch, {1, 2, {}, false, {items.at("b")}}, Soon()).ok());
  {
    Follower follower(&board_, dir_.File("control"), &sink, FastFollower());
    ASSERT_TRUE(follower.WaitForBoard(kAmple));
    EXPECT_EQ(sink.items(), items);
  }
  // While it does not look.
  database.Change({{"a", "3"}, {"c", "3"}});
  store_.GoBackTo(earlier);
  ASSERT_TRUE(board_.Add(epoch, {1, 1, {}, false, {items.at("a")}}, Soon()).ok());
  ASSERT_TRUE(board_.Add(epoch, {1, 3, {}, false, {items.at("c"), items.at("b")}}, Soon()).ok());
  // It stands at 2 of 4, where 2 is now what it has not got.
  const Follower follower(&board_, dir_.File("control"), &sink, FastFollower());
  ExpectArrives(sink, database);
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return follower.status().at.number == 3; }));
  EXPECT_EQ(follower.status().rereads, 1);
}

TEST_P(FollowingTest, AnIncompleteBoardTakesNothingAway) {
  ItemDatabase database;
  database.Change({{"a", "1"}, {"b", "1"}});
  RecordingSink sink;
  Follower follower(&board_, "", &sink, FastFollower());
  {
    const Publisher publisher(database.source(), &board_, FastPublisher());
    ExpectArrives(sink, database);
  }
  store_.Lose();
  const std::string epoch = *board_.Begin("", Soon());
  ASSERT_TRUE(board_.Add(epoch, {0, 0, {}, false, {database.last().at("b")}}, Soon()).ok());
  const int64_t looks = follower.status().looks;
  const int64_t contact = follower.status().at.contact_us;
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return follower.status().looks > looks + 20; }));
  EXPECT_EQ(sink.items(), database.last());
  EXPECT_LE(follower.status().at.contact_us, contact + 1'000'000);
  ASSERT_TRUE(board_.Add(epoch, {0, 1, {}, true, {database.last().at("a")}}, Soon()).ok());
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return follower.status().at.epoch == epoch; }));
  EXPECT_EQ(sink.items(), database.last());
}

// Somebody deleted a part of it. Whoever reads it whole notices, and has it filled anew.
TEST_P(FollowingTest, ADamagedBoardIsFilledAnew) {
  ItemDatabase database;
  database.Change({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  RecordingSink first;
  const Publisher publisher(database.source(), &board_, FastPublisher());
  const Follower follower(&board_, "", &first, FastFollower());
  ExpectArrives(first, database);
  const std::string epoch = board_.Head(Soon())->epoch;
  for (const char* key : {"items", "order"}) {
    store_.Command({"DEL", absl::StrCat("{quotaplane}control/", key)});
    RecordingSink sink;
    const Follower fresh(&board_, "", &sink, FastFollower("r2"));
    ExpectArrives(sink, database);
  }
  EXPECT_NE(board_.Head(Soon())->epoch, epoch);
  EXPECT_EQ(first.items(), database.last());
}

TEST_P(FollowingTest, ADatabaseOfABackupTakesOver) {
  ItemDatabase database;
  for (int i = 0; i < 5; ++i) database.Change({{absl::StrCat("item/", i), "new"}});
  RecordingSink sink;
  const Follower follower(&board_, "", &sink, FastFollower());
  {
    const Publisher publisher(database.source(), &board_, FastPublisher());
    ExpectArrives(sink, database);
  }
  ItemDatabase backup;
  backup.Change({{"item/0", "old"}, {"item/9", "old"}});
  const Publisher publisher(backup.source(), &board_, FastPublisher());
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] {
    Bodies bodies;
    for (const auto& [name, item] : sink.items()) {
      if (!item.body.empty()) bodies[name] = item.body;
    }
    return bodies == Bodies{{"item/0", "old"}, {"item/9", "old"}};
  }));
}

TEST_P(FollowingTest, ADamagedFileCostsNothingButReading) {
  ItemDatabase database;
  database.Change({{"a", "1"}});
  const std::string saved = dir_.File("control");
  RecordingSink sink;
  {
    const Publisher publisher(database.source(), &board_, FastPublisher());
    Follower follower(&board_, saved, &sink, FastFollower());
    ExpectArrives(sink, database);
  }
  for (const auto& entry : std::filesystem::directory_iterator(saved)) {
    std::filesystem::resize_file(entry.path(), std::filesystem::file_size(entry.path()) / 2);
  }
  RecordingSink fresh;
  const Follower follower(&board_, saved, &fresh, FastFollower());
  ExpectArrives(fresh, database);
}

TEST_P(FollowingTest, ADiskThatCannotBeUsedIsDoneWithout) {
  std::ofstream(dir_.File("file")) << "in the way";
  ItemDatabase database;
  database.Change({{"a", "1"}});
  RecordingSink sink;
  const Publisher publisher(database.source(), &board_, FastPublisher());
  const Follower follower(&board_, dir_.File("file/control"), &sink, FastFollower());
  ExpectArrives(sink, database);
  EXPECT_FALSE(follower.status().save_error.empty());
}

// Nothing can be written for a while.
class FullDisk : public spool::FileOps {
 public:
  ssize_t Write(int fd, const char* data, size_t size) override {
    if (!full) return FileOps::Write(fd, data, size);
    errno = ENOSPC;
    return -1;
  }
  std::atomic<bool> full = false;
};

// It takes its time, until it is told otherwise.
class HangingDisk : public spool::FileOps {
 public:
  int FlushData(int fd) override {
    ++flushes;
    go_on.wait();
    return FileOps::FlushData(fd);
  }
  std::promise<void> told;
  const std::shared_future<void> go_on = told.get_future().share();
  std::atomic<int> flushes = 0;
};

TEST_P(FollowingTest, ADiskThatHangsHoldsNothingUp) {
  HangingDisk disk;
  FollowerOptions options = FastFollower();
  options.disk = &disk;
  ItemDatabase database;
  database.Change({{"a", "1"}});
  const std::string saved = dir_.File("control");
  RecordingSink sink;
  Publisher publisher(database.source(), &board_, FastPublisher());
  {
    const Follower follower(&board_, saved, &sink, options);
    ASSERT_TRUE(fixtures::PollUntil(kAmple, [&] { return disk.flushes > 0; }));
    for (int i = 2; i < 6; ++i) {
      database.Change({{absl::StrCat("item/", i % 2), absl::StrCat(i)}});
      publisher.Wake();
      ExpectArrives(sink, database);
    }
    disk.told.set_value();
  }
  RecordingSink again;
  store_.Lose();
  const Follower follower(&board_, saved, &again, FastFollower());
  EXPECT_EQ(again.items(), database.last());
}

TEST_P(FollowingTest, AFullDiskMissesNothingOnceThereIsRoom) {
  FullDisk disk;
  FollowerOptions options = FastFollower();
  options.disk = &disk;
  ItemDatabase database;
  database.Change({{"a", "1"}, {"b", "1"}});
  const std::string saved = dir_.File("control");
  RecordingSink sink;
  Publisher publisher(database.source(), &board_, FastPublisher());
  {
    const Follower follower(&board_, saved, &sink, options);
    ExpectArrives(sink, database);
    disk.full = true;
    database.Change({{"a", "2"}});
    database.Change({{"c", "3"}});
    publisher.Wake();
    ExpectArrives(sink, database);
    EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return !follower.status().save_error.empty(); }));
    disk.full = false;
    EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return follower.status().save_error.empty(); }));
  }
  RecordingSink again;
  store_.Lose();
  const Follower follower(&board_, saved, &again, FastFollower());
  EXPECT_EQ(again.items(), database.last());
}

TEST(FollowingAwayTest, AReplicaStartsFromDiskAndCatchesUp) {
  const fixtures::TempDir dir;
  BoardStore store(false);
  const auto client = BoardClient(store.url());
  RedisItemBoard board(client.get());
  ItemDatabase database;
  const Publisher publisher(database.source(), &board, FastPublisher());
  database.Change({{"a", "1"}});
  RecordingSink sink;
  {
    Follower follower(&board, dir.File("control"), &sink, FastFollower());
    ASSERT_TRUE(fixtures::PollUntil(kAmple, [&] { return sink.items() == database.last(); }));
    ASSERT_TRUE(fixtures::PollUntil(kAmple, [&] { return follower.status().at.number == 1; }));
  }
  const std::map<std::string, ControlItem> before = database.last();
  store.server().Stop();
  database.Change({{"a", "2"}, {"b", "2"}});
  const int64_t stopped_us = absl::ToUnixMicros(absl::Now());

  RecordingSink fresh;
  Follower follower(&board, dir.File("control"), &fresh, FastFollower());
  EXPECT_EQ(fresh.items(), before);
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return follower.status().away; }));
  const FollowerStatus away = follower.status();
  EXPECT_TRUE(away.from_disk);
  EXPECT_LE(away.at.contact_us, stopped_us);
  EXPECT_FALSE(away.error.empty());
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return publisher.status().away; }));

  store.server().Start();
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return fresh.items() == database.last(); }));
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return !follower.status().away; }));
  EXPECT_FALSE(follower.status().from_disk);
}

}  // namespace
}  // namespace quotaplane
