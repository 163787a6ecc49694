#include "libs/ledger/redis/book_marks.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/await.h"
#include "libs/base/status_macros.h"
#include "libs/counters/redis/layout.h"
#include "libs/redis/many_calls.h"

namespace quotaplane {
namespace {

constexpr std::chrono::seconds kTimeout(5);

constexpr char kReplace[] = R"(
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
)";

constexpr char kTake[] = R"(
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
)";

constexpr char kKeep[] = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
)";

constexpr char kGive[] = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
)";

redis::SteadyTime Deadline() { return std::chrono::steady_clock::now() + kTimeout; }
std::string MarkOf(int partition) { return absl::StrCat("{p", partition, "}b"); }
std::string LeaseOf(int partition, std::string_view lease) {
  return absl::StrCat("{p", partition, "}l/", std::string(lease));
}

}  // namespace

BookMarkScripts::BookMarkScripts() : replace(kReplace), take(kTake), keep(kKeep), give(kGive) {}

std::vector<const redis::Script*> BookMarkScripts::all() const {
  return {&replace, &take, &keep, &give};
}

const BookMarkScripts& GetBookMarkScripts() {
  static const BookMarkScripts* const kScripts = new BookMarkScripts;
  return *kScripts;
}

int RedisBookMarks::PartitionOfOrg(std::string_view org) const {
  return PartitionOf(org, partitions_);
}

absl::StatusOr<std::vector<std::string>> RedisBookMarks::ReadAll() {
  redis::ManyCalls calls;
  for (int i = 0; i < partitions_; ++i) {
    const std::string key = MarkOf(i);
    client_->Call(key, {"GET", key}, Deadline(), calls.Next());
  }
  QP_ASSIGN_OR_RETURN(std::vector<redis::Reply> replies, calls.GetAll());
  std::vector<std::string> marks;
  for (redis::Reply& reply : replies) marks.push_back(std::move(reply.text));
  return marks;
}

absl::StatusOr<bool> RedisBookMarks::Replace(int partition, const std::string& expected,
                                             const std::string& mark) {
  return Run(GetBookMarkScripts().replace, MarkOf(partition), {expected, mark});
}

absl::StatusOr<bool> RedisBookMarks::Take(int partition, std::string_view lease,
                                          std::string_view owner, absl::Duration time) {
  const std::string milliseconds = std::to_string(absl::ToInt64Milliseconds(time));
  return Run(GetBookMarkScripts().take, LeaseOf(partition, lease), {owner, milliseconds});
}

absl::StatusOr<bool> RedisBookMarks::Keep(int partition, std::string_view lease,
                                          std::string_view owner, absl::Duration time) {
  const std::string milliseconds = std::to_string(absl::ToInt64Milliseconds(time));
  return Run(GetBookMarkScripts().keep, LeaseOf(partition, lease), {owner, milliseconds});
}

absl::Status RedisBookMarks::Give(int partition, std::string_view lease, std::string_view owner) {
  return Run(GetBookMarkScripts().give, LeaseOf(partition, lease), {owner}).status();
}

absl::StatusOr<bool> RedisBookMarks::Run(const redis::Script& script, const std::string& key,
                                         const std::vector<std::string_view>& args) {
  QP_ASSIGN_OR_RETURN(const redis::Reply reply, Await<redis::Reply>([&](redis::Callback done) {
                        client_->RunScript(script, {key}, args, Deadline(), std::move(done));
                      }));
  return reply.integer == 1;
}

}  // namespace quotaplane
