// A store, a database and a replica, for tests of the way of items.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/mutex.h"
#include "libs/control/follower.h"
#include "libs/control/item_source.h"
#include "libs/control/publisher.h"
#include "libs/control/redis/item_board.h"
#include "libs/redis/client.h"
#include "libs/sql/database.h"
#include "libs/sql/migrate.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_cluster.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane {

inline constexpr absl::Duration kAmple = absl::Seconds(30);
inline absl::Time Soon() { return absl::Now() + absl::Seconds(10); }

inline std::unique_ptr<redis::Client> BoardClient(const std::string& url) {
  redis::ClientOptions options;
  options.url = url;
  auto client = redis::Client::Start(options, GetItemBoardScripts().all());
  EXPECT_TRUE(client.ok()) << client.status();
  const absl::Status ready = (*client)->WaitReady(kAmple);
  EXPECT_TRUE(ready.ok()) << ready;
  return *std::move(client);
}

// Of one server or of a cluster.
class BoardStore {
 public:
  explicit BoardStore(bool cluster) {
    if (cluster) {
      cluster_ = std::make_unique<fixtures::RedisCluster>();
    } else {
      server_ = std::make_unique<fixtures::RedisServer>();
    }
  }
  std::string url() const { return cluster_ != nullptr ? cluster_->url() : server_->url(); }
  fixtures::RespReply Command(const std::vector<std::string>& args) {
    return cluster_ != nullptr ? cluster_->Command(args) : server_->Command(args);
  }
  // On the server that has the board.
  fixtures::RespReply CommandThere(const std::vector<std::string>& args) {
    if (cluster_ == nullptr) return server_->Command(args);
    return cluster_->node(cluster_->MasterOf(board_keys_[0])).Command(args);
  }
  // The board is gone.
  void Lose() {
    std::vector<std::string> args{"DEL"};
    args.insert(args.end(), board_keys_.begin(), board_keys_.end());
    Command(args);
  }
  // What a Redis replica that took over has: everything up to some moment, in the order of keys.
  // While nobody writes.
  std::vector<std::string> Copy() {
    std::vector<std::string> copy;
    for (const std::string& key : board_keys_) copy.push_back(Command({"DUMP", key}).text);
    return copy;
  }
  void GoBackTo(const std::vector<std::string>& copy) {
    std::vector<std::string> args{
        "EVAL",
        "for i, key in ipairs(KEYS) do redis.call('DEL', key) if ARGV[i] ~= '' then "
        "redis.call('RESTORE', key, 0, ARGV[i]) end end return 'OK'",
        absl::StrCat(board_keys_.size())};
    args.insert(args.end(), board_keys_.begin(), board_keys_.end());
    args.insert(args.end(), copy.begin(), copy.end());
    EXPECT_EQ(CommandThere(args).text, "OK");
  }
  fixtures::RedisServer& server() { return *server_; }

 private:
  const std::vector<std::string> board_keys_{"{quotaplane}control", "{quotaplane}control/items",
                                             "{quotaplane}control/marks",
                                             "{quotaplane}control/order"};
  std::unique_ptr<fixtures::RedisServer> server_;
  std::unique_ptr<fixtures::RedisCluster> cluster_;
};

// Its items change as those of a real one do: one change after the other, each with the next
// number.
class ItemDatabase {
 public:
  ItemDatabase() {
    auto database = sql::Database::Open({.url = absl::StrCat("sqlite:", dir_.File("c.db"))});
    EXPECT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    EXPECT_TRUE(sql::Migrate(*database_).ok());
    source_ = std::make_unique<ItemSource>(database_.get());
  }

  // One thread at a time.
  void Change(const std::vector<std::pair<std::string, std::string>>& bodies) {
    ++number_;
    auto transaction = database_->Begin();
    ASSERT_TRUE(transaction.ok()) << transaction.status();
    for (const auto& [name, body] : bodies) {
      const auto written = (*transaction)
                               ->Execute({"item",
                                          "INSERT INTO control_items VALUES ($1, $2, $3) ON "
                                          "CONFLICT (name) DO UPDATE SET number = "
                                          "excluded.number, body = excluded.body"},
                                         {name, number_, sql::Bytes{body}});
      ASSERT_TRUE(written.ok()) << written.status();
    }
    // Before it is committed: nobody can have seen it earlier.
    {
      MutexLock lock(mutex_);
      for (const auto& [name, body] : bodies) history_[{name, number_}] = body;
    }
    ASSERT_TRUE((*transaction)->Commit().ok());
    for (const auto& [name, body] : bodies) last_[name] = {name, number_, body};
  }

  const std::map<std::string, ControlItem>& last() const { return last_; }
  int64_t number() const { return number_; }
  void set_number(int64_t number) { number_ = number; }
  const ItemSource* source() const { return source_.get(); }
  // Whether there ever was such an item.
  bool Had(const ControlItem& item) const {
    MutexLock lock(mutex_);
    const auto found = history_.find({item.name, item.number});
    return found != history_.end() && found->second == item.body;
  }

 private:
  const fixtures::TempDir dir_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<ItemSource> source_;
  int64_t number_ = 0;
  std::map<std::string, ControlItem> last_;
  mutable Mutex mutex_;
  std::map<std::pair<std::string, int64_t>, std::string> history_;
};

// Remembers what it was handed.
class RecordingSink : public ItemSink {
 public:
  void Apply(const std::vector<ControlItem>& items) override {
    MutexLock lock(mutex_);
    for (const ControlItem& item : items) {
      ControlItem& present = items_[item.name];
      if (item.number < present.number) went_back_.push_back(item);
      present = item;
      applied_.push_back(item);
    }
  }
  Counts counts() const override {
    MutexLock lock(mutex_);
    return {static_cast<int64_t>(items_.size()), 0, 0};
  }

  std::map<std::string, ControlItem> items() const {
    MutexLock lock(mutex_);
    return items_;
  }
  std::vector<ControlItem> applied() const {
    MutexLock lock(mutex_);
    return applied_;
  }
  // Those that were older than what there was.
  std::vector<ControlItem> went_back() const {
    MutexLock lock(mutex_);
    return went_back_;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, ControlItem> items_;
  std::vector<ControlItem> applied_;
  std::vector<ControlItem> went_back_;
};

inline FollowerOptions FastFollower(const std::string& replica = "r1") {
  FollowerOptions options;
  options.replica = replica;
  options.poll = absl::Milliseconds(1);
  options.report_every = absl::Milliseconds(50);
  options.first_reread = absl::Milliseconds(10);
  options.longest_reread = absl::Milliseconds(100);
  options.save_contact_every = absl::Milliseconds(200);
  options.now_us = [] { return absl::ToUnixMicros(absl::Now()); };
  return options;
}
inline PublisherOptions FastPublisher() {
  PublisherOptions options;
  options.interval = absl::Milliseconds(20);
  options.first_retry = absl::Milliseconds(10);
  options.longest_retry = absl::Milliseconds(50);
  return options;
}

}  // namespace quotaplane
