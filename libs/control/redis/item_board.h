// The board in Redis. All keys share one Cluster slot:
//   {quotaplane}control           head        hash: epoch, complete, last, published, sum
//   {quotaplane}control/items     items       hash: name -> number (8 bytes, little endian), body
//   {quotaplane}control/marks     marks       hash: name -> "NUMBER CHECK"
//   {quotaplane}control/order     order       sorted set: name by position
//   {quotaplane}control/replicas  reports     hash: replica -> report
//   {quotaplane}control/seen      their times sorted set: replica by µs
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/control/items.h"
#include "libs/redis/client.h"

namespace quotaplane {

struct ItemBoardScripts {
  ItemBoardScripts();

  redis::Script begin;
  redis::Script add;
  redis::Script read;
  redis::Script report;
  redis::Script reports;

  // For redis::Client::Start.
  std::vector<const redis::Script*> all() const;
};

// One instance for the process.
const ItemBoardScripts& GetItemBoardScripts();

// Not on the client's thread.
class RedisItemBoard : public ItemBoard {
 public:
  // `client` knows GetItemBoardScripts(), and outlives this. One of its own: an item may have
  // megabytes, behind which no other call should wait.
  explicit RedisItemBoard(redis::Client* client) : client_(client) {}

  absl::StatusOr<BoardHead> Head(absl::Time deadline) override;
  absl::StatusOr<std::string> Begin(const std::string& epoch, absl::Time deadline) override;
  absl::StatusOr<BoardHead> Add(const std::string& epoch, const Put& put,
                                absl::Time deadline) override;
  absl::StatusOr<BoardPage> Read(const std::string& epoch, int64_t after_position,
                                 absl::Time deadline) override;
  absl::Status Report(const ReplicaReport& report, absl::Time deadline) override;
  absl::StatusOr<std::vector<ReplicaReport>> Reports(absl::Time deadline) override;

 private:
  absl::StatusOr<redis::Reply> Run(const redis::Script& script,
                                   const std::vector<std::string_view>& keys,
                                   const std::vector<std::string_view>& args, absl::Time deadline);

  redis::Client* const client_;
};

}  // namespace quotaplane
