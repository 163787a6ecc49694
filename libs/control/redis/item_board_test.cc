#include "libs/control/redis/item_board.h"

#include <gtest/gtest.h>

#include "libs/control/redis/test_following.h"

namespace quotaplane {
namespace {

class ItemBoardTest : public testing::TestWithParam<bool> {
 protected:
  std::string Begun() {
    const auto epoch = board_.Begin("", Soon());
    EXPECT_TRUE(epoch.ok()) << epoch.status();
    return *epoch;
  }
  void Add(const std::string& epoch, const ItemBoard::Put& put) {
    const auto added = board_.Add(epoch, put, Soon());
    ASSERT_TRUE(added.ok()) << added.status();
    EXPECT_EQ(*added, Head());
  }
  BoardHead Head() {
    const auto head = board_.Head(Soon());
    EXPECT_TRUE(head.ok()) << head.status();
    return *head;
  }
  BoardPage Read(const std::string& epoch, int64_t position) {
    const auto page = board_.Read(epoch, position, Soon());
    EXPECT_TRUE(page.ok()) << page.status();
    return *page;
  }

  BoardStore store_{GetParam()};
  const std::unique_ptr<redis::Client> client_ = BoardClient(store_.url());
  RedisItemBoard board_{client_.get()};
};

INSTANTIATE_TEST_SUITE_P(Topologies, ItemBoardTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Cluster" : "Standalone"; });

TEST_P(ItemBoardTest, NobodyHasBegunIt) {
  EXPECT_EQ(Head(), BoardHead());
  EXPECT_TRUE(absl::IsAborted(board_.Read("any", 0, Soon()).status()));
  EXPECT_TRUE(absl::IsAborted(board_.Add("any", {}, Soon()).status()));
}

TEST_P(ItemBoardTest, OfTwoThatBeginBothGetTheSame) {
  const std::string epoch = Begun();
  EXPECT_FALSE(epoch.empty());
  EXPECT_EQ(Begun(), epoch);
  Add(epoch, {0, 5, {}, true, {{"a", 5, "x"}}});
  const auto next = board_.Begin(epoch, Soon());
  ASSERT_TRUE(next.ok());
  EXPECT_NE(*next, epoch);
  EXPECT_EQ(Head(), (BoardHead{*next, false, 0, 0, 0}));
  EXPECT_TRUE(Read(*next, 0).items.empty());
  EXPECT_EQ(*board_.Begin(epoch, Soon()), *next);
}

TEST_P(ItemBoardTest, ItemsGetPositionsAndTheHigherNumberStays) {
  const std::string epoch = Begun();
  const ControlItem a1{"a", 1, "one"}, b2{"b", 2, std::string("\0\r\n", 3)}, a3{"a", 3, ""};
  Add(epoch, {0, 2, {}, false, {a1, b2}});
  EXPECT_EQ(Head(), (BoardHead{epoch, false, 2, 2,
                               (ItemCheck("a", 1) + ItemCheck("b", 2)) % kItemSumModulus}));
  BoardPage page = Read(epoch, 0);
  EXPECT_EQ(page.items, (std::vector<ControlItem>{a1, b2}));
  EXPECT_EQ(page.position, 2);

  Add(epoch, {2, 3, {}, true, {a3}});
  const BoardHead head{epoch, true, 3, 3,
                       (ItemCheck("a", 3) + ItemCheck("b", 2)) % kItemSumModulus};
  EXPECT_EQ(Head(), head);
  Add(epoch, {0, 2, {}, false, {a1, b2}});  // late
  Add(epoch, {2, 3, {}, true, {a3}});       // twice
  EXPECT_EQ(Head(), head);
  page = Read(epoch, 2);
  EXPECT_EQ(page.items, (std::vector<ControlItem>{a3}));
  EXPECT_EQ(page.position, 3);
  page = Read(epoch, 0);
  EXPECT_EQ(page.items, (std::vector<ControlItem>{b2, a3}));
  page = Read(epoch, 3);
  EXPECT_TRUE(page.items.empty());
  EXPECT_EQ(page.position, 3);
}

TEST_P(ItemBoardTest, WhatWouldLeaveAGapIsRefused) {
  const std::string epoch = Begun();
  Add(epoch, {0, 4, {}, true, {{"a", 4, "x"}}});
  const BoardHead before = Head();
  EXPECT_TRUE(
      absl::IsAborted(board_.Add(epoch, {5, 6, {}, true, {{"b", 6, "y"}}}, Soon()).status()));
  EXPECT_TRUE(
      absl::IsAborted(board_.Add("other", {4, 6, {}, true, {{"b", 6, "y"}}}, Soon()).status()));
  EXPECT_EQ(Head(), before);
  EXPECT_EQ(Read(epoch, 0).items.size(), 1);
}

TEST_P(ItemBoardTest, APartThatFollowsAnotherIsRefusedIfThatIsGone) {
  const std::string epoch = Begun();
  const auto earlier = store_.Copy();
  Add(epoch, {0, 0, {}, false, {{"a", 4, "x"}}});
  const uint64_t sum = Head().sum;
  store_.GoBackTo(earlier);
  const ItemBoard::Put second{0, 4, sum, true, {{"b", 4, "x"}}};
  EXPECT_TRUE(absl::IsAborted(board_.Add(epoch, second, Soon()).status()));
  EXPECT_EQ(Head(), (BoardHead{epoch, false, 0, 0, 0}));
  Add(epoch, {0, 0, {}, false, {{"a", 4, "x"}}});
  Add(epoch, second);
  EXPECT_TRUE(Head().complete);
  EXPECT_EQ(Head().published, 4);
}

TEST_P(ItemBoardTest, NumbersAreExactUpToTheLast) {
  const std::string epoch = Begun();
  const int64_t most = int64_t{1} << 53;
  Add(epoch, {0, most - 1, {}, false, {{"a", most - 1, "x"}}});
  Add(epoch, {most - 1, most, {}, true, {{"a", most, "y"}}});
  EXPECT_EQ(Head().published, most);
  EXPECT_EQ(Head().sum, ItemCheck("a", most));
  EXPECT_EQ(Read(epoch, 0).items, (std::vector<ControlItem>{{"a", most, "y"}}));
}

TEST_P(ItemBoardTest, ManyItemsComeInPages) {
  const std::string epoch = Begun();
  int64_t number = 0;
  for (int put = 0; put < 5; ++put) {
    ItemBoard::Put items{number, number, {}, false, {}};
    for (size_t i = 0; i < kMaxPutItems; ++i) {
      ++number;
      items.items.push_back({absl::StrCat("i", number), number, "x"});
    }
    items.to = number;
    Add(epoch, items);
  }
  int64_t position = 0;
  int pages = 0;
  std::vector<ControlItem> all;
  for (BoardPage page = Read(epoch, 0); !page.items.empty(); page = Read(epoch, position)) {
    all.insert(all.end(), page.items.begin(), page.items.end());
    position = page.position;
    ++pages;
  }
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(all.size(), static_cast<size_t>(number));
  for (int64_t i = 0; i < number; ++i) EXPECT_EQ(all[i].number, i + 1);
}

TEST_P(ItemBoardTest, LargeItemsComeAlone) {
  const std::string epoch = Begun();
  const std::string body(3 << 20, 'x');
  for (int64_t i = 1; i <= 5; ++i) {
    Add(epoch, {i - 1, i, {}, false, {{absl::StrCat("p", i), i, body}}});
  }
  BoardPage page = Read(epoch, 0);
  EXPECT_EQ(page.items.size(), 2);
  EXPECT_EQ(page.position, 2);
  EXPECT_EQ(page.items[0].body, body);
}

TEST_P(ItemBoardTest, ReplicasReportAndAreForgotten) {
  const ReplicaReport one{"host/1", "e", 5, 4, 0, 3, 2, 1, "a file\tis bad\n"},
      two{"host/2", "", 0, 0, 0, 0, 0, 0};
  ASSERT_TRUE(board_.Report(one, Soon()).ok());
  ASSERT_TRUE(board_.Report(two, Soon()).ok());
  auto reports = board_.Reports(Soon());
  ASSERT_TRUE(reports.ok()) << reports.status();
  ASSERT_EQ(reports->size(), 2);
  const ReplicaReport& first = (*reports)[0].replica == one.replica ? (*reports)[0] : (*reports)[1];
  EXPECT_EQ(first.epoch, "e");
  EXPECT_EQ(first.position, 5);
  EXPECT_EQ(first.number, 4);
  EXPECT_EQ(first.keys, 3);
  EXPECT_EQ(first.orgs, 2);
  EXPECT_EQ(first.rejected, 1);
  EXPECT_EQ(first.conditions, "a file\tis bad\n");
  EXPECT_NEAR(static_cast<double>(first.seen_us),
              static_cast<double>(absl::ToUnixMicros(absl::Now())), 60e6);

  // One of an earlier version says nothing of what is wrong with it.
  store_.Command({"HSET", "{quotaplane}control/replicas", "host/1", "e 5 4 3 2 1"});
  reports = board_.Reports(Soon());
  ASSERT_TRUE(reports.ok()) << reports.status();
  EXPECT_EQ((*reports)[0].conditions + (*reports)[1].conditions, "");

  store_.Command({"ZINCRBY", "{quotaplane}control/seen", "-61000000", "host/1"});
  reports = board_.Reports(Soon());
  ASSERT_TRUE(reports.ok());
  ASSERT_EQ(reports->size(), 1);
  EXPECT_EQ((*reports)[0].replica, "host/2");
  ASSERT_TRUE(board_.Report(two, Soon()).ok());
  EXPECT_EQ(store_.Command({"HLEN", "{quotaplane}control/replicas"}).integer, 1);
}

// The rules that the documentation asks for.
TEST(ItemBoardAcl, IsAllowedWhatCountersAre) {
  const fixtures::RedisServer server(
      {.users = {{"quota", "secret",
                  "~{p* ~{quotaplane}* +@read +@write +@scripting +@connection +time"}}});
  const auto client = BoardClient(server.url());
  RedisItemBoard board(client.get());
  const auto epoch = board.Begin("", Soon());
  ASSERT_TRUE(epoch.ok()) << epoch.status();
  EXPECT_TRUE(board.Add(*epoch, {0, 1, {}, true, {{"a", 1, "x"}}}, Soon()).ok());
  EXPECT_TRUE(board.Head(Soon()).ok());
  EXPECT_TRUE(board.Read(*epoch, 0, Soon()).ok());
  EXPECT_TRUE(board.Report({"r", *epoch, 1, 1, 0, 0, 0, 0}, Soon()).ok());
  EXPECT_TRUE(board.Reports(Soon()).ok());
}

}  // namespace
}  // namespace quotaplane
