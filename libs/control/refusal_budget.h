// How many refusals the audit log takes: whoever is refused a million times must not fill it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "libs/base/mutex.h"

namespace quotaplane {

// Thread-safe.
class RefusalBudget {
 public:
  static constexpr int64_t kMaxPerMinute = 600;  // of one org, and of one actor in all orgs
  // Orgs that are told apart, and actors; those above share one budget. Callers make org names up,
  // which is why their own number counts too.
  static constexpr size_t kMaxOrgs = 10'000;

  // Whether a row may be written now; otherwise it is counted, for the org.
  bool Take(const std::string& org, const std::string& actor, int64_t now_us);
  // How many were counted since the last call. If the row that says so cannot be written, they are
  // given back.
  int64_t TakeMissing(const std::string& org);
  void GiveBack(const std::string& org, int64_t missing);

 private:
  struct Spent {
    int64_t minute = 0;
    int64_t rows = 0;
    int64_t missing = 0;
  };
  struct Book {
    std::map<std::string, Spent> spent;
    int64_t swept_minute = 0;
  };
  static Spent& Of(const std::string& name, int64_t minute, Book* book);

  Mutex mutex_;
  Book orgs_ ABSL_GUARDED_BY(mutex_);
  Book actors_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quotaplane
