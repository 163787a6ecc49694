// Which conditions last, from what is the case each time somebody looks: what begins and what ends.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "libs/alert_sources/condition.h"

namespace quotaplane {

struct ConditionTimes {
  // A condition has to be there for so long before it is told, and gone for so long before it has
  // ended: what only flickers wakes nobody.
  int64_t begin_after_us = 0;
  int64_t end_after_us = 0;
  // One that is only counted is gone once its count has not risen for so long.
  int64_t quiet_after_us = int64_t{600} * 1'000'000;
  // What one process alone sees is told again so often while it lasts: one that is silent for
  // longer is gone, and others may say that it is over.
  int64_t again_after_us = int64_t{300} * 1'000'000;
};

// Not thread-safe.
class ConditionTracker {
 public:
  explicit ConditionTracker(const ConditionTimes& times) : times_(times) {}

  // What is to be told now; told again each time until Told says that it was.
  std::vector<Signal> Look(absl::Span<const OperationsCondition> present, int64_t now_us);
  void Told();

  // What was told by somebody before, an alert of ConditionBegins that is open: from now on it ends
  // as if it had been told from here.
  void Adopt(const Signal& told);
  // Likewise one that has ended: what was counted up to there is not told again.
  void Remember(const Signal& told);

  size_t size() const { return known_.size(); }

 private:
  using Name = std::pair<std::string, std::string>;  // and where
  struct Known {
    OperationsCondition condition;
    int64_t since_us = 0;
    int64_t gone_since_us = 0;  // 0: it is there
    int64_t told_count = 0;
    bool told = false;
    bool telling = false;  // in the answer of the last Look
    bool ending = false;
  };
  struct Counted {
    int64_t count = 0;
    int64_t rose_at_us = 0;
  };

  // False for one that is only counted, and has not risen for long.
  bool IsThere(const OperationsCondition& condition, int64_t now_us);
  void Note(const OperationsCondition& condition, int64_t now_us);

  const ConditionTimes times_;
  std::map<Name, Known> known_;
  std::map<Name, Counted> counted_;
};

}  // namespace quotaplane
