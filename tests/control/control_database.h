// The admin's side of tests and benchmarks: a database whose changes are written as libs/control
// writes them, and a publisher.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/control/item_source.h"
#include "libs/control/publisher.h"
#include "libs/control/redis/item_board.h"
#include "libs/redis/client.h"
#include "libs/sql/database.h"

namespace quotaplane::fixtures {

class ControlDatabase {
 public:
  // Makes the schema. Aborts where something does not work, as all that follows.
  ControlDatabase(const std::string& database_url, const std::string& redis_url);

  struct Body {
    std::string name;
    std::string body;
  };
  // One change, committed on return; the publisher is told.
  void Write(const std::vector<Body>& items);
  // Waits until the board has every change.
  void WaitUntilPublished();
  // Waits until `replicas` say that they have every change.
  void WaitForReplicas(size_t replicas);

  std::string version();  // of the database program

 private:
  const std::unique_ptr<sql::Database> database_;
  const ItemSource source_;
  const std::unique_ptr<redis::Client> client_;
  RedisItemBoard board_;
  Publisher publisher_;
  int64_t number_ = 0;
};

}  // namespace quotaplane::fixtures
