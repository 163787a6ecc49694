// What is wrong with a document, collected: one line per problem, bounded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/absl_view.h"
#include "libs/policy/policy.h"

namespace quotaplane {

class Problems {
 public:
  void Add(std::string_view source, std::string_view what) {
    if (lines_.size() < kMaxProblems) {
      lines_.push_back(absl::StrCat(AbslView(source), ": ", AbslView(what)));
    } else {
      ++unlisted_;
    }
  }
  // From here on, problems are only counted: checks that cost time may stop.
  bool full() const { return lines_.size() >= kMaxProblems; }

  absl::Status status() const {
    if (lines_.empty()) return absl::OkStatus();
    std::string message = absl::StrJoin(lines_, "\n");
    if (unlisted_ > 0) absl::StrAppend(&message, "\n", unlisted_, " more problems are not listed");
    return absl::InvalidArgumentError(message);
  }

 private:
  std::vector<std::string> lines_;
  size_t unlisted_ = 0;
};

}  // namespace quotaplane
