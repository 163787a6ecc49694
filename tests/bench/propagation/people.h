// Who calls in the benchmark: an admin, an approver and a gateway, each by a token.
#pragma once

#include <grpcpp/client_context.h>

#include <string>
#include <vector>

#include "libs/testing/temp_dir.h"

namespace quotaplane::bench {

class People {
 public:
  People();

  struct Person {
    std::string name;
    std::string role;
    std::string token;

    void Sign(grpc::ClientContext* context) const;
  };
  const Person& admin() const { return people_[0]; }
  const Person& approver() const { return people_[1]; }
  const Person& gateway() const { return people_[2]; }

  // For --auth. Removed with this.
  const std::string& auth_file() const { return auth_file_; }

 private:
  const fixtures::TempDir dir_;
  const std::string auth_file_;
  const std::vector<Person> people_;
};

}  // namespace quotaplane::bench
