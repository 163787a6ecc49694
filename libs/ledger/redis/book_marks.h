// The marks in Redis (libs/counters/redis/layout.h has the keys).
#pragma once

#include <string>
#include <vector>

#include "libs/ledger/book_marks.h"
#include "libs/redis/client.h"

namespace quotaplane {

struct BookMarkScripts {
  BookMarkScripts();

  // KEYS [1] mark.  ARGV [1] expected, empty: none; [2] new.  Replies 1 if it was replaced.
  redis::Script replace;
  // KEYS [1] lease.  ARGV [1] owner, [2] milliseconds.  Replies 1 if it is the owner's now.
  redis::Script take;
  // The same, but only where it was the owner's before.
  redis::Script keep;
  // KEYS [1] lease.  ARGV [1] owner.  Replies 1 if it was the owner's.
  redis::Script give;

  // For redis::Client::Start.
  std::vector<const redis::Script*> all() const;
};

// One instance for the process.
const BookMarkScripts& GetBookMarkScripts();

// Not on the client's thread.
class RedisBookMarks : public BookMarks {
 public:
  // `client` knows GetBookMarkScripts(), and outlives this.
  RedisBookMarks(redis::Client* client, int partitions)
      : client_(client), partitions_(partitions) {}

  int partitions() const override { return partitions_; }
  int PartitionOfOrg(std::string_view org) const override;
  absl::StatusOr<std::vector<std::string>> ReadAll() override;
  absl::StatusOr<bool> Replace(int partition, const std::string& expected,
                               const std::string& mark) override;
  absl::StatusOr<bool> Take(int partition, std::string_view lease, std::string_view owner,
                            absl::Duration time) override;
  absl::StatusOr<bool> Keep(int partition, std::string_view lease, std::string_view owner,
                            absl::Duration time) override;
  absl::Status Give(int partition, std::string_view lease, std::string_view owner) override;

 private:
  absl::StatusOr<bool> Run(const redis::Script& script, const std::string& key,
                           const std::vector<std::string_view>& args);

  redis::Client* const client_;
  const int partitions_;
};

}  // namespace quotaplane
