#include "libs/redis/sentinel.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/redis/ask.h"

namespace quotaplane::redis {

SentinelGroup::SentinelGroup(Engine& engine, std::vector<Endpoint> sentinels,
                             std::string master_name)
    : engine_(engine), sentinels_(std::move(sentinels)), master_name_(std::move(master_name)) {}

void SentinelGroup::FindMaster(std::function<void(absl::StatusOr<Endpoint>)> done) {
  AskNext(0, std::move(done));
}

void SentinelGroup::AskNext(size_t asked, std::function<void(absl::StatusOr<Endpoint>)> done) {
  const Endpoint& sentinel = sentinels_[next_++ % sentinels_.size()];
  Ask(engine_, sentinel, Credentials(), {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_name_},
      [this, asked, done = std::move(done)](const absl::StatusOr<Reply>& reply) mutable {
        absl::StatusOr<Endpoint> master = Read(reply);
        const bool stopping = absl::IsCancelled(master.status());
        if (master.ok() || stopping || asked + 1 == sentinels_.size())
          return done(std::move(master));
        AskNext(asked + 1, std::move(done));
      });
}

absl::StatusOr<Endpoint> SentinelGroup::Read(const absl::StatusOr<Reply>& reply) const {
  if (!reply.ok()) return reply.status();
  Endpoint master;
  if (reply->elements.size() != 2 || reply->elements[0].text.empty() ||
      !absl::SimpleAtoi(reply->elements[1].text, &master.port)) {
    return absl::UnavailableError(
        absl::StrCat("Sentinel does not know a master '", master_name_, "'"));
  }
  master.host = reply->elements[0].text;
  return master;
}

}  // namespace quotaplane::redis
