#include "libs/redis/slots.h"

#include <gtest/gtest.h>

#include "libs/redis/server_error.h"

namespace quotaplane::redis {
namespace {

// 12739 is the check value of the Cluster specification; the others are what a server answers to
// CLUSTER KEYSLOT.
TEST(SlotsTest, KeySlots) {
  EXPECT_EQ(KeySlot("123456789"), 12739);
  EXPECT_EQ(KeySlot(""), 0);
  EXPECT_EQ(KeySlot("foo"), 12182);
  EXPECT_EQ(KeySlot("{foo}bar"), KeySlot("foo"));
  EXPECT_EQ(KeySlot("a{foo}{bar}"), KeySlot("foo"));
  EXPECT_EQ(KeySlot("a{{foo}}"), KeySlot("{foo"));
  EXPECT_NE(KeySlot("{}foo"), KeySlot("foo"));
  EXPECT_NE(KeySlot("{foo"), KeySlot("foo"));
}

Reply Text(std::string text) { return {Reply::Type::kString, 0, std::move(text), {}}; }
Reply Number(int64_t value) { return {Reply::Type::kInteger, value, "", {}}; }
Reply Array(std::vector<Reply> elements) {
  return {Reply::Type::kArray, 0, "", std::move(elements)};
}

TEST(SlotsTest, ReadsClusterSlots) {
  const Endpoint asked{"", "seed", 1};
  const Reply reply = Array({
      Array({Number(0), Number(99), Array({Text("h1"), Number(7000), Text("id")}),
             Array({Text("replica"), Number(7009)})}),
      Array({Number(100), Number(100), Array({Reply{}, Number(7001)})}),
      Array({Number(200), Number(16383), Array({Text("?"), Number(7002)})}),
  });
  const auto ranges = ParseClusterSlots(reply, asked);
  ASSERT_TRUE(ranges.ok()) << ranges.status();
  ASSERT_EQ(ranges->size(), 3u);
  EXPECT_EQ((*ranges)[0].last, 99);
  EXPECT_EQ((*ranges)[0].master.ToString(), "h1:7000");
  EXPECT_EQ((*ranges)[1].master.ToString(), "seed:7001");
  EXPECT_EQ((*ranges)[2].master.ToString(), "seed:7002");
}

TEST(SlotsTest, RefusesOtherShapes) {
  const Endpoint asked{"", "seed", 1};
  const Reply master = Array({Text("h"), Number(1)});
  const std::vector<Reply> bad = {
      Text("OK"),
      Array({Text("x")}),
      Array({Array({Number(0), Number(1)})}),
      Array({Array({Number(-1), Number(1), master})}),
      Array({Array({Number(2), Number(1), master})}),
      Array({Array({Number(0), Number(16384), master})}),
      Array({Array({Number(0), Number(1), Array({Text("h")})})}),
      Array({Array({Number(0), Number(1), Array({Text("h"), Number(0)})})}),
      Array({Array({Number(0), Number(1), Array({Text("h"), Number(70000)})})}),
  };
  for (const Reply& reply : bad)
    EXPECT_EQ(ParseClusterSlots(reply, asked).status().code(), absl::StatusCode::kInternal);
}

TEST(ServerErrorTest, Redirections) {
  const auto moved = ParseRedirection("MOVED 3999 127.0.0.1:6381");
  ASSERT_TRUE(moved.has_value());
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->endpoint.ToString(), "127.0.0.1:6381");
  EXPECT_EQ(ParseRedirection("ASK 1 :7000")->endpoint.host, "");
  for (const char* bad : {"MOVED", "MOVED 1", "MOVED x h:1", "MOVED 16384 h:1", "MOVED -1 h:1",
                          "MOVED 1 h", "MOVED 1 h:1 x"}) {
    EXPECT_FALSE(ParseRedirection(bad).has_value()) << bad;
  }
}

TEST(ServerErrorTest, WhatTheStoreCannotServeNowIsUnavailable) {
  for (const char* message :
       {"OOM command not allowed", "LOADING Redis is loading", "READONLY You can't write",
        "CLUSTERDOWN The cluster is down", "MASTERDOWN Link with MASTER is down",
        "TRYAGAIN Multiple keys request", "BUSY Redis is busy running a script",
        "MISCONF Redis is configured to save", "NOREPLICAS Not enough good replicas"}) {
    EXPECT_EQ(ServerErrorStatus(message).code(), absl::StatusCode::kUnavailable) << message;
    EXPECT_EQ(ServerErrorStatus(message).message(), message);
  }
  for (const char* message :
       {"ERR wrong", "WRONGTYPE x", "NOPERM x", "OOMPH", "", "BUSYKEY exists"}) {
    EXPECT_EQ(ServerErrorStatus(message).code(), absl::StatusCode::kFailedPrecondition) << message;
  }
}

}  // namespace
}  // namespace quotaplane::redis
