// A gateway that asks one replica the same thing all the time.
#pragma once

#include <quotaplane/v1/quota.grpc.pb.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "tests/bench/propagation/people.h"

namespace quotaplane::bench {

class Probe {
 public:
  Probe(const std::string& address, const People::Person* gateway);

  enum class Answer { kAdmitted, kRefused, kKeyRefused };
  // Of org `bench`, by user or by key; each call is a new reservation. Aborts on any other answer.
  Answer ReserveAs(const std::string& user);
  Answer ReserveBy(const std::string& key);

  // Asks every 2 ms until the answer comes; when that was. Aborts after a minute.
  static std::chrono::steady_clock::time_point WaitFor(Answer answer,
                                                       const std::function<Answer()>& ask);

 private:
  Answer Reserve(quotaplane::v1::ReserveRequest request);

  const std::string name_;
  const People::Person* const gateway_;
  const std::unique_ptr<quotaplane::v1::QuotaService::Stub> stub_;
  int64_t calls_ = 0;
};

}  // namespace quotaplane::bench
