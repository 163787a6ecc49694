// What admins of org `bench` do, by AdminService. Each aborts where it is refused.
#pragma once

#include <quotaplane/v1/admin.grpc.pb.h>

#include <cstdint>
#include <memory>
#include <string>

#include "tests/bench/propagation/people.h"

namespace quotaplane::bench {

class Admin {
 public:
  Admin(const std::string& address, const People* people);

  // Makes the org's state what the document says.
  void Apply(const std::string& yaml);

  // Of one user in the limit `user-day`.
  void SetAmount(const std::string& user, int64_t amount);
  struct Draft {
    int64_t version = 0;
    std::string etag;
  };
  Draft MakeDraft(const std::string& user, int64_t amount);
  void Activate(const Draft& draft);

  struct Raise {
    std::string id;
    std::string etag;
  };
  Raise RequestRaise(const std::string& user, int64_t amount);
  void Approve(const Raise& raise);

  void RevokeKey(const std::string& id);

  // Waits until `replicas` have all there is.
  void WaitForReplicas(int replicas);

 private:
  template <typename Request, typename Response>
  Response Call(grpc::Status (v1::AdminService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                               Response*),
                Request request, const People::Person& person);
  template <typename Request>
  Request Asked();

  const People* const people_;
  const std::unique_ptr<v1::AdminService::Stub> stub_;
  int64_t calls_ = 0;
};

}  // namespace quotaplane::bench
