#include "tests/bench/propagation/people.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "libs/auth/token.h"

namespace quotaplane::bench {

People::People()
    : auth_file_(dir_.File("auth.yaml")),
      people_({{"admin", "admin", NewToken()},
               {"approver", "approver", NewToken()},
               {"gateway", "gateway", NewToken()}}) {
  std::ofstream out(auth_file_);
  out << "tokens:\n";
  for (const Person& person : people_) {
    out << "  - {name: " << person.name << ", hash: \"" << FormatTokenHash(Hash256Of(person.token))
        << "\", expires: 2100-01-01, roles: [{role: " << person.role << ", org: \"*\"}]}\n";
  }
}

void People::Person::Sign(grpc::ClientContext* context) const {
  context->AddMetadata("authorization", absl::StrCat("Bearer ", token));
}

}  // namespace quotaplane::bench
