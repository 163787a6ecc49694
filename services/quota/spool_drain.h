// Charges what was spooled while the store was away, once it is back; also what a former process
// left behind.
#pragma once

#include <thread>

#include "absl/synchronization/notification.h"
#include "libs/admission/admission.h"
#include "libs/base/error.h"
#include "libs/spool/spool.h"

namespace quotaplane {

// The spool as admission sees it.
class DiskChargeSpool : public ChargeSpool {
 public:
  explicit DiskChargeSpool(Spool* spool) : spool_(spool) {}
  void Append(std::string record, absl::AnyInvocable<void(absl::Status)> done) override {
    spool_->Append(std::move(record), std::move(done));
  }

 private:
  Spool* const spool_;
};

// One thread, which reads the spool in order and acknowledges what is charged. What cannot be
// charged now stays and is tried again; what can never be charged (not a record) is logged and
// passed over.
class SpoolDrain {
 public:
  // Both must outlive it.
  SpoolDrain(Spool* spool, Admission* admission);
  // Stops after the batch under way.
  ~SpoolDrain();

 private:
  void Run();
  // Charges up to kBatch records at once. An error if one of them cannot be charged now: neither
  // that one nor those behind it are acknowledged.
  absl::Status ChargeBatch(Spool::Entry first);

  Spool* const spool_;
  Admission* const admission_;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
